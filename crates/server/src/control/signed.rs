//! Who signed a request of an AWS API, and its body, which the signature covers.

use std::sync::Arc;

use aws::dialect::Dialect;
use aws::ids::Region;
use aws::sigv4::{Payload, Presented, Request, SigV4Error};
use bytes::Bytes;
use http::header;
use registry::context::{Caller, Ctx, Plane};
use tokio::sync::OwnedSemaphorePermit;

use super::fault::Fault;
use super::offload;
use crate::body::BodyError;
use crate::exchange::Exchange;
use crate::serve::App;

/// A body no larger than this has the time of one that nobody signed: its signature is proved only once it is in.
const SMALL: u64 = 96 * 1024;

/// A request whose signature was found good.
pub(super) struct Signed {
    pub(super) ctx: Ctx,
    /// The region of the credential scope: whose registry is meant.
    pub(super) region: Region,
    pub(super) body: Bytes,
    /// The body's part of the budget, for as long as the request is served.
    pub(super) room: Option<OwnedSemaphorePermit>,
}

/// Whether a request claims to be signed at all, however badly.
pub(super) fn is_signed(exchange: &Exchange) -> bool {
    exchange.headers.contains_key(header::AUTHORIZATION)
        || ["X-Amz-Signature", "X-Amz-Credential", "X-Amz-Algorithm"]
            .iter()
            .any(|name| exchange.parameter(name).is_some())
}

/// Reads the body and verifies the signature over it. A request that is not signed at all, whose signature has no
/// form, or whose key nobody has, is refused before its body is read: strangers cannot fill the memory.
pub(super) async fn verify(
    app: &App,
    exchange: &mut Exchange,
    service: &str,
    limit: usize,
    dialect: Dialect,
) -> Result<Signed, Fault> {
    let presented = Presented::from_request(&request(exchange, &headers(exchange), Payload::Empty))
        .and_then(|presented| presented.ok_or(SigV4Error::MissingToken))
        .map_err(|error| Fault::signature(&error, dialect))?;
    if exchange.body.declared_length().is_some_and(|length| length > limit as u64) {
        return Err(Fault::body(&BodyError::TooLarge { limit }));
    }
    let refused = |error| Fault::authentication(error, dialect);
    let signer = app.registry.signer(&presented, exchange.now).await.map_err(refused)?;
    let room = app.large_bodies.take(exchange.body.declared_length().unwrap_or(limit as u64)).await?;
    if exchange.body.declared_length().is_some_and(|length| length <= SMALL) {
        exchange.body.within(app.options.limits.unsigned_body);
    }
    let body = exchange.body.read_bounded(limit).await.map_err(|error| Fault::body(&error))?;
    let hashed = body.clone();
    let payload = offload::by_size(body.len(), move || Payload::of(&hashed))
        .await
        .map_err(|error| Fault::rules(error, dialect))?;
    let headers = headers(exchange);
    let caller = signer
        .verify(&request(exchange, &headers, payload), &presented, service, exchange.now)
        .map_err(refused)?;
    exchange.caller = Some(caller.arn.clone());
    let region = presented.scope().region.clone();
    let ctx = context(exchange, caller).signed_for(region.clone());
    app.registry.record_key_use(&ctx, region.as_str(), service).await;
    Ok(Signed { ctx, region, body, room })
}

fn context(exchange: &Exchange, caller: Arc<Caller>) -> Ctx {
    let user_agent = exchange.header(&header::USER_AGENT).map(str::to_owned);
    Ctx::new(caller, exchange.peer, user_agent, exchange.request_id.clone(), exchange.now, Plane::Control)
}

/// The header lines as the signer saw them. `:authority` of HTTP/2, or the host of an absolute URI, is what
/// clients sign as `host`, and it goes before a header of that name (RFC 9113 §8.3.1, RFC 9112 §3.2.2).
fn headers(exchange: &Exchange) -> Vec<(&str, &[u8])> {
    let authority = exchange.uri.authority().map(|authority| ("host", authority.as_str().as_bytes()));
    let lines = exchange.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let lines = lines.filter(|(name, _)| authority.is_none() || *name != "host");
    authority.into_iter().chain(lines).collect()
}

fn request<'a>(exchange: &'a Exchange, headers: &'a [(&'a str, &'a [u8])], payload: Payload) -> Request<'a> {
    Request {
        method: exchange.method.as_str(),
        path: exchange.uri.path(),
        query: exchange.uri.query().unwrap_or_default(),
        headers,
        payload,
    }
}
