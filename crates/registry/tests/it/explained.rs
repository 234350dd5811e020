//! The simulator and the explanation: they decide like the gate, and give the reason.

use std::sync::Arc;

use access::context::Caller;
use access::error::Code;
use aws::iam::{
    ContextEntry, CreatePolicyRequest, GetContextKeysForPrincipalPolicyRequest, PutRolePolicyRequest,
    SimulateCustomPolicyRequest, SimulatePrincipalPolicyRequest, SimulationRules, WharfExplainAccessRequest,
};
use aws::organizations::{CloseAccountRequest, RemoveAccountFromOrganizationRequest};

use crate::cross_account::{STAGING, node, set_policy, world_with_app};
use crate::world::{ACCOUNT, World, code, ctx};

const APP: &str = "arn:aws:ecr:eu-west-1:123456789012:repository/app";

fn asked(principal: &str, action: &str, resource: &str) -> WharfExplainAccessRequest {
    WharfExplainAccessRequest {
        principal_arn: principal.to_owned(),
        action: action.to_owned(),
        resource_arn: resource.to_owned(),
        context_entries: Vec::new(),
    }
}

async fn explained(world: &World, principal: &str, action: &str, resource: &str) -> (&'static str, String) {
    let peer = ctx(&world.admin).peer;
    let input = asked(principal, action, resource);
    let explanation = world.rules.identity.explain_access(input, peer, jiff::Timestamp::now()).await.unwrap();
    (explanation.decision, explanation.text)
}

/// The message of a question that has no answer.
async fn refusal(world: &World, input: WharfExplainAccessRequest) -> String {
    let peer = ctx(&world.admin).peer;
    let refused = world.rules.identity.explain_access(input, peer, jiff::Timestamp::now()).await.unwrap_err();
    assert_eq!(refused.code, Code::Aws(access::error::AwsCode::ValidationError), "{}", refused.message);
    refused.message.into_owned()
}

#[tokio::test]
async fn the_explanation_names_what_is_missing_across_accounts() {
    let (world, _, ops) = world_with_app().await;
    node(&world, &ops).await;
    let role = format!("arn:aws:iam::{STAGING}:role/node");
    let (decision, text) = explained(&world, &role, "ecr:BatchGetImage", APP).await;
    assert_eq!(decision, "implicitDeny");
    assert!(text.starts_with("DENIED: ecr:BatchGetImage on arn:aws:ecr"), "{text}");
    assert!(text.contains("no resource-based policy allows it"), "{text}");
    assert!(text.contains(&format!("or to its account {STAGING}")), "{text}");
    assert!(!text.contains("an identity-based policy of"), "its own side is in order: {text}");
    assert!(
        text.contains("allows: statement 1 (VisualEditor0)")
            || text.contains("AmazonEC2ContainerRegistryReadOnly")
    );

    set_policy(&world, ACCOUNT).await.unwrap();
    let (_, text) = explained(&world, &role, "ecr:BatchGetImage", APP).await;
    assert!(
        text.contains(
            "does not match the principal: statement 1 of the resource-based policy, repository policy"
        ),
        "{text}"
    );

    set_policy(&world, STAGING).await.unwrap();
    let (decision, text) = explained(&world, &role, "ecr:BatchGetImage", APP).await;
    assert_eq!(decision, "allowed", "{text}");
    assert!(text.starts_with("ALLOWED"), "{text}");
    let (decision, text) = explained(&world, &role, "ecr:PutImage", APP).await;
    assert_eq!(decision, "implicitDeny");
    assert!(
        text.contains("an identity-based policy of") && text.contains("both accounts must allow"),
        "{text}"
    );
}

