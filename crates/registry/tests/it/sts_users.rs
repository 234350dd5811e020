//! Sessions of users, from GetSessionToken and GetFederationToken: which operations they cannot call (IAM User Guide,
//! "Compare AWS STS credentials"), and when they end.

use std::sync::Arc;

use access::context::{Caller, CallerKind, RepositoryRef};
use access::error::{Code, Error};
use aws::iam::{
    CreateAccessKeyRequest, DeleteAccessKeyRequest, GetUserRequest, ListAccessKeysRequest, ListUsersRequest,
    StatusType, UpdateAccessKeyRequest,
};
use aws::sts::{
    DecodeAuthorizationMessageRequest, GetAccessKeyInfoRequest, GetCallerIdentityRequest,
    GetFederationTokenRequest, GetSessionTokenRequest,
};
use jiff::Timestamp;
use oci::digest::Algorithm;

use crate::credentials::{
    ALL, assume, assumes, federates, federation_token, login, of, open_role, refusal, session, session_token,
};
use crate::world::{ACCOUNT, World, code, ctx, region};

const LOGIN: &str = r#"{"Effect":"Allow","Action":"ecr:GetAuthorizationToken","Resource":"*"}"#;
const MAY_LIST: &str =
    r#"{"Effect":"Allow","Action":["ecr:GetAuthorizationToken","ecr:ListImages"],"Resource":"*"}"#;

async fn root(world: &World) -> Arc<Caller> {
    let account = world.admin.account_id.clone();
    let (key, _) = world.rules.identity.make_root_key(&account, Timestamp::now()).await.unwrap();
    Arc::new(Caller::with_key(account, ACCOUNT.to_owned(), CallerKind::Root, key))
}

async fn temporary(world: &World, caller: &Arc<Caller>) -> Arc<Caller> {
    of(world, &session_token(world, caller).await).await
}

async fn federated(world: &World, caller: &Arc<Caller>, statements: &str) -> Arc<Caller> {
    of(world, &federation_token(world, caller, federates("f", statements)).await.credentials).await
}

async fn may_list(world: &World, by: &Arc<Caller>, at: &RepositoryRef) -> bool {
    world.rules.registry.list_tags(&ctx(by), at, None, None).await.is_ok()
}

async fn may_push(world: &World, by: &Arc<Caller>, at: &RepositoryRef) -> bool {
    world.rules.registry.start_upload(&ctx(by), at, Algorithm::Sha256).await.is_ok()
}

/// IAM's answers for some of its operations: those with their own decision, and those about the caller itself.
async fn asks_iam(world: &World, by: &Arc<Caller>) -> Vec<Result<(), Error>> {
    let (rules, ctx) = (&world.rules, ctx(by));
    let access_key_id = world.admin.access_key_id.to_string();
    let update = UpdateAccessKeyRequest {
        user_name: None,
        access_key_id: access_key_id.clone(),
        status: StatusType::Active,
    };
    vec![
        rules.identity.list_users(&ctx, ListUsersRequest::default()).await.map(|_| ()),
        rules.identity.get_user(&ctx, GetUserRequest::default()).await.map(|_| ()),
        rules.identity.list_access_keys(&ctx, ListAccessKeysRequest::default()).await.map(|_| ()),
        rules.identity.create_access_key(&ctx, CreateAccessKeyRequest::default()).await.map(|_| ()),
        rules.identity.update_access_key(&ctx, update).await,
        rules
            .identity
            .delete_access_key(&ctx, DeleteAccessKeyRequest { user_name: None, access_key_id })
            .await,
    ]
}

