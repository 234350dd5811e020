//! Quotas that the operator changed.

use access::quota::Quotas;
use aws::iam::{CreateUserRequest, GetAccountSummaryRequest};

use crate::world::{World, ctx};

#[tokio::test]
async fn a_changed_quota_is_enforced_and_shown() {
    let world = World::new().await;
    let mut quotas = Quotas::default();
    quotas.set("users_per_account", 2).unwrap();
    let identity = world.another_with(&quotas).await.identity;
    let create =
        |name: &str| CreateUserRequest { user_name: name.to_owned(), ..CreateUserRequest::default() };
    identity.create_user(&ctx(&world.admin), create("second")).await.unwrap();
    let error = identity.create_user(&ctx(&world.admin), create("third")).await.unwrap_err();
    assert_eq!(error.message, "Cannot exceed quota for UsersPerAccount: 2");
    let summary = identity
        .get_account_summary(&ctx(&world.admin), GetAccountSummaryRequest {})
        .await
        .unwrap()
        .summary_map;
    assert_eq!((summary["Users"], summary["UsersQuota"]), (2, 2));
}