#[tokio::test]
async fn the_explanation_names_a_deny_and_a_condition() {
    let (world, _, ops) = world_with_app().await;
    node(&world, &ops).await;
    let put = |document: &str| PutRolePolicyRequest {
        role_name: "node".to_owned(),
        policy_name: "extra".to_owned(),
        policy_document: document.to_owned(),
    };
    let on_tuesdays = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Tuesdays","Effect":"Allow","Action":"ecr:PutImage","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/day":"tuesday"}}}]}"#;
    world.rules.identity.put_role_policy(&ctx(&ops), put(on_tuesdays)).await.unwrap();
    let session = format!("arn:aws:sts::{STAGING}:assumed-role/node/n1");
    let own = format!("arn:aws:ecr:eu-west-1:{STAGING}:repository/own");
    let (_, text) = explained(&world, &session, "ecr:PutImage", &own).await;
    assert!(text.contains(&session), "{text}");
    assert!(
        text.contains("its condition on aws:RequestTag/day is not met: statement 1 (Tuesdays)"),
        "{text}"
    );
    assert!(text.contains("the request does not have:\n  - aws:RequestTag/day"), "{text}");
    let day = ContextEntry {
        name: "aws:RequestTag/day".to_owned(),
        values: vec!["tuesday".to_owned()],
        is_list: false,
    };
    let input =
        WharfExplainAccessRequest { context_entries: vec![day], ..asked(&session, "ecr:PutImage", &own) };
    let at = ctx(&ops);
    assert_eq!(world.rules.identity.wharf_explain_access(&at, input).await.unwrap().decision, "allowed");
    let never =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"ecr:Put*","Resource":"*"}}"#;
    world.rules.identity.put_role_policy(&ctx(&ops), put(never)).await.unwrap();
    let (decision, text) = explained(&world, &session, "ecr:PutImage", &own).await;
    assert_eq!(decision, "explicitDeny");
    assert!(text.contains("extra must not deny it"), "{text}");
    let (decision, text) =
        explained(&world, &session, "sts:AssumeRole", &format!("arn:aws:iam::{STAGING}:role/node")).await;
    assert_eq!(decision, "implicitDeny", "{text}");
}

#[tokio::test]
async fn a_root_without_an_access_key_is_explained() {
    let (world, _, _) = world_with_app().await;
    let root = format!("arn:aws:iam::{STAGING}:root");
    let own = format!("arn:aws:ecr:eu-west-1:{STAGING}:repository/own");
    let (decision, text) = explained(&world, &root, "ecr:PutImage", &own).await;
    assert_eq!(decision, "allowed", "{text}");
    assert!(text.contains("the root user has all permissions in its account"), "{text}");
    assert_eq!(explained(&world, &root, "iam:CreateUser", "*").await.0, "allowed");
    let (decision, text) = explained(&world, &root, "ecr:BatchGetImage", APP).await;
    assert_eq!(decision, "implicitDeny", "{text}");
    set_policy(&world, STAGING).await.unwrap();
    assert_eq!(explained(&world, &root, "ecr:BatchGetImage", APP).await.0, "allowed");

    let there = asked(&root, "ecr:BatchGetImage", APP);
    let answer = world.rules.identity.wharf_explain_access(&ctx(&world.admin), there).await.unwrap();
    assert_eq!(answer.decision, "allowed", "{}", answer.text);
    let role = asked(&root, "sts:AssumeRole", &format!("arn:aws:iam::{STAGING}:role/node"));
    assert_eq!(refusal(&world, role).await, "Roles may not be assumed by root accounts.");
}

#[tokio::test]
async fn principals_of_closed_and_unknown_accounts_do_not_exist() {
    let (world, _, ops) = world_with_app().await;
    node(&world, &ops).await;
    let close = CloseAccountRequest { account_id: STAGING.to_owned() };
    world.rules.identity.close_account(&ctx(&world.admin), close).await.unwrap();
    for principal in [
        format!("arn:aws:iam::{STAGING}:root"),
        format!("arn:aws:iam::{STAGING}:role/node"),
        format!("arn:aws:sts::{STAGING}:assumed-role/node/n1"),
        "arn:aws:iam::999999999999:root".to_owned(),
    ] {
        let message = refusal(&world, asked(&principal, "ecr:BatchGetImage", APP)).await;
        assert!(message.starts_with(&format!("There is no principal {principal}.")), "{message}");
    }
}

