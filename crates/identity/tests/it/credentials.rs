//! Authentication as the server does it; roles and their sessions.

use std::sync::Arc;

use access::authenticate::AuthenticateError;
use access::context::Caller;
use access::error::{Code, Error};
use aws::iam::{CreateRoleRequest, PutRolePolicyRequest};
use aws::ids::SecretKey;
use aws::sigv4::{self, Payload, Presented, Request};
use aws::sts::{AssumeRoleRequest, AssumedRole, Credentials, GetFederationTokenRequest, SessionParameters};
use jiff::Timestamp;

use crate::world::{ACCOUNT, World, ctx, region};

pub(crate) const ALL: &str = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;

/// The credentials in a client's signature.
pub(crate) struct Presents<'a> {
    pub(crate) id: &'a str,
    pub(crate) secret: &'a SecretKey,
    pub(crate) token: Option<&'a str>,
}

/// The caller that the server finds for a signer.
pub(crate) async fn sign(
    world: &World,
    presents: Presents<'_>,
    now: Timestamp,
) -> Result<Arc<Caller>, AuthenticateError> {
    let access_key_id = presents.id.parse().unwrap();
    let mut headers = vec![("host", b"localhost".as_slice())];
    let request =
        Request { method: "POST", path: "/", query: "", headers: &headers.clone(), payload: Payload::Empty };
    let credentials = sigv4::Credentials {
        access_key_id: &access_key_id,
        secret: presents.secret,
        session_token: presents.token,
    };
    let added = sigv4::sign(&request, credentials, &region(), "ecr", now).unwrap();
    headers.extend(added.iter().map(|(name, value)| (*name, value.as_bytes())));
    let request = Request { headers: &headers, ..request };
    let presented = Presented::from_request(&request).unwrap().unwrap();
    world.rules.access.signer(&presented, now).await?.verify(&request, &presented, "ecr", now)
}

/// A signer with temporary credentials.
pub(crate) async fn of(world: &World, credentials: &Credentials) -> Arc<Caller> {
    let presents = Presents {
        id: &credentials.access_key_id,
        secret: &credentials.secret,
        token: Some(&credentials.session_token),
    };
    sign(world, presents, Timestamp::now()).await.unwrap()
}

pub(crate) fn document(statements: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)
}

/// A statement that trusts a principal for an action, with more members of the statement.
pub(crate) fn trusts(principal: &str, action: &str, more: &str) -> String {
    format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":{action}{more}}}"#)
}

pub(crate) fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}

pub(crate) fn role_request(name: &str, trust: &str) -> CreateRoleRequest {
    CreateRoleRequest {
        role_name: name.to_owned(),
        assume_role_policy_document: document(trust),
        ..CreateRoleRequest::default()
    }
}

/// Creates a role in the administrator's account with an inline policy, and returns its unique ID.
pub(crate) async fn make_role(world: &World, request: CreateRoleRequest, rights: &str) -> String {
    let admin = ctx(&world.admin);
    let role_name = request.role_name.clone();
    let role = world.rules.identity.create_role(&admin, request).await.unwrap().1;
    let policy_document = document(rights);
    let put = PutRolePolicyRequest { role_name, policy_name: "rights".to_owned(), policy_document };
    world.rules.identity.put_role_policy(&admin, put).await.unwrap();
    role.id
}

/// A role that trusts its account and has all permissions.
pub(crate) async fn open_role(world: &World, name: &str) {
    let trust = trusts(ACCOUNT, r#"["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]"#, "");
    make_role(world, role_request(name, &trust), ALL).await;
}

/// A request for the session `s` of a role.
pub(crate) fn assumes(name: &str) -> AssumeRoleRequest {
    AssumeRoleRequest {
        role_arn: role_arn(name),
        role_session_name: "s".to_owned(),
        ..AssumeRoleRequest::default()
    }
}

pub(crate) async fn assume(
    world: &World,
    caller: &Arc<Caller>,
    request: AssumeRoleRequest,
) -> Result<AssumedRole, Error> {
    world.rules.identity.assume_role(&ctx(caller), request).await
}

/// A session of a role, opened and signing.
pub(crate) async fn session(world: &World, caller: &Arc<Caller>, request: AssumeRoleRequest) -> Arc<Caller> {
    let assumed = assume(world, caller, request).await.unwrap();
    of(world, &assumed.credentials).await
}

pub(crate) fn federates(name: &str, statements: &str) -> GetFederationTokenRequest {
    let session = SessionParameters { policy: Some(document(statements)), ..SessionParameters::default() };
    GetFederationTokenRequest { name: name.to_owned(), session }
}

/// The code and message of an error; panics on success.
pub(crate) fn refusal<T>(result: Result<T, Error>) -> (Code, String) {
    let error = result.err().expect("it was not refused");
    (error.code, error.message.into_owned())
}
