//! Sessions expire. The docker password that a session requested has its own lifetime of twelve hours, as ECR
//! documents. Every signed operation finds its caller in `signer`, every request of the data plane in
//! `authenticate_password`: there is no other way.

use std::sync::Arc;

use access::authenticate::AuthenticateError;
use access::context::{Caller, Session};
use access::token::TokenError;
use aws::ecr::GetAuthorizationTokenRequest;
use aws::sigv4::{Payload, Presented, Request, SigV4Error};
use aws::sts::{Credentials, GetSessionTokenRequest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};

use crate::world::{World, at, region};

fn presented(credentials: &Credentials) -> Presented {
    let scope = format!("{}/20261124/eu-west-1/ecr/aws4_request", credentials.access_key_id);
    let signature = "0".repeat(64);
    let authorization =
        format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={signature}");
    let headers = [
        ("host", b"localhost".as_slice()),
        ("x-amz-date", b"20261124T000000Z"),
        ("x-amz-security-token", credentials.session_token.as_bytes()),
        ("authorization", authorization.as_bytes()),
    ];
    let request =
        Request { method: "POST", path: "/", query: "", headers: &headers, payload: Payload::Empty };
    Presented::from_request(&request).unwrap().unwrap()
}

#[tokio::test]
async fn a_session_signs_until_it_expires() {
    let world = World::new().await;
    let start = Timestamp::now();
    let input = GetSessionTokenRequest { duration_seconds: Some(900), ..GetSessionTokenRequest::default() };
    let session = world.rules.identity.get_session_token(&at(&world.admin, start), input).await.unwrap();
    let signer = async |after: i64| {
        let then = start + SignedDuration::from_secs(after);
        world.rules.access.signer(&presented(&session.credentials), then).await.map(|_| ())
    };
    assert!(signer(898).await.is_ok());
    let refused = signer(900).await;
    assert!(matches!(refused, Err(AuthenticateError::Signature(SigV4Error::ExpiredToken))), "{refused:?}");
}

#[tokio::test]
async fn a_sessions_docker_password_lives_for_twelve_hours() {
    let world = World::new().await;
    let start = Timestamp::now();
    let ends = start + SignedDuration::from_mins(15);
    let session =
        Session { issued_at: start.as_second(), expires_at: ends.as_second(), ..Session::default() };
    let caller = Arc::new(Caller { session: Some(Arc::new(session)), ..Caller::clone(&world.admin) });
    let input = GetAuthorizationTokenRequest::default();
    let answer =
        world.rules.registry.get_authorization_token(&at(&caller, start), &region(), input).await.unwrap();
    let token = answer.authorization_data.into_iter().next().unwrap().authorization_token;
    let text = String::from_utf8(STANDARD.decode(token).unwrap()).unwrap();
    let (user, password) = text.split_once(':').unwrap();
    let found = world.rules.access.authenticate_password(user, password, ends).await.unwrap();
    assert_eq!(found.session, caller.session, "all that limits the session limits the password");
    let over = start + SignedDuration::from_hours(12);
    let refused = world.rules.access.authenticate_password(user, password, over).await;
    assert_eq!(refused.unwrap_err(), TokenError::Expired);
}
