//! Permissions are decided on every request, and a change of a policy or a key has an immediate effect.

use access::error::Code;
use aws::ecr::DescribeRepositoriesRequest;
use meta::SetAccessKeyStatus;
use oci::name::Reference;

use crate::world::{World, code, ctx, region, repository};

fn latest() -> Reference {
    Reference::Tag("latest".parse().unwrap())
}

const READ_APP: &str = r#"{"Effect":"Allow","Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"],
    "Resource":"arn:aws:ecr:eu-west-1:123456789012:repository/app"}"#;

#[tokio::test]
async fn a_policy_allows_only_what_it_names() {
    let world = World::new().await;
    let (app, other) = (world.create("app").await, world.create("other").await);
    world.push(&app, "latest", b"{}").await.unwrap();
    world.push(&other, "latest", b"{}").await.unwrap();
    let reader = world.user("reader", READ_APP).await;
    let rules = &world.rules;
    assert!(rules.registry.get_manifest(&ctx(&reader), &app, &latest()).await.is_ok());
    assert_eq!(code(rules.registry.get_manifest(&ctx(&reader), &other, &latest()).await), Code::AccessDenied);
    let push = world.rules.registry.start_upload(&ctx(&reader), &app, oci::digest::Algorithm::Sha256).await;
    assert_eq!(code(push), Code::AccessDenied);
    let digest = crate::world::sha256(&crate::world::manifest(b"{}"));
    assert_eq!(code(rules.registry.delete_manifest(&ctx(&reader), &app, &digest).await), Code::AccessDenied);
}

#[tokio::test]
async fn the_refusal_names_caller_action_and_resource() {
    let world = World::new().await;
    let app = world.create("app").await;
    let nobody = world.user("nobody", r#"{"Effect":"Allow","Action":"ecr:ListImages","Resource":"*"}"#).await;
    let error = world.rules.registry.get_manifest(&ctx(&nobody), &app, &latest()).await.unwrap_err();
    assert_eq!(
        error.message,
        "User: arn:aws:iam::123456789012:user/nobody is not authorized to perform: ecr:BatchGetImage on resource: \
         arn:aws:ecr:eu-west-1:123456789012:repository/app because no identity-based policy allows the \
         ecr:BatchGetImage action"
    );
}

#[tokio::test]
async fn a_caller_without_permission_does_not_learn_which_names_exist() {
    let world = World::new().await;
    let app = world.create("app").await;
    let nobody = world.user("nobody", r#"{"Effect":"Allow","Action":"ecr:ListImages","Resource":"x"}"#).await;
    let there = world.rules.registry.get_manifest(&ctx(&nobody), &app, &latest()).await;
    let missing = world.rules.registry.get_manifest(&ctx(&nobody), &repository("nothing"), &latest()).await;
    assert_eq!((code(there), code(missing)), (Code::AccessDenied, Code::AccessDenied));
}

#[tokio::test]
async fn changed_policies_and_disabled_keys_apply_immediately() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push(&app, "latest", b"{}").await.unwrap();
    let reader = world.user("reader", READ_APP).await;
    let pull = || async { world.rules.registry.get_manifest(&ctx(&reader), &app, &latest()).await };
    assert!(pull().await.is_ok());
    let deny = r#"{"Effect":"Deny","Action":"ecr:*","Resource":"*"}"#;
    world.set_policy(&reader.unique_id, &format!("{READ_APP},{deny}")).await;
    assert_eq!(code(pull().await), Code::AccessDenied);
    world.set_policy(&reader.unique_id, READ_APP).await;
    assert!(pull().await.is_ok());
    let id = reader.access_key_id.clone();
    world
        .meta
        .write(SetAccessKeyStatus { id, owner: reader.unique_id.clone(), active: false })
        .await
        .unwrap();
    assert_eq!(code(pull().await), Code::InvalidToken);
}

#[tokio::test]
async fn the_tags_of_a_repository_decide_if_a_policy_tests_them() {
    let world = World::new().await;
    let (red, blue) = (world.create("red").await, world.create("blue").await);
    for (repository, colour) in [(&red, "red"), (&blue, "blue")] {
        world.push(repository, "latest", b"{}").await.unwrap();
        let input = aws::ecr::TagResourceRequest {
            resource_arn: repository.arn(),
            tags: vec![aws::ecr::Tag { key: "colour".to_owned(), value: colour.to_owned() }],
        };
        world.rules.registry.tag_resource(&ctx(&world.admin), &region(), input).await.unwrap();
    }
    let statement = r#"{"Effect":"Allow","Action":"ecr:BatchGetImage","Resource":"*",
        "Condition":{"StringEquals":{"aws:ResourceTag/colour":"red"}}}"#;
    let reader = world.user("reader", statement).await;
    assert!(world.rules.registry.get_manifest(&ctx(&reader), &red, &latest()).await.is_ok());
    let denied = world.rules.registry.get_manifest(&ctx(&reader), &blue, &latest()).await;
    assert_eq!(code(denied), Code::AccessDenied);
}