#[tokio::test]
async fn an_account_that_left_is_explained_only_to_itself() {
    let (world, _, ops) = world_with_app().await;
    node(&world, &ops).await;
    let leave = RemoveAccountFromOrganizationRequest { account_id: STAGING.to_owned() };
    world.rules.identity.remove_account_from_organization(&ctx(&world.admin), leave).await.unwrap();
    let role = format!("arn:aws:iam::{STAGING}:role/node");
    let ask = |principal: &str, resource: &str| {
        let (world, input) = (&world, asked(principal, "ecr:BatchGetImage", resource));
        async move { world.rules.identity.wharf_explain_access(&ctx(&world.admin), input).await }
    };
    assert_eq!(code(ask(&role, APP).await), Code::AccessDenied);
    let own = format!("arn:aws:ecr:eu-west-1:{STAGING}:repository/own");
    assert_eq!(code(ask(&world.admin.arn, &own).await), Code::AccessDenied);
    assert!(ask(&world.admin.arn, APP).await.is_ok());
}

#[tokio::test]
async fn only_the_management_account_may_explain_other_accounts() {
    let (world, _, ops) = world_with_app().await;
    node(&world, &ops).await;
    let role = format!("arn:aws:iam::{STAGING}:role/node");
    let ask = |caller: Arc<Caller>, resource: &'static str, principal: String| {
        let (world, at) = (&world, ctx(&caller));
        async move {
            world
                .rules
                .identity
                .wharf_explain_access(&at, asked(&principal, "ecr:BatchGetImage", resource))
                .await
        }
    };
    assert!(ask(Arc::clone(&world.admin), APP, role.clone()).await.is_ok());
    assert_eq!(code(ask(Arc::clone(&ops), APP, role.clone()).await), Code::AccessDenied);
    let admin = world.admin.arn.clone();
    assert_eq!(code(ask(Arc::clone(&ops), APP, admin).await), Code::AccessDenied);
    let nobody = world.user("nobody", r#"{"Effect":"Allow","Action":"ecr:*","Resource":"*"}"#).await;
    assert_eq!(code(ask(nobody, APP, role).await), Code::AccessDenied);
}

fn rules(actions: &[&str]) -> SimulationRules {
    SimulationRules {
        action_names: actions.iter().map(|action| (*action).to_owned()).collect(),
        ..SimulationRules::default()
    }
}

#[tokio::test]
async fn policies_of_the_request_are_simulated() {
    let world = World::new().await;
    let simulate = |rules: SimulationRules| {
        let world = &world;
        async move {
            world
                .rules
                .identity
                .simulate_custom_policy(&ctx(&world.admin), SimulateCustomPolicyRequest { rules })
                .await
        }
    };
    let only_here = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecr:Get*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}},{"Effect":"Deny","Action":"ecr:GetLifecyclePolicy","Resource":"*"}]}"#;
    let input = SimulationRules {
        policy_input_list: vec![only_here.to_owned()],
        ..rules(&["ecr:GetRegistryPolicy", "ecr:GetLifecyclePolicy", "ecr:PutImage"])
    };
    let results = simulate(input.clone()).await.unwrap().items;
    let decisions: Vec<_> = results.iter().map(|result| result.decision).collect();
    assert_eq!(decisions, ["implicitDeny", "explicitDeny", "implicitDeny"]);
    assert_eq!(results[0].missing_context, ["aws:SourceIp"]);
    assert_eq!(results[1].matched, [("PolicyInputList.1".to_owned(), "IAM Policy")]);
    let address =
        ContextEntry { name: "aws:SourceIp".to_owned(), values: vec!["10.1.2.3".to_owned()], is_list: false };
    let given = SimulationRules { context_entries: vec![address], ..input.clone() };
    assert_eq!(simulate(given.clone()).await.unwrap().items[0].decision, "allowed");
    let boundary =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
    let bounded =
        SimulationRules { permissions_boundary_policy_input_list: vec![boundary.to_owned()], ..given };
    let results = simulate(bounded).await.unwrap().items;
    assert_eq!((results[0].decision, results[0].allowed_by_boundary), ("implicitDeny", Some(false)));
    let first = simulate(SimulationRules { max_items: Some(2), ..input.clone() }).await.unwrap();
    assert_eq!((first.items.len(), first.marker.is_some()), (2, true));
    let rest = simulate(SimulationRules { max_items: Some(2), marker: first.marker, ..input }).await.unwrap();
    assert_eq!((rest.items.len(), rest.items[0].action.as_str(), rest.marker), (1, "ecr:PutImage", None));
    let broken = SimulationRules { policy_input_list: vec!["{".to_owned()], ..rules(&["ecr:PutImage"]) };
    assert_eq!(code(simulate(broken).await), Code::Aws(access::error::AwsCode::InvalidInput));
}

