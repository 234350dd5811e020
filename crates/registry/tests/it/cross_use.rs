//! Credentials and tokens of one principal, repository, account or Region cannot be used for another: upload sessions,
//! docker passwords, session tokens and page tokens. (Download URLs: `downloads.rs`.)

use std::sync::Arc;

use access::authenticate::AuthenticateError;
use access::context::{Caller, RepositoryRef};
use access::error::{AwsCode, Code};
use access::token::TokenError;
use aws::ecr::{
    CompleteLayerUploadRequest, CreateRepositoryRequest, DescribeImagesRequest, DescribeRepositoriesRequest,
    InitiateLayerUploadRequest, ListImagesRequest, SetRepositoryPolicyRequest, UploadLayerPartRequest,
};
use aws::iam::{GetAccountAuthorizationDetailsRequest, ListUsersRequest};
use aws::ids::Region;
use aws::sigv4::SigV4Error;
use bytes::Bytes;
use jiff::Timestamp;
use oci::digest::Algorithm;
use oci::name::Reference;
use registry::layer::upload::Incoming;

use crate::credentials::{
    ALL, Presents, assumes, federates, federation_token, login, of, open_role, opened, password, session,
    session_token, sign,
};
use crate::cross_account::{STAGING, staging};
use crate::world::{ACCOUNT, World, code, ctx, region, repository, sha256};

fn elsewhere() -> Region {
    "us-west-2".parse().unwrap()
}

fn latest() -> Reference {
    Reference::Tag("latest".parse().unwrap())
}

/// The repository `app` in the account and region of `at`, which the account of [`World::admin`] may use.
async fn app(world: &World, owner: &Arc<Caller>, region: &Region) -> RepositoryRef {
    let create =
        CreateRepositoryRequest { repository_name: "app".to_owned(), ..CreateRepositoryRequest::default() };
    world.rules.registry.create_repository(&ctx(owner), region, create).await.unwrap();
    let set = SetRepositoryPolicyRequest {
        repository_name: "app".to_owned(),
        policy_text: format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"{ACCOUNT}"}},"Action":"ecr:*"}}}}"#
        ),
        ..SetRepositoryPolicyRequest::default()
    };
    world.rules.registry.set_repository_policy(&ctx(owner), region, set).await.unwrap();
    RepositoryRef { account_id: owner.account_id.clone(), region: region.clone(), ..repository("app") }
}

/// `app` in the administrator's account, in another account and in another region, and another repository.
async fn everywhere(world: &World) -> (RepositoryRef, [RepositoryRef; 3]) {
    let ops = staging(world).await;
    let own = app(world, &world.admin, &region()).await;
    let others = [
        world.create("other").await,
        app(world, &ops, &region()).await,
        app(world, &world.admin, &elsewhere()).await,
    ];
    (own, others)
}

/// Only its owner finds an upload, in either API; `by` and `at` would be allowed their own uploads there.
async fn finds_no_upload(world: &World, by: &Arc<Caller>, at: &RepositoryRef, id: &str, what: &str) {
    let rules = &world.rules;
    let own = rules.registry.start_upload(&ctx(by), at, Algorithm::Sha256).await;
    assert!(own.is_ok(), "{what}: it may push there, so that the upload's owner is all that refuses");
    let bytes = || Incoming::buffered(Bytes::from_static(b"theirs"));
    let mut refusals = vec![
        code(rules.registry.upload_status(&ctx(by), at, id).await),
        code(rules.registry.append_upload(&ctx(by), at, id, bytes()).await),
        code(rules.registry.finish_upload(&ctx(by), at, id, &sha256(b"mine"), Incoming::empty()).await),
        code(rules.registry.cancel_upload(&ctx(by), at, id).await),
    ];
    let part = UploadLayerPartRequest {
        registry_id: Some(at.account_id.to_string()),
        repository_name: at.name.to_string(),
        upload_id: id.to_owned(),
        part_first_byte: 4,
        part_last_byte: 9,
        layer_part_blob: b"theirs".to_vec(),
    };
    refusals.push(code(rules.registry.upload_layer_part(&ctx(by), &at.region, part).await));
    let complete = CompleteLayerUploadRequest {
        registry_id: Some(at.account_id.to_string()),
        repository_name: at.name.to_string(),
        upload_id: id.to_owned(),
        layer_digests: vec![sha256(b"mine").to_string()],
    };
    refusals.push(code(rules.registry.complete_layer_upload(&ctx(by), &at.region, complete).await));
    assert_eq!(refusals, vec![Code::UploadNotFound; 6], "{what}");
}

