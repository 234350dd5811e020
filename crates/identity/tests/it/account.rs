//! The account as a whole: its counts, and its details in pages.

use aws::iam::{
    AddUserToGroupRequest, AttachRolePolicyRequest, CreateGroupRequest, CreatePolicyRequest,
    CreateRoleRequest, GetAccountAuthorizationDetailsRequest, GetAccountSummaryRequest, ListPoliciesRequest,
};

use crate::world::{ACCOUNT, World, ctx};

const READ_ONLY: &str = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly";
const ANY: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:*","Resource":"*"}}"#;

/// An account with the administrator, a user in a group, two roles and two policies. One role has the second policy.
async fn furnished() -> World {
    let world = World::new().await;
    let at = || ctx(&world.admin);
    world.user("alice", r#"{"Effect":"Allow","Action":"ecr:*","Resource":"*"}"#).await;
    let group = CreateGroupRequest { group_name: "team".to_owned(), ..CreateGroupRequest::default() };
    world.rules.identity.create_group(&at(), group).await.unwrap();
    let join = AddUserToGroupRequest { group_name: "team".to_owned(), user_name: "alice".to_owned() };
    world.rules.identity.add_user_to_group(&at(), join).await.unwrap();
    for name in ["node", "other"] {
        let trust = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"{ACCOUNT}"}},"Action":"sts:AssumeRole"}}}}"#
        );
        let role = CreateRoleRequest {
            role_name: name.to_owned(),
            assume_role_policy_document: trust,
            ..CreateRoleRequest::default()
        };
        world.rules.identity.create_role(&at(), role).await.unwrap();
    }
    for name in ["a", "b"] {
        let policy = CreatePolicyRequest {
            policy_name: name.to_owned(),
            policy_document: ANY.to_owned(),
            ..CreatePolicyRequest::default()
        };
        world.rules.identity.create_policy(&at(), policy).await.unwrap();
    }
    for policy_arn in [READ_ONLY.to_owned(), format!("arn:aws:iam::{ACCOUNT}:policy/b")] {
        let attach = AttachRolePolicyRequest { role_name: "node".to_owned(), policy_arn };
        world.rules.identity.attach_role_policy(&at(), attach).await.unwrap();
    }
    world
}

#[tokio::test]
async fn the_summary_counts_everything() {
    let world = furnished().await;
    let input = GetAccountSummaryRequest::default();
    let summary = world.rules.identity.get_account_summary(&ctx(&world.admin), input).await.unwrap().0;
    let number = |name: &str| summary.iter().find(|(known, _)| *known == name).unwrap().1;
    assert_eq!([number("Users"), number("Groups"), number("Roles"), number("Policies")], [2, 1, 2, 2]);
    assert_eq!([number("PolicyVersionsInUse"), number("AccountAccessKeysPresent")], [2, 0]);
}

#[tokio::test]
async fn pages_of_details_list_each_thing_once() {
    let world = furnished().await;
    let whole = |max_items, marker, filter: &[&str]| GetAccountAuthorizationDetailsRequest {
        filter: filter.iter().map(|name| (*name).to_owned()).collect(),
        marker,
        max_items,
    };
    let read = |input| {
        let world = &world;
        async move {
            world.rules.identity.get_account_authorization_details(&ctx(&world.admin), input).await.unwrap()
        }
    };
    let all = read(whole(None, None, &[])).await;
    assert_eq!((all.users.len(), all.groups.len(), all.roles.len(), all.marker.as_deref()), (2, 1, 2, None));
    let alice = all.users.iter().find(|(user, ..)| user.name == "alice").unwrap();
    assert_eq!((alice.1.inline.len(), alice.2.as_slice()), (1, ["team".to_owned()].as_slice()));
    let node = all.roles.iter().find(|(role, ..)| role.name == "node").unwrap();
    assert_eq!(node.1.attached.len(), 2);
    let names: Vec<_> =
        all.policies.iter().map(|(policy, versions)| (policy.name.as_str(), versions.len())).collect();
    assert_eq!(names[..2], [("a", 1), ("b", 1)]);
    assert!(
        names.contains(&("AmazonEC2ContainerRegistryReadOnly", 1)),
        "one of AWS's that is attached: {names:?}"
    );
    assert!(!names.contains(&("AmazonEC2ContainerRegistryPowerUser", 1)), "{names:?}");

    let mut seen = Vec::new();
    let mut marker = None;
    loop {
        let page = read(whole(Some(1), marker, &[])).await;
        let users = page.users.iter().map(|(user, ..)| user.arn.clone());
        let groups = page.groups.iter().map(|(group, _)| group.arn.clone());
        let roles = page.roles.iter().map(|(role, ..)| role.arn.clone());
        let policies = page.policies.iter().map(|(policy, _)| policy.arn.clone());
        let arns: Vec<_> = users.chain(groups).chain(roles).chain(policies).collect();
        assert!(arns.len() <= 1, "{arns:?}");
        seen.extend(arns);
        marker = page.marker;
        if marker.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 5 + all.policies.len());
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 5 + all.policies.len(), "each once");

    let groups = read(whole(None, None, &["Group"])).await;
    assert_eq!((groups.users.len(), groups.groups.len(), groups.policies.len()), (0, 1, 0));
}

#[tokio::test]
async fn a_filter_does_not_end_a_list() {
    let world = furnished().await;
    let input = ListPoliciesRequest {
        scope: Some("Local".to_owned()),
        only_attached: true,
        max_items: Some(1),
        ..ListPoliciesRequest::default()
    };
    let page = world.rules.identity.list_policies(&ctx(&world.admin), input).await.unwrap();
    let names: Vec<_> = page.items.iter().map(|policy| policy.name.as_str()).collect();
    assert_eq!((names, page.marker), (vec!["b"], None));
}