#[tokio::test]
async fn sessions_of_users_and_of_root_cannot_call_iam() {
    let world = World::new().await;
    let root = root(&world).await;
    let sessions = [temporary(&world, &root).await, temporary(&world, &world.admin).await];
    for caller in &sessions {
        for (at, answer) in asks_iam(&world, caller).await.into_iter().enumerate() {
            assert_eq!(code(answer), Code::InvalidToken, "{} {at}", caller.arn);
        }
    }
    // A federated user is not an IAM user, so some operations require a name first.
    let federated = federated(&world, &world.admin, ALL).await;
    let answers = asks_iam(&world, &federated).await;
    assert!(answers.iter().all(Result::is_err));
    let named = GetUserRequest { user_name: Some("admin".to_owned()) };
    let answers = [
        world.rules.identity.list_users(&ctx(&federated), ListUsersRequest::default()).await.map(|_| ()),
        world.rules.identity.get_user(&ctx(&federated), named).await.map(|_| ()),
    ];
    for answer in answers {
        assert_eq!(code(answer), Code::InvalidToken);
    }
    open_role(&world, "r").await;
    let role = session(&world, &sessions[1], assumes("r")).await;
    assert!(world.rules.identity.list_users(&ctx(&role), ListUsersRequest::default()).await.is_ok());
}

#[tokio::test]
async fn user_sessions_can_assume_roles_and_federated_users_cannot() {
    let world = World::new().await;
    open_role(&world, "r").await;
    let rules = &world.rules;
    let (user, bob) = (temporary(&world, &world.admin).await, federated(&world, &world.admin, ALL).await);
    for caller in [&user, &bob] {
        let ctx = ctx(caller);
        assert!(rules.identity.get_caller_identity(&ctx, GetCallerIdentityRequest::default()).await.is_ok());
        let info = GetAccessKeyInfoRequest { access_key_id: world.admin.access_key_id.to_string() };
        let decode = DecodeAuthorizationMessageRequest { encoded_message: "m".to_owned() };
        let refused = [
            ("GetAccessKeyInfo", refusal(rules.identity.get_access_key_info(&ctx, info).await)),
            (
                "DecodeAuthorizationMessage",
                refusal(rules.identity.decode_authorization_message(&ctx, decode).await),
            ),
            (
                "GetSessionToken",
                refusal(rules.identity.get_session_token(&ctx, GetSessionTokenRequest::default()).await),
            ),
            (
                "GetFederationToken",
                refusal(rules.identity.get_federation_token(&ctx, federates("f", ALL)).await),
            ),
        ];
        for (operation, refused) in refused {
            let sentence = format!("Cannot call {operation} with session credentials");
            assert_eq!(refused, (Code::AccessDenied, sentence));
        }
    }
    assert!(assume(&world, &user, assumes("r")).await.is_ok());
    assert_eq!(code(assume(&world, &bob, assumes("r")).await), Code::AccessDenied);
    let role = session(&world, &world.admin, assumes("r")).await;
    let info = GetAccessKeyInfoRequest { access_key_id: world.admin.access_key_id.to_string() };
    assert!(rules.identity.get_access_key_info(&ctx(&role), info).await.is_ok(), "a role's session may");
    for refused in [
        rules.identity.get_session_token(&ctx(&role), GetSessionTokenRequest::default()).await.map(|_| ()),
        rules.identity.get_federation_token(&ctx(&role), federates("f", ALL)).await.map(|_| ()),
    ] {
        assert_eq!(code(refused), Code::AccessDenied);
    }
}

