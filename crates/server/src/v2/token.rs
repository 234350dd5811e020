//! `GET /token/`: bearer tokens for public registries (distribution, "Token Authentication Specification"). A client
//! with the password of ECR Public gets one for its permissions; a client without credentials gets one that pulls. The
//! scope of the request is ignored: the gate decides on each request with the token.

use std::sync::Arc;

use access::context::Caller;
use access::token::TokenError;
use aws::ids::Region;
use http::{HeaderValue, Method, StatusCode, header};
use serde::Serialize;

use super::auth::{self, Presented};
use super::public::take_anonymous;
use super::{Outcome, RouteOp, context, not_allowed};
use crate::body::ResponseBody;
use crate::error::Refusal;
use crate::exchange::{Exchange, Response, answer};
use crate::serve::App;

/// As in ECR Public's challenge.
pub(crate) const PATH: &str = "/token/";
pub(crate) const SHORT_PATH: &str = "/token";

#[derive(Serialize)]
struct Answer<'a> {
    token: &'a str,
    /// The same, for clients of OAuth 2.
    access_token: &'a str,
    expires_in: i64,
    issued_at: String,
}

pub(crate) async fn handle(app: &App, exchange: &mut Exchange) -> Response {
    exchange.operation = RouteOp::Token.into();
    match issue(app, exchange).await {
        Ok(response) => response,
        Err(refusal) => {
            let challenge = (refusal.status == StatusCode::UNAUTHORIZED)
                .then_some("Basic realm=\"Amazon ECR Public\",service=\"ecr-public.amazonaws.com\"");
            let refusal = match challenge {
                Some(challenge) => refusal.with(header::WWW_AUTHENTICATE, challenge),
                None => refusal,
            };
            refusal.into_response(exchange)
        }
    }
}

async fn issue(app: &App, exchange: &mut Exchange) -> Outcome {
    // Clients that begin with POST continue with GET after 405.
    if exchange.method != Method::GET {
        return Err(not_allowed(&exchange.method, "GET"));
    }
    let caller = authenticate(app, exchange).await?;
    if caller.is_anonymous() {
        take_anonymous(app, exchange)?;
    } else {
        exchange.prove(&caller);
        let account = caller.account_id.clone();
        let ctx = context(exchange, Arc::clone(&caller));
        app.access.check_login(&ctx, &account, &Region::public()).await?;
    }
    let issued = app.access.issue_bearer(&caller, exchange.now).await?;
    let body = Answer {
        token: &issued.password,
        access_token: &issued.password,
        expires_in: issued.expires_at.as_second().saturating_sub(exchange.now.as_second()),
        issued_at: exchange.now.to_string(),
    };
    let body = serde_json::to_vec(&body).unwrap_or_default();
    let mut response = answer(StatusCode::OK, ResponseBody::bytes(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn authenticate(app: &App, exchange: &Exchange) -> Result<Arc<Caller>, Refusal> {
    match auth::presented(exchange) {
        Presented::Nothing => Ok(app.access.anonymous()),
        Presented::Password(user, password) => {
            let opened = app.access.authenticate_password(&user, &password, exchange.now).await;
            let caller = opened.map_err(auth::refused)?;
            let is_public = caller.is_of_public_registries();
            is_public.then_some(caller).ok_or_else(|| auth::refused(TokenError::Invalid))
        }
        Presented::Token(_) | Presented::Unknown => Err(auth::refused(TokenError::Invalid)),
    }
}
