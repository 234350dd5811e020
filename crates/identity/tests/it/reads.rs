//! A request reads nothing twice: the gate's read, the reads for the decision, the reads for the response.

use aws::iam::{
    AttachRolePolicyRequest, CreatePolicyRequest, GetUserRequest, SimulatePrincipalPolicyRequest,
    SimulationRules,
};

use crate::credentials::{ALL, document, open_role};
use crate::world::{ACCOUNT, World, ctx};

/// The number of read operations of a request. The policies of the caller are cached already.
async fn reads<T>(world: &World, request: impl Future<Output = access::error::Result<T>>) -> u64 {
    let before = world.meta.reads();
    request.await.unwrap();
    world.meta.reads() - before
}

#[tokio::test]
async fn showing_a_user_reads_caller_user_and_tags() {
    let world = World::new().await;
    let (identity, admin) = (&world.rules.identity, ctx(&world.admin));
    identity.get_user(&admin, GetUserRequest::default()).await.unwrap();
    let named = GetUserRequest { user_name: Some("admin".to_owned()) };
    for request in [GetUserRequest::default(), named] {
        assert_eq!(reads(&world, identity.get_user(&admin, request)).await, 3);
    }
}

#[tokio::test]
async fn attaching_a_policy_reads_caller_role_and_tags() {
    let world = World::new().await;
    let (identity, admin) = (&world.rules.identity, ctx(&world.admin));
    open_role(&world, "node").await;
    let create = CreatePolicyRequest {
        policy_name: "own".to_owned(),
        policy_document: document(ALL),
        ..CreatePolicyRequest::default()
    };
    identity.create_policy(&admin, create).await.unwrap();
    for policy_arn in
        ["arn:aws:iam::aws:policy/ReadOnlyAccess", &format!("arn:aws:iam::{ACCOUNT}:policy/own")]
    {
        let attach =
            AttachRolePolicyRequest { role_name: "node".to_owned(), policy_arn: policy_arn.to_owned() };
        assert_eq!(reads(&world, identity.attach_role_policy(&admin, attach)).await, 3, "{policy_arn}");
    }
}

#[tokio::test]
async fn a_simulation_loads_the_principals_policies_once() {
    let world = World::new().await;
    let (identity, admin) = (&world.rules.identity, ctx(&world.admin));
    world.user("alice", ALL).await;
    identity.get_user(&admin, GetUserRequest::default()).await.unwrap();
    let simulate = SimulatePrincipalPolicyRequest {
        policy_source_arn: format!("arn:aws:iam::{ACCOUNT}:user/alice"),
        rules: SimulationRules {
            action_names: vec!["ecr:BatchGetImage".to_owned(), "ecr:PutImage".to_owned()],
            ..SimulationRules::default()
        },
    };
    assert_eq!(reads(&world, identity.simulate_principal_policy(&admin, simulate)).await, 3);
}