#[tokio::test]
async fn a_federated_user_has_what_both_policies_allow() {
    let world = World::new().await;
    let app = world.create("app").await;
    let rights = format!(r#"{MAY_LIST},{{"Effect":"Allow","Action":"sts:*","Resource":"*"}}"#);
    let ann = world.user("ann", &rights).await;
    let rights = async |by: &Arc<Caller>| {
        let docker = login(&world, by, &region()).await;
        let signed = (may_list(&world, by, &app).await, may_push(&world, by, &app).await);
        assert_eq!((may_list(&world, &docker, &app).await, may_push(&world, &docker, &app).await), signed);
        signed
    };
    let admin = &world.admin;
    assert_eq!(rights(&federated(&world, admin, ALL).await).await, (true, true));
    assert_eq!(rights(&federated(&world, admin, MAY_LIST).await).await, (true, false));
    assert_eq!(rights(&federated(&world, admin, LOGIN).await).await, (false, false));
    assert_eq!(rights(&federated(&world, &ann, ALL).await).await, (true, false), "never more than the user");
    let bare = GetFederationTokenRequest { name: "f".to_owned(), ..GetFederationTokenRequest::default() };
    let bare = of(&world, &federation_token(&world, admin, bare).await.credentials).await;
    assert!(!may_list(&world, &bare, &app).await, "without a policy it may do nothing");
    let input = aws::ecr::GetAuthorizationTokenRequest::default();
    let refused = world.rules.registry.get_authorization_token(&ctx(&bare), &region(), input).await;
    assert_eq!(code(refused), Code::AccessDenied);
}

#[tokio::test]
async fn a_users_sessions_are_refused_while_its_key_is_inactive() {
    let world = World::new().await;
    let app = world.create("app").await;
    let ann = world.user("ann", ALL).await;
    let mut callers =
        vec![Arc::clone(&ann), temporary(&world, &ann).await, federated(&world, &ann, MAY_LIST).await];
    for at in 0..3 {
        callers.push(login(&world, &callers[at], &region()).await);
    }
    open_role(&world, "r").await;
    let role = session(&world, &callers[1], assumes("r")).await;
    let list = async |caller: &Arc<Caller>| {
        world
            .rules
            .registry
            .list_tags(&ctx(caller), &app, None, None)
            .await
            .map(|_| ())
            .map_err(|error| error.code)
    };
    for (status, expected) in [
        (StatusType::Active, Ok(())),
        (StatusType::Inactive, Err(Code::InvalidToken)),
        (StatusType::Active, Ok(())),
    ] {
        let update = UpdateAccessKeyRequest {
            user_name: Some("ann".to_owned()),
            access_key_id: ann.access_key_id.to_string(),
            status,
        };
        world.rules.identity.update_access_key(&ctx(&world.admin), update).await.unwrap();
        for (at, caller) in callers.iter().enumerate() {
            assert_eq!(list(caller).await, expected, "{status:?}, {at}");
        }
        assert_eq!(list(&role).await, Ok(()), "a role's session outlives the key that it was asked with");
    }
    let user_name = Some("ann".to_owned());
    let delete = DeleteAccessKeyRequest { user_name, access_key_id: ann.access_key_id.to_string() };
    world.rules.identity.delete_access_key(&ctx(&world.admin), delete).await.unwrap();
    for caller in &callers {
        assert_eq!(list(caller).await, Err(Code::InvalidToken));
    }
    assert_eq!(list(&role).await, Ok(()));
}

#[tokio::test]
async fn a_users_session_lasts_twelve_hours_and_a_roots_one() {
    let world = World::new().await;
    let root = root(&world).await;
    let lasts = async |caller: &Arc<Caller>, duration_seconds| {
        let (before, input) =
            (ctx(caller), GetSessionTokenRequest { duration_seconds, ..Default::default() });
        let session = world.rules.identity.get_session_token(&before, input).await.unwrap().credentials;
        let mut federates = federates("f", ALL);
        federates.duration_seconds = duration_seconds;
        let federated =
            world.rules.identity.get_federation_token(&before, federates).await.unwrap().credentials;
        assert_eq!(session.expiration, federated.expiration);
        session.expiration.0.duration_since(before.now).as_secs()
    };
    assert_eq!(lasts(&world.admin, None).await, 43_200);
    assert_eq!(lasts(&world.admin, Some(129_600)).await, 129_600);
    assert_eq!(lasts(&world.admin, Some(900)).await, 900);
    for (asked, given) in [(None, 3_600), (Some(43_200), 3_600), (Some(900), 900)] {
        assert_eq!(lasts(&root, asked).await, given, "root asks for {asked:?}");
    }
}