/// An upload of four bytes, begun by the ECR API or by the data plane.
async fn upload(world: &World, by: &Arc<Caller>, at: &RepositoryRef, by_api: bool) -> String {
    let id = if by_api {
        let input = InitiateLayerUploadRequest { registry_id: None, repository_name: at.name.to_string() };
        world.rules.registry.initiate_layer_upload(&ctx(by), &at.region, input).await.unwrap().upload_id
    } else {
        world.rules.registry.start_upload(&ctx(by), at, Algorithm::Sha256).await.unwrap().id
    };
    let bytes = Incoming::buffered(Bytes::from_static(b"mine"));
    world.rules.registry.append_upload(&ctx(by), at, &id, bytes).await.unwrap();
    id
}

async fn still_mine(world: &World, by: &Arc<Caller>, at: &RepositoryRef, id: &str) {
    assert_eq!(world.rules.registry.upload_status(&ctx(by), at, id).await.unwrap().offset, 4);
    let digest = sha256(b"mine");
    world.rules.registry.finish_upload(&ctx(by), at, id, &digest, Incoming::empty()).await.unwrap();
    world.rules.registry.delete_blob(&ctx(&world.admin), at, &digest).await.unwrap();
}

#[tokio::test]
async fn an_upload_is_of_its_repository_account_and_region() {
    let world = World::new().await;
    let (own, others) = everywhere(&world).await;
    for by_api in [false, true] {
        let id = upload(&world, &world.admin, &own, by_api).await;
        for other in &others {
            finds_no_upload(&world, &world.admin, other, &id, &other.arn()).await;
        }
        still_mine(&world, &world.admin, &own, &id).await;
    }
}

#[tokio::test]
async fn an_upload_is_of_its_principal() {
    let world = World::new().await;
    let own = world.create("app").await;
    open_role(&world, "ci").await;
    let (ann, bob) = (world.user("ann", ALL).await, world.user("bob", ALL).await);
    open_role(&world, "cd").await;
    let (ci, cd) = (session(&world, &ann, assumes("ci")).await, session(&world, &ann, assumes("cd")).await);
    let federated = async |user: &Arc<Caller>| {
        of(&world, &federation_token(&world, user, federates("f", ALL)).await.credentials).await
    };
    let (anns, bobs) = (federated(&ann).await, federated(&bob).await);
    let all = [&world.admin, &ann, &bob, &ci, &cd, &anns, &bobs];
    for (mine, owner) in all.iter().enumerate() {
        for by_api in [false, true] {
            let id = upload(&world, owner, &own, by_api).await;
            for (_, other) in all.iter().enumerate().filter(|(at, _)| *at != mine) {
                let what = format!("the upload of {} for {}", owner.user_id(), other.user_id());
                finds_no_upload(&world, other, &own, &id, &what).await;
            }
            still_mine(&world, owner, &own, &id).await;
        }
    }
}

#[tokio::test]
async fn new_credentials_of_the_same_principal_go_on_with_its_upload() {
    let world = World::new().await;
    let own = world.create("app").await;
    open_role(&world, "ci").await;
    let user = &world.admin;
    let role = session(&world, user, assumes("ci")).await;
    let other_session =
        aws::sts::AssumeRoleRequest { role_session_name: "other".to_owned(), ..assumes("ci") };
    let again = [
        (Arc::clone(user), of(&world, &session_token(&world, user).await).await),
        (Arc::clone(user), login(&world, user, &region()).await),
        (Arc::clone(&role), session(&world, user, assumes("ci")).await),
        (Arc::clone(&role), session(&world, user, other_session).await),
        (Arc::clone(&role), login(&world, &role, &region()).await),
    ];
    for (owner, renewed) in again {
        let id = upload(&world, &owner, &own, false).await;
        still_mine(&world, &renewed, &own, &id).await;
    }
}