#[tokio::test]
async fn a_principals_own_policies_are_simulated() {
    let (world, _, ops) = world_with_app().await;
    node(&world, &ops).await;
    let arn = format!("arn:aws:iam::{STAGING}:role/node");
    let simulate = |caller: Arc<Caller>, rules: SimulationRules| {
        let (world, policy_source_arn) = (&world, arn.clone());
        async move {
            let input = SimulatePrincipalPolicyRequest { policy_source_arn, rules };
            world.rules.identity.simulate_principal_policy(&ctx(&caller), input).await
        }
    };
    let results =
        simulate(Arc::clone(&ops), rules(&["ecr:BatchGetImage", "ecr:PutImage"])).await.unwrap().items;
    assert_eq!(results[0].decision, "allowed");
    let read_only = "AmazonEC2ContainerRegistryReadOnly".to_owned();
    assert_eq!(results[0].matched, [(read_only, "IAM Policy")]);
    assert_eq!(results[1].decision, "implicitDeny");
    let there = SimulationRules { resource_arns: vec![APP.to_owned()], ..rules(&["ecr:BatchGetImage"]) };
    assert_eq!(
        simulate(Arc::clone(&ops), there).await.unwrap().items[0].decision,
        "implicitDeny",
        "another account's repository, whose policy was not given"
    );
    let stranger = simulate(Arc::clone(&world.admin), rules(&["ecr:BatchGetImage"])).await;
    assert_eq!(code(stranger), Code::Aws(access::error::AwsCode::NoSuchEntity), "a role of another account");
    let policy = CreatePolicyRequest {
        policy_name: "keys".to_owned(),
        policy_document: r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:*","Resource":"arn:aws:ecr:*:*:repository/${aws:PrincipalTag/team}"}}"#.to_owned(),
        ..CreatePolicyRequest::default()
    };
    world.rules.identity.create_policy(&ctx(&ops), policy.clone()).await.unwrap();
    let input = GetContextKeysForPrincipalPolicyRequest {
        policy_source_arn: arn.clone(),
        policy_input_list: vec![policy.policy_document],
    };
    let keys = world.rules.identity.get_context_keys_for_principal_policy(&ctx(&ops), input).await.unwrap();
    assert_eq!(keys.0, ["aws:PrincipalTag/team"]);
}

#[tokio::test]
async fn a_simulation_that_would_take_too_long_is_refused() {
    let world = World::new().await;
    let hostile = format!("arn:aws:ecr:*:*:{}z", "*?????????a".repeat(8_000));
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"*","Resource":"{hostile}"}}}}"#
    );
    let many: Vec<String> = (0..100).map(|number| format!("ecr:Action{number}")).collect();
    let rules = SimulationRules {
        policy_input_list: vec![policy; 4],
        action_names: many.clone(),
        resource_arns: vec![format!("arn:aws:ecr:eu-west-1:{ACCOUNT}:{}", "a".repeat(1_900)); 10],
        max_items: Some(1_000),
        ..SimulationRules::default()
    };
    let input = SimulateCustomPolicyRequest { rules };
    let refused = world.rules.identity.simulate_custom_policy(&ctx(&world.admin), input).await.unwrap_err();
    assert_eq!(refused.code, Code::Aws(access::error::AwsCode::InvalidInput));
    assert!(refused.message.contains("MaxItems"), "{}", refused.message);
    // Normal policies of a large account, with the maximum number of results on a page.
    let document = policy::managed::find("arn:aws:iam::aws:policy/AmazonEKSClusterPolicy").unwrap();
    let rules = SimulationRules {
        policy_input_list: vec![document.to_owned(); 4],
        action_names: many,
        resource_arns: vec![APP.to_owned(); 10],
        max_items: Some(1_000),
        ..SimulationRules::default()
    };
    let input = SimulateCustomPolicyRequest { rules };
    let page = world.rules.identity.simulate_custom_policy(&ctx(&world.admin), input).await.unwrap();
    assert_eq!(page.items.len(), 1_000);
}

