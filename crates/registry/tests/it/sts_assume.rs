//! AssumeRole: which callers a role trusts, under which conditions and for how long, and the permissions of its
//! session.

use std::sync::Arc;

use access::context::{Caller, CallerKind, Ctx, Peer, Plane, RepositoryRef};
use access::error::{AwsCode, Code};
use aws::iam::{CreateRoleRequest, UpdateAssumeRolePolicyRequest};
use aws::sts::{AssumeRoleRequest, PolicyDescriptorType, Tag};
use jiff::Timestamp;
use meta::DeleteUser;
use oci::digest::Algorithm;

use crate::credentials::{
    ALL, assume, assumes, delete_role, document, login, make_role, of, open_role, refusal, role_arn,
    role_request, session, session_token, trusts,
};
use crate::cross_account::{STAGING, staging};
use crate::world::{ACCOUNT, World, code, ctx, region};

const ASSUME: &str = r#""sts:AssumeRole""#;
const MAY_ASSUME: &str = r#"{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}"#;
const MAY_LIST: &str = r#"{"Effect":"Allow","Action":"ecr:ListImages","Resource":"*"}"#;

fn user_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:user/{name}")
}

/// AWS's error; it is the same for a role that does not exist.
fn not_authorized(caller: &Caller, role: &str) -> (Code, String) {
    let message = format!(
        "User: {} is not authorized to perform: sts:AssumeRole on resource: {}",
        caller.arn,
        role_arn(role)
    );
    (Code::AccessDenied, message)
}

async fn may_list(world: &World, by: &Arc<Caller>, at: &RepositoryRef) -> bool {
    world.rules.registry.list_tags(&ctx(by), at, None, None).await.is_ok()
}

async fn may_push(world: &World, by: &Arc<Caller>, at: &RepositoryRef) -> bool {
    world.rules.registry.start_upload(&ctx(by), at, Algorithm::Sha256).await.is_ok()
}

#[tokio::test]
async fn trust_in_an_account_needs_a_policy_of_that_account() {
    let world = World::new().await;
    make_role(&world, role_request("r", &trusts(ACCOUNT, ASSUME, "")), ALL).await;
    let (may, may_not) = (world.user("may", MAY_ASSUME).await, world.user("maynot", MAY_LIST).await);
    let assumed = assume(&world, &may, assumes("r")).await.unwrap();
    assert_eq!(assumed.assumed_role_user.arn, format!("arn:aws:sts::{ACCOUNT}:assumed-role/r/s"));
    assert_eq!(refusal(assume(&world, &may_not, assumes("r")).await), not_authorized(&may_not, "r"));
    assert_eq!(refusal(assume(&world, &may, assumes("none")).await), not_authorized(&may, "none"));
    let others = make_role(&world, role_request("theirs", &trusts(STAGING, ASSUME, "")), ALL);
    staging(&world).await;
    others.await;
    assert_eq!(refusal(assume(&world, &may, assumes("theirs")).await), not_authorized(&may, "theirs"));
}

#[tokio::test]
async fn a_principal_trusted_by_arn_needs_no_other_permission() {
    let world = World::new().await;
    let (ann, bob) = (world.user("ann", MAY_LIST).await, world.user("bob", ALL).await);
    make_role(&world, role_request("r", &trusts(&user_arn("ann"), ASSUME, "")), ALL).await;
    assert!(assume(&world, &ann, assumes("r")).await.is_ok());
    assert_eq!(refusal(assume(&world, &bob, assumes("r")).await), not_authorized(&bob, "r"));
    let deny = r#"{"Effect":"Deny","Action":"sts:*","Resource":"*"}"#;
    world.set_policy(&ann.unique_id, deny).await;
    assert_eq!(code(assume(&world, &ann, assumes("r")).await), Code::AccessDenied, "but a deny counts");
    world.meta.write(DeleteUser { owner: ann.unique_id.clone() }).await.unwrap();
    let again = meta::CreateUser {
        account: world
            .meta
            .read(meta::FindAccount { account_id: ACCOUNT.parse().unwrap() })
            .await
            .unwrap()
            .unwrap()
            .key,
        unique_id: "AIDASECONDANN00000000".to_owned(),
        path: "/".to_owned(),
        name: "ann".to_owned(),
        at: meta::Micros(1),
    };
    world.meta.write(again).await.unwrap();
    let second = Arc::new(Caller {
        unique_id: "AIDASECONDANN00000000".to_owned(),
        long_term_key: None,
        ..Caller::clone(&ann)
    });
    assert_eq!(refusal(assume(&world, &second, assumes("r")).await), not_authorized(&second, "r"));
}