#[tokio::test]
async fn a_docker_password_is_for_one_region() {
    let world = World::new().await;
    let (own, [.., abroad]) = everywhere(&world).await;
    world.push(&own, "latest", b"{}").await.unwrap();
    let (here, there) =
        (login(&world, &world.admin, &region()).await, login(&world, &world.admin, &elsewhere()).await);
    let rules = &world.rules;
    for (caller, good, wrong) in [(&here, &own, &abroad), (&there, &abroad, &own)] {
        assert!(rules.registry.start_upload(&ctx(caller), good, Algorithm::Sha256).await.is_ok());
        assert!(
            rules.registry.catalog(&ctx(caller), &good.account_id, &good.region, None, None).await.is_ok()
        );
        assert!(rules.access.check_login(&ctx(caller), &good.account_id, &good.region).await.is_ok());
        let refused = [
            rules.registry.start_upload(&ctx(caller), wrong, Algorithm::Sha256).await.err(),
            rules.registry.get_manifest(&ctx(caller), wrong, &latest()).await.err(),
            rules.registry.catalog(&ctx(caller), &wrong.account_id, &wrong.region, None, None).await.err(),
            rules.access.check_login(&ctx(caller), &wrong.account_id, &wrong.region).await.err(),
        ];
        for error in refused {
            let error = error.expect("it was not refused");
            assert_eq!(error.code, Code::InvalidToken);
            assert_eq!(error.message, "Your Authorization Token is invalid.");
        }
    }
}

#[tokio::test]
async fn a_docker_password_opens_other_accounts_as_far_as_both_allow() {
    let world = World::new().await;
    let ops = staging(&world).await;
    let theirs = app(&world, &ops, &region()).await;
    let started = async |caller: &Arc<Caller>| {
        let caller = login(&world, caller, &region()).await;
        world.rules.registry.start_upload(&ctx(&caller), &theirs, Algorithm::Sha256).await.map(|_| ())
    };
    let pull_only =
        r#"{"Effect":"Allow","Action":["ecr:GetAuthorizationToken","ecr:BatchGetImage"],"Resource":"*"}"#;
    let puller = world.user("puller", pull_only).await;
    assert!(started(&world.admin).await.is_ok());
    assert_eq!(code(started(&puller).await), Code::AccessDenied, "its own account allows no push");
    let delete =
        aws::ecr::DeleteRepositoryPolicyRequest { registry_id: None, repository_name: "app".to_owned() };
    world.rules.registry.delete_repository_policy(&ctx(&ops), &region(), delete).await.unwrap();
    assert_eq!(code(started(&world.admin).await), Code::AccessDenied, "the other account names nobody");
}

#[tokio::test]
async fn a_session_token_goes_with_its_own_key_and_secret_alone() {
    let world = World::new().await;
    let (one, two) = (session_token(&world, &world.admin).await, session_token(&world, &world.admin).await);
    let now = Timestamp::now();
    let as_who = async |id: &str, secret, token| sign(&world, Presents { id, secret, token }, now).await;
    let first = Some(one.session_token.as_str());
    assert!(as_who(&one.access_key_id, &one.secret, first).await.is_ok());
    let unknown = [
        as_who(&two.access_key_id, &two.secret, first).await,
        as_who(&two.access_key_id, &one.secret, first).await,
        as_who(world.admin.access_key_id.as_str(), &one.secret, first).await,
        as_who(&one.access_key_id, &one.secret, None).await,
    ];
    for refused in unknown {
        assert!(matches!(refused, Err(AuthenticateError::UnknownKey)), "{refused:?}");
    }
    let forged = as_who(&one.access_key_id, &two.secret, first).await;
    let mismatch = matches!(forged, Err(AuthenticateError::Signature(SigV4Error::SignatureMismatch)));
    assert!(mismatch, "{forged:?}");

    let docker = password(&world, &world.admin, &region(), now).await;
    let refused = as_who(&one.access_key_id, &one.secret, Some(&docker)).await;
    assert!(matches!(refused, Err(AuthenticateError::UnknownKey)), "a docker password: {refused:?}");
    assert_eq!(opened(&world, &one.session_token).await.unwrap_err(), TokenError::Invalid);
    let foreign = World::new().await;
    let foreign = session_token(&foreign, &foreign.admin).await;
    let refused = as_who(&foreign.access_key_id, &foreign.secret, Some(&foreign.session_token)).await;
    assert!(matches!(refused, Err(AuthenticateError::UnknownKey)), "another deployment's: {refused:?}");
}