#[tokio::test]
async fn a_given_address_belongs_to_its_network() {
    let world = World::new().await;
    world.create("app").await;
    let statement = r#"{"Effect":"Allow","Action":"ecr:PutImage","Resource":"*",
        "Condition":{"StringEquals":{"aws:SourceVpce":"vpce-1a2b3c4d"},"Null":{"aws:SourceIp":"true"}}}"#;
    world.user("ann", statement).await;
    let ann = format!("arn:aws:iam::{ACCOUNT}:user/ann");
    for (address, decision) in [("10.1.2.3", "allowed"), ("192.0.2.1", "implicitDeny")] {
        let values = vec![address.to_owned()];
        let given = ContextEntry { name: "aws:sourceip".to_owned(), values, is_list: false };
        let input =
            WharfExplainAccessRequest { context_entries: vec![given], ..asked(&ann, "ecr:PutImage", APP) };
        let peer = ctx(&world.admin).peer;
        let explanation =
            world.rules.identity.explain_access(input, peer, jiff::Timestamp::now()).await.unwrap();
        assert_eq!(explanation.decision, decision, "{address}: {}", explanation.text);
    }
}

#[tokio::test]
async fn a_decision_over_its_limits_says_so() {
    let world = World::new().await;
    world.create("app").await;
    let pattern = format!("*{}b*", "a?".repeat(800));
    let statement = format!(
        r#"{{"Effect":"Allow","Action":"ecr:PutImage","Resource":"*"}},{{"Effect":"Deny","Action":"*","Resource":"*",
        "Condition":{{"StringLike":{{"aws:UserAgent":"{pattern}"}}}}}}"#
    );
    world.user("ann", &statement).await;
    let ann = format!("arn:aws:iam::{ACCOUNT}:user/ann");
    for (length, decision, why) in [
        (100, "allowed", "allows it, and no policy denies it"),
        (4_000, "implicitDeny", "the decision exceeded a limit: its policies take too many steps"),
        (
            5_000,
            "implicitDeny",
            "the decision exceeded a limit: a policy tests a value of the request that is too",
        ),
    ] {
        let given = ContextEntry {
            name: "aws:UserAgent".to_owned(),
            values: vec!["a".repeat(length)],
            is_list: false,
        };
        let entries = vec![given];
        let input = WharfExplainAccessRequest {
            context_entries: entries.clone(),
            ..asked(&ann, "ecr:PutImage", APP)
        };
        let peer = ctx(&world.admin).peer;
        let explanation =
            world.rules.identity.explain_access(input, peer, jiff::Timestamp::now()).await.unwrap();
        assert_eq!(explanation.decision, decision, "{length}: {}", explanation.text);
        assert!(explanation.text.contains(why), "{length}: {}", explanation.text);

        let rules = SimulationRules {
            action_names: vec!["ecr:PutImage".to_owned()],
            resource_arns: vec![APP.to_owned()],
            context_entries: entries,
            ..SimulationRules::default()
        };
        let input = SimulatePrincipalPolicyRequest { policy_source_arn: ann.clone(), rules };
        let page = world.rules.identity.simulate_principal_policy(&ctx(&world.admin), input).await.unwrap();
        assert_eq!(page.items[0].decision, decision, "{length}");
    }
}