#[tokio::test]
async fn trust_in_a_role_covers_its_sessions_until_it_is_deleted() {
    let world = World::new().await;
    open_role(&world, "first").await;
    make_role(&world, role_request("r", &trusts(&role_arn("first"), ASSUME, "")), ALL).await;
    let one_session = format!("arn:aws:sts::{ACCOUNT}:assumed-role/first/s");
    make_role(&world, role_request("one", &trusts(&one_session, ASSUME, "")), ALL).await;
    let named = |name: &str| AssumeRoleRequest { role_session_name: name.to_owned(), ..assumes("first") };
    let other = session(&world, &world.admin, named("other")).await;
    let first = session(&world, &world.admin, named("s")).await;
    for caller in [&first, &other] {
        assert!(assume(&world, caller, assumes("r")).await.is_ok());
    }
    assert!(assume(&world, &first, assumes("one")).await.is_ok());
    assert_eq!(refusal(assume(&world, &other, assumes("one")).await), not_authorized(&other, "one"));
    assert_eq!(
        code(assume(&world, &world.admin, assumes("r")).await),
        Code::AccessDenied,
        "it is not the role"
    );
    delete_role(&world, "first").await;
    open_role(&world, "first").await;
    let again = session(&world, &world.admin, named("s")).await;
    for role in ["r", "one"] {
        assert_eq!(refusal(assume(&world, &again, assumes(role)).await), not_authorized(&again, role));
    }
}

#[tokio::test]
async fn a_role_of_another_account_needs_both_policies() {
    let world = World::new().await;
    let ops = staging(&world).await;
    make_role(&world, role_request("r", &trusts(STAGING, ASSUME, "")), ALL).await;
    let opened = session(&world, &ops, assumes("r")).await;
    assert_eq!(opened.account_id.as_str(), ACCOUNT, "what it does, it does in the role's account");
    let update = UpdateAssumeRolePolicyRequest {
        role_name: "r".to_owned(),
        policy_document: document(&trusts(ACCOUNT, ASSUME, "")),
    };
    world.rules.identity.update_assume_role_policy(&ctx(&world.admin), update).await.unwrap();
    assert_eq!(refusal(assume(&world, &ops, assumes("r")).await), not_authorized(&ops, "r"));
    let app = world.create("app").await;
    assert!(may_list(&world, &opened, &app).await, "trust decides when a session is opened, not in it");
}

#[tokio::test]
async fn a_role_can_require_an_external_id() {
    let world = World::new().await;
    let asks = r#","Condition":{"StringEquals":{"sts:ExternalId":"4711"}}"#;
    make_role(&world, role_request("asks", &trusts(ACCOUNT, ASSUME, asks)), ALL).await;
    make_role(&world, role_request("plain", &trusts(ACCOUNT, ASSUME, "")), ALL).await;
    let with = |role: &str, id: Option<&str>| AssumeRoleRequest {
        external_id: id.map(str::to_owned),
        ..assumes(role)
    };
    assert!(assume(&world, &world.admin, with("asks", Some("4711"))).await.is_ok());
    for id in [Some("4712"), Some("471"), None] {
        let refused = refusal(assume(&world, &world.admin, with("asks", id)).await);
        assert_eq!(refused, not_authorized(&world.admin, "asks"), "{id:?}");
    }
    assert!(assume(&world, &world.admin, with("plain", Some("4712"))).await.is_ok(), "who asks for none");
}