#[tokio::test]
async fn another_accounts_administrator_is_refused() {
    let world = World::new().await;
    world.create("app").await;
    let mut theirs = repository("app");
    theirs.account_id = "999999999999".parse().unwrap();
    let refused = world.rules.registry.get_manifest(&ctx(&world.admin), &theirs, &latest()).await;
    assert_eq!(code(refused), Code::AccessDenied);
    let input = DescribeRepositoriesRequest {
        registry_id: Some("999999999999".to_owned()),
        ..DescribeRepositoriesRequest::default()
    };
    let refused = world.rules.registry.describe_repositories(&ctx(&world.admin), &region(), input).await;
    assert_eq!(code(refused), Code::AccessDenied);
}

/// `aws:RequestTag/team` in a policy would match the second tag although the first one is stored.
#[tokio::test]
async fn tag_keys_that_differ_only_in_case_are_refused() {
    let world = World::new().await;
    let app = world.create("app").await;
    let tag = |key: &str, value: &str| aws::ecr::Tag { key: key.to_owned(), value: value.to_owned() };
    let set = |tags: Vec<aws::ecr::Tag>| {
        let input = aws::ecr::TagResourceRequest { resource_arn: app.arn(), tags };
        async { world.rules.registry.tag_resource(&ctx(&world.admin), &region(), input).await }
    };
    let both = set(vec![tag("team", "blue"), tag("TEAM", "red")]).await;
    assert_eq!(code(both), Code::InvalidTagParameter);
    set(vec![tag("team", "blue")]).await.unwrap();
    assert_eq!(code(set(vec![tag("Team", "red")]).await), Code::InvalidTagParameter);
    set(vec![tag("team", "green")]).await.unwrap();
}

#[tokio::test]
async fn a_login_needs_an_active_key() {
    let world = World::new().await;
    let user = world.user("u", READ_APP).await;
    world.rules.access.check_login(&ctx(&user), &user.account_id, &region()).await.unwrap();
    let id = user.access_key_id.clone();
    world.meta.write(SetAccessKeyStatus { id, owner: user.unique_id.clone(), active: false }).await.unwrap();
    assert_eq!(
        code(world.rules.access.check_login(&ctx(&user), &user.account_id, &region()).await),
        Code::InvalidToken
    );
}

#[tokio::test]
async fn an_arn_of_another_partition_or_region_matches_nothing() {
    let world = World::new().await;
    let app = world.create("app").await;
    for (from, to) in [("arn:aws:", "arn:aws-cn:"), ("eu-west-1", "us-east-1"), (":ecr:", ":s3:")] {
        let input = aws::ecr::ListTagsForResourceRequest { resource_arn: app.arn().replace(from, to) };
        let listed = world.rules.registry.list_tags_for_resource(&ctx(&world.admin), &region(), input).await;
        assert_eq!(code(listed), Code::InvalidParameter, "{to}");
    }
}