#[tokio::test]
async fn a_page_token_goes_on_in_the_list_that_it_came_from_alone() {
    let world = World::new().await;
    let (own, others) = everywhere(&world).await;
    for config in [b"{}".as_slice(), b"{ }", b"{  }"] {
        world
            .push(&own, std::str::from_utf8(config).unwrap().len().to_string().as_str(), config)
            .await
            .unwrap();
    }
    let rules = &world.rules;
    let images = async |by: &Arc<Caller>, at: &RepositoryRef, next_token: Option<String>| {
        let (registry_id, repository_name) = (Some(at.account_id.to_string()), at.name.to_string());
        let max_results = Some(1);
        let list = ListImagesRequest {
            registry_id: registry_id.clone(),
            repository_name: repository_name.clone(),
            next_token: next_token.clone(),
            max_results,
            filter: None,
        };
        let listed = rules.registry.list_images(&ctx(by), &at.region, list).await.map(|page| page.next_token);
        let describe = DescribeImagesRequest {
            registry_id,
            repository_name,
            next_token,
            max_results,
            ..DescribeImagesRequest::default()
        };
        let described = rules.registry.describe_images(&ctx(by), &at.region, describe).await;
        (listed, described.map(|page| page.next_token))
    };
    let (listed, described) = images(&world.admin, &own, None).await;
    let (listed, described) = (listed.unwrap(), described.unwrap());
    assert!(listed.is_some() && described.is_some());
    assert!(images(&world.admin, &own, listed.clone()).await.0.is_ok(), "where it came from");
    assert_eq!(
        code(images(&world.admin, &own, listed.clone()).await.1),
        Code::InvalidParameter,
        "another list"
    );
    assert_eq!(code(images(&world.admin, &own, described.clone()).await.0), Code::InvalidParameter);
    for other in &others {
        let refused = images(&world.admin, other, listed.clone()).await.0;
        assert_eq!(code(refused), Code::InvalidParameter, "{}", other.arn());
        let refused = images(&world.admin, other, described.clone()).await.1;
        assert_eq!(code(refused), Code::InvalidParameter, "{}", other.arn());
    }
    let stranger = world.user("stranger", r#"{"Effect":"Allow","Action":"iam:*","Resource":"*"}"#).await;
    assert_eq!(code(images(&stranger, &own, listed).await.0), Code::AccessDenied, "it gives no permission");

    let repositories = async |by: &Arc<Caller>, region: &Region, next_token: Option<String>| {
        let list = DescribeRepositoriesRequest {
            max_results: Some(1),
            next_token,
            ..DescribeRepositoriesRequest::default()
        };
        rules.registry.describe_repositories(&ctx(by), region, list).await.map(|page| page.next_token)
    };
    let token = repositories(&world.admin, &region(), None).await.unwrap();
    assert!(token.is_some());
    let ops = ops_of(&world, &others[1]).await;
    for (by, region) in [(&world.admin, elsewhere()), (&ops, region())] {
        let refused = repositories(by, &region, token.clone()).await;
        assert_eq!(code(refused), Code::InvalidParameter, "{} in {region}", by.arn);
    }
}

/// The root of the account that owns a repository.
async fn ops_of(world: &World, repository: &RepositoryRef) -> Arc<Caller> {
    let account = repository.account_id.clone();
    let (key, _) = world.rules.identity.make_root_key(&account, Timestamp::now()).await.unwrap();
    let unique_id = account.to_string();
    Arc::new(Caller::with_key(account, unique_id, access::context::CallerKind::Root, key))
}

#[tokio::test]
async fn a_marker_of_iam_is_of_one_account() {
    let world = World::new().await;
    staging(&world).await;
    world.user("ann", ALL).await;
    let there = RepositoryRef { account_id: STAGING.parse().unwrap(), ..repository("app") };
    let other = ops_of(&world, &there).await;
    let rules = &world.rules;
    let users = async |by: &Arc<Caller>, marker: Option<String>| {
        let list = ListUsersRequest { marker, max_items: Some(1), ..ListUsersRequest::default() };
        rules.identity.list_users(&ctx(by), list).await.map(|page| page.marker)
    };
    let details = async |by: &Arc<Caller>, marker: Option<String>| {
        let list = GetAccountAuthorizationDetailsRequest {
            marker,
            max_items: Some(1),
            ..GetAccountAuthorizationDetailsRequest::default()
        };
        rules.identity.get_account_authorization_details(&ctx(by), list).await.map(|page| page.marker)
    };
    let marker = users(&world.admin, None).await.unwrap();
    assert!(marker.is_some() && users(&world.admin, marker.clone()).await.is_ok());
    assert_eq!(code(users(&other, marker).await), Code::Aws(AwsCode::ValidationError));
    let marker = details(&world.admin, None).await.unwrap();
    assert!(marker.is_some() && details(&world.admin, marker.clone()).await.is_ok());
    assert_eq!(code(details(&other, marker).await), Code::Aws(AwsCode::ValidationError));
}