#[tokio::test]
async fn conditions_can_test_the_session_and_the_request() {
    let world = World::new().await;
    let role = async |name: &str, condition: &str| {
        let more = format!(r#","Condition":{condition}"#);
        make_role(&world, role_request(name, &trusts(ACCOUNT, ASSUME, &more)), ALL).await;
    };
    role("named", r#"{"StringLike":{"sts:RoleSessionName":"${aws:username}"}}"#).await;
    role("near", r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#).await;
    role("tagged", r#"{"StringEquals":{"aws:PrincipalTag/team":"red"}}"#).await;
    let ann = world.user("ann", ALL).await;
    let named = |name: &str| AssumeRoleRequest { role_session_name: name.to_owned(), ..assumes("named") };
    assert!(assume(&world, &ann, named("ann")).await.is_ok());
    assert_eq!(refusal(assume(&world, &ann, named("bob")).await), not_authorized(&ann, "named"));

    let from = async |address: [u8; 4]| {
        let peer = Peer { address: address.into(), tls: true };
        let ctx = Ctx::new(Arc::clone(&ann), peer, None, "r".to_owned(), Timestamp::now(), Plane::Control);
        world.rules.identity.assume_role(&ctx, assumes("near")).await.map(|_| ())
    };
    assert!(from([10, 9, 2, 3]).await.is_ok());
    assert_eq!(refusal(from([11, 1, 2, 3]).await), not_authorized(&ann, "near"));

    open_role(&world, "first").await;
    let team = |value: &str| AssumeRoleRequest {
        tags: vec![Tag { key: "team".to_owned(), value: value.to_owned() }],
        ..assumes("first")
    };
    let (red, blue) = (session(&world, &ann, team("red")).await, session(&world, &ann, team("blue")).await);
    assert!(assume(&world, &red, assumes("tagged")).await.is_ok());
    assert_eq!(refusal(assume(&world, &blue, assumes("tagged")).await), not_authorized(&blue, "tagged"));
    assert_eq!(code(assume(&world, &ann, assumes("tagged")).await), Code::AccessDenied);
}

/// The duration of a session in seconds, or AWS's error.
async fn lasts(world: &World, by: &Arc<Caller>, role: &str, seconds: Option<u32>) -> Result<i64, String> {
    let (before, now) = (Timestamp::now(), ctx(by));
    let request = AssumeRoleRequest { duration_seconds: seconds, ..assumes(role) };
    let assumed = world.rules.identity.assume_role(&now, request).await;
    assumed
        .map(|assumed| assumed.credentials.expiration.0.duration_since(before).as_secs())
        .map(|seconds| seconds - seconds % 10 + if seconds % 10 == 9 { 10 } else { 0 })
        .map_err(|error| {
            assert_eq!(error.code, Code::Aws(AwsCode::ValidationError));
            error.message.into_owned()
        })
}

#[tokio::test]
async fn a_session_lasts_as_long_as_the_role_allows() {
    let world = World::new().await;
    let trust = trusts(ACCOUNT, ASSUME, "");
    make_role(&world, role_request("hour", &trust), ALL).await;
    let long = CreateRoleRequest { max_session_duration: Some(7_200), ..role_request("two-hours", &trust) };
    make_role(&world, long, ALL).await;
    let admin = &world.admin;
    let too_long =
        Err("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.".to_owned());
    assert_eq!(lasts(&world, admin, "hour", Some(900)).await, Ok(900));
    assert_eq!(lasts(&world, admin, "hour", Some(3_600)).await, Ok(3_600));
    assert_eq!(lasts(&world, admin, "hour", Some(3_601)).await, too_long);
    assert_eq!(lasts(&world, admin, "two-hours", None).await, Ok(3_600), "an hour unless asked");
    assert_eq!(lasts(&world, admin, "two-hours", Some(7_200)).await, Ok(7_200));
    assert_eq!(lasts(&world, admin, "two-hours", Some(7_201)).await, too_long);
    let chained = session(&world, admin, assumes("hour")).await;
    assert_eq!(lasts(&world, &chained, "two-hours", Some(3_600)).await, Ok(3_600));
    assert_eq!(
        lasts(&world, &chained, "two-hours", Some(3_601)).await,
        Err("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
            .to_owned())
    );
    let renewed = of(&world, &session_token(&world, admin).await).await;
    assert_eq!(
        lasts(&world, &renewed, "two-hours", Some(7_200)).await,
        Ok(7_200),
        "a user's session is no chain"
    );
}

#[tokio::test]
async fn root_takes_on_no_role() {
    let world = World::new().await;
    make_role(&world, role_request("r", &trusts(ACCOUNT, ASSUME, "")), ALL).await;
    let account = world.admin.account_id.clone();
    let (key, _) = world.rules.identity.make_root_key(&account, Timestamp::now()).await.unwrap();
    let root = Arc::new(Caller::with_key(account, ACCOUNT.to_owned(), CallerKind::Root, key));
    let temporary = of(&world, &session_token(&world, &root).await).await;
    for caller in [&root, &temporary] {
        let refused = refusal(assume(&world, caller, assumes("r")).await);
        assert_eq!(refused, (Code::AccessDenied, "Roles may not be assumed by root accounts.".to_owned()));
    }
}

#[tokio::test]
async fn a_session_and_its_docker_password_end_with_the_role() {
    let world = World::new().await;
    let app = world.create("app").await;
    open_role(&world, "r").await;
    let opened = session(&world, &world.admin, assumes("r")).await;
    let docker = login(&world, &opened, &region()).await;
    assert!(may_list(&world, &opened, &app).await && may_list(&world, &docker, &app).await);
    delete_role(&world, "r").await;
    open_role(&world, "r").await;
    for caller in [&opened, &docker] {
        let refused = world.rules.registry.list_tags(&ctx(caller), &app, None, None).await;
        assert_eq!(code(refused), Code::InvalidToken);
    }
    assert_eq!(code(assume(&world, &opened, assumes("r")).await), Code::InvalidToken);
}

#[tokio::test]
async fn session_policies_only_limit_the_role() {
    let world = World::new().await;
    let app = world.create("app").await;
    let (list, push) = (MAY_LIST, MAY_LIST.replace("ListImages", "InitiateLayerUpload"));
    let trust = trusts(ACCOUNT, ASSUME, "");
    make_role(&world, role_request("lists", &trust), list).await;
    make_role(&world, role_request("both", &trust), &format!("{list},{push}")).await;
    let create = aws::iam::CreatePolicyRequest {
        policy_name: "pushes".to_owned(),
        policy_document: document(&push),
        ..aws::iam::CreatePolicyRequest::default()
    };
    world.rules.identity.create_policy(&ctx(&world.admin), create).await.unwrap();
    let pushes = format!("arn:aws:iam::{ACCOUNT}:policy/pushes");
    let limited = |role: &str, policy: Option<&str>, arns: &[&str]| AssumeRoleRequest {
        policy: policy.map(document),
        policy_arns: arns.iter().map(|arn| PolicyDescriptorType { arn: Some((*arn).to_owned()) }).collect(),
        ..assumes(role)
    };
    let rights = async |request: AssumeRoleRequest| {
        let caller = session(&world, &world.admin, request).await;
        (may_list(&world, &caller, &app).await, may_push(&world, &caller, &app).await)
    };
    assert_eq!(rights(limited("both", None, &[])).await, (true, true));
    assert_eq!(rights(limited("both", Some(list), &[])).await, (true, false));
    assert_eq!(rights(limited("both", None, &[&pushes])).await, (false, true));
    assert_eq!(rights(limited("both", Some(list), &[&pushes])).await, (true, true), "one of them suffices");
    assert_eq!(rights(limited("lists", Some(list), &[&pushes])).await, (true, false), "the role may not");
    let no_push = push.replace("Allow", "Deny");
    assert_eq!(rights(limited("both", Some(&no_push), &[&pushes])).await, (false, false), "a deny counts");
    let unknown = format!("arn:aws:iam::{ACCOUNT}:policy/none");
    let of_staging = format!("arn:aws:iam::{STAGING}:policy/pushes");
    for arn in [unknown, of_staging] {
        let refused = refusal(assume(&world, &world.admin, limited("both", None, &[&arn])).await);
        let message = format!("Policy {arn} does not exist or is not attachable.");
        assert_eq!(refused, (Code::Aws(AwsCode::ValidationError), message));
    }
    let broken = refusal(assume(&world, &world.admin, limited("both", Some("{}"), &[])).await);
    assert_eq!(broken.0, Code::Aws(AwsCode::MalformedPolicyDocument));
}

#[tokio::test]
async fn a_deleted_session_policy_denies_everything() {
    let world = World::new().await;
    let app = world.create("app").await;
    make_role(&world, role_request("r", &trusts(ACCOUNT, ASSUME, "")), MAY_LIST).await;
    let no_list = MAY_LIST.replace("Allow", "Deny");
    let create = aws::iam::CreatePolicyRequest {
        policy_name: "no-list".to_owned(),
        policy_document: document(&no_list),
        ..aws::iam::CreatePolicyRequest::default()
    };
    world.rules.identity.create_policy(&ctx(&world.admin), create).await.unwrap();
    let arn = format!("arn:aws:iam::{ACCOUNT}:policy/no-list");
    let request = AssumeRoleRequest {
        policy: Some(document(MAY_LIST)),
        policy_arns: vec![PolicyDescriptorType { arn: Some(arn.clone()) }],
        ..assumes("r")
    };
    let caller = session(&world, &world.admin, request).await;
    assert!(!may_list(&world, &caller, &app).await, "the session's second policy denies it");
    let delete = aws::iam::DeletePolicyRequest { policy_arn: arn };
    world.rules.identity.delete_policy(&ctx(&world.admin), delete).await.unwrap();
    assert!(!may_list(&world, &caller, &app).await, "nobody knows any more what it denied");
}

#[tokio::test]
async fn a_session_that_is_too_large_is_refused() {
    let world = World::new().await;
    open_role(&world, "r").await;
    let asking = |count: usize, length: usize, policy: Option<String>| AssumeRoleRequest {
        tags: (0..count).map(|n| Tag { key: format!("T{n}"), value: "v".repeat(length) }).collect(),
        policy,
        ..assumes("r")
    };
    let too_large = |message: &str| (Code::Aws(AwsCode::PackedPolicyTooLarge), message.to_owned());
    let small = assume(&world, &world.admin, asking(6, 40, None)).await.unwrap();
    assert_eq!(small.packed_policy_size, Some(60), "percent");
    let one = assume(&world, &world.admin, asking(1, 256, None)).await.unwrap();
    assert_eq!(one.packed_policy_size, Some(57), "percent");
    let refused = refusal(assume(&world, &world.admin, asking(9, 250, None)).await);
    assert_eq!(refused, too_large("Packed size of session tags consumes 498% of allotted space."));
    let policy = format!(
        "{:2000}",
        crate::credentials::document(r#"{"Effect":"Allow","Action":"sts:GetCallerIdentity","Resource":"*"}"#)
    );
    let both = assume(&world, &world.admin, asking(6, 40, Some(policy.clone()))).await.unwrap();
    assert_eq!(both.packed_policy_size, Some(85), "percent");
    let refused = refusal(assume(&world, &world.admin, asking(6, 55, Some(policy))).await);
    assert_eq!(
        refused,
        too_large("Packed policy consumes 105% of allotted space, please use smaller policy.")
    );
}