/// As on AWS, a request through a VPC endpoint has the endpoint, its VPC and the address in it, and no public address.
#[tokio::test]
async fn a_configured_network_is_a_vpc_endpoint_for_policies() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push(&app, "latest", b"{}").await.unwrap();
    let allowed = |condition: &str| {
        format!(r#"{{"Effect":"Allow","Action":"ecr:BatchGetImage","Resource":"*","Condition":{condition}}}"#)
    };
    for (at, (condition, inside, outside)) in [
        (r#"{"StringEquals":{"aws:SourceVpce":"vpce-1a2b3c4d"}}"#, true, false),
        (r#"{"StringEquals":{"aws:SourceVpc":"vpc-1a2b3c4d"}}"#, true, false),
        (r#"{"IpAddress":{"aws:VpcSourceIp":"10.1.2.0/24"}}"#, true, false),
        (r#"{"Null":{"aws:SourceIp":"true"}}"#, true, false),
        (r#"{"IpAddress":{"aws:SourceIp":"192.0.2.1"}}"#, false, true),
        (
            r#"{"Null":{"aws:SourceVpce":"true","aws:SourceVpc":"true","aws:VpcSourceIp":"true"}}"#,
            false,
            true,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let reader = world.user(&format!("reader{at}"), &allowed(condition)).await;
        for (address, expected) in [([10, 1, 2, 3], inside), ([192, 0, 2, 1], outside)] {
            let mut ctx = ctx(&reader);
            ctx.peer.address = address.into();
            let pulled = world.rules.registry.get_manifest(&ctx, &app, &latest()).await;
            assert_eq!(pulled.is_ok(), expected, "{condition} from {address:?}");
        }
    }
}

/// IAM User Guide, "AWS global condition context keys": calls of IAM are always made to us-east-1. Those of STS are
/// made to the Region in their signature.
#[tokio::test]
async fn the_requested_region_depends_on_the_service() {
    let world = World::new().await;
    let statement = |action: &str, region: &str| {
        format!(
            r#"{{"Effect":"Allow","Action":"{action}","Resource":"*",
                "Condition":{{"StringEquals":{{"aws:RequestedRegion":"{region}"}}}}}}"#
        )
    };
    let statements = ["us-east-1", "eu-west-1"].map(|region| statement("iam:ListUsers", region));
    let ask = |caller| {
        let world = &world;
        async move {
            let listed =
                world.rules.identity.list_users(&ctx(&caller), aws::iam::ListUsersRequest::default()).await;
            listed.map(|_| ()).map_err(|error| error.code)
        }
    };
    assert_eq!(ask(world.user("global", &statements[0]).await).await, Ok(()));
    assert_eq!(ask(world.user("regional", &statements[1]).await).await, Err(Code::AccessDenied));

    let federated = world.user("federated", &statement("sts:GetFederationToken", "ap-south-1")).await;
    let token = |ctx| {
        let input = aws::sts::GetFederationTokenRequest {
            name: "temp".to_owned(),
            ..aws::sts::GetFederationTokenRequest::default()
        };
        let world = &world;
        async move {
            world
                .rules
                .identity
                .get_federation_token(&ctx, input)
                .await
                .map(|_| ())
                .map_err(|error| error.code)
        }
    };
    assert_eq!(token(ctx(&federated).signed_for("ap-south-1".parse().unwrap())).await, Ok(()));
    let elsewhere = ctx(&federated).signed_for("us-east-1".parse().unwrap());
    assert_eq!(token(elsewhere).await, Err(Code::AccessDenied));
    assert_eq!(token(ctx(&federated)).await, Err(Code::AccessDenied), "unsigned: the default Region");
}

/// IAM User Guide, "IAM ARNs": in a session policy an incomplete ARN is not completed.
#[tokio::test]
async fn a_session_policy_needs_complete_arns() {
    let world = World::new().await;
    for (resource, expected) in [
        ("*", None),
        ("arn:aws:ecr:*:*:repository/*", None),
        ("arn:aws:ecr", Some(Code::Aws(access::error::AwsCode::MalformedPolicyDocument))),
    ] {
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"ecr:*","Resource":"{resource}"}}}}"#
        );
        let input = aws::sts::GetFederationTokenRequest {
            name: "temp".to_owned(),
            policy: Some(policy),
            ..aws::sts::GetFederationTokenRequest::default()
        };
        let given = world.rules.identity.get_federation_token(&ctx(&world.admin), input).await;
        assert_eq!(given.err().map(|error| error.code), expected, "{resource}");
    }
}
