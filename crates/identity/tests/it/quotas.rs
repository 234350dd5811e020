//! Quotas that the operator changed.

use access::error::{AwsCode, Code};
use access::quota::Quotas;
use aws::iam::{CreateUserRequest, GetAccountSummaryRequest};
use aws::organizations::WharfDescribeQuotasRequest;

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

#[tokio::test]
async fn quotas_are_shown_with_what_an_account_uses() {
    let world = World::new().await;
    let identity = world.another_with(&Quotas::default()).await.identity;
    let describe = async |account: Option<&str>| {
        let input = WharfDescribeQuotasRequest { account_id: account.map(str::to_owned) };
        identity.wharf_describe_quotas(&ctx(&world.admin), input).await
    };
    let account = world.admin.account_id.to_string();
    for (account, used) in [(Some(account.as_str()), Some(1)), (None, None)] {
        let shown = describe(account).await.unwrap();
        let users = shown.quotas.iter().find(|quota| quota.name == "UsersPerAccount").unwrap();
        assert_eq!((users.setting.as_deref(), users.limit), (Some("users_per_account"), 5_000));
        assert_eq!(users.used, used);
        let images = shown.quotas.iter().find(|quota| quota.name == "Images per repository").unwrap();
        assert_eq!(images.used, used.map(|_| 0));
        assert!(shown.quotas.iter().any(|quota| quota.name == "PolicySize" && quota.limit == 6_144));
        assert!(!shown.rates_enabled);
        let put = shown.rates.iter().find(|rate| rate.setting == "put_image").unwrap();
        assert_eq!(put.per_second, 10);
    }
    let error = describe(Some("999999999999")).await.unwrap_err();
    assert_eq!(error.code, Code::Aws(AwsCode::AccountNotFound));
}
