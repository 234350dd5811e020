//! The signer of a request of an AWS API, and the body, which the signature covers.

use std::sync::Arc;

use access::authenticate::Signer;
use access::context::{Caller, Ctx, Plane};
use aws::ids::Region;
use aws::service::Service;
use aws::sigv4::{Payload, Presented, Request, SigV4Error};
use bytes::Bytes;
use http::header;
use jiff::Timestamp;

use super::fault::Fault;
use super::offload;
use super::query::MAX_UNSIGNED_BYTES;
use crate::body::BodyError;
use crate::exchange::Exchange;
use crate::ledger::{Charge, Tab};
use crate::serve::App;

/// A request with a verified signature.
pub(super) struct Signed {
    pub(super) ctx: Ctx,
    /// The Region of the credential scope, which selects the registry.
    pub(super) region: Region,
    pub(super) body: Bytes,
    /// The charge for the body and the values parsed from it, until the request is done.
    pub(super) room: Charge,
}

/// Whether a request has any kind of signature.
pub(super) fn is_signed(exchange: &Exchange) -> bool {
    exchange.headers.contains_key(header::AUTHORIZATION)
        || ["X-Amz-Signature", "X-Amz-Credential", "X-Amz-Algorithm"]
            .iter()
            .any(|name| exchange.parameter(name).is_some())
}

/// The limits of a request's operation: the maximum length of its body, and the charge for each byte, which includes
/// the values parsed from it.
#[derive(Clone, Copy)]
pub(super) struct Takes {
    pub(super) bytes: usize,
    pub(super) times: u64,
}

/// A request with a checked head: its access key exists, its scope and its time are valid.
pub(super) struct Head {
    presented: Presented,
    proof: Proof,
}

/// How much of a signature a head proves.
enum Proof {
    /// All of it: the signed headers contain the hash of the body, so the caller is known before the body is read. The
    /// body must then have this hash.
    Whole(Arc<Caller>, Payload),
    /// Nothing: the signature covers the body, which has not arrived yet.
    Pending(Signer),
}

/// Checks the head of a signed request. A request is refused before its body is read if it is unsigned, if its
/// signature is malformed, if its access key does not exist, if its scope belongs to another service, or if its time is
/// not valid: clients that cannot authenticate must not fill the memory.
pub(super) async fn head(
    app: &App,
    exchange: &mut Exchange,
    service: Service,
    limit: usize,
) -> Result<Head, Fault> {
    let dialect = service.dialect();
    let headers = headers(exchange);
    let presented = Presented::from_request(&request(exchange, &headers, Payload::Empty))
        .and_then(|presented| presented.ok_or(SigV4Error::MissingToken))
        .map_err(|error| Fault::signature(&error, dialect))?;
    if exchange.body.declared_length().is_some_and(|length| length > limit as u64) {
        return Err(Fault::body(&BodyError::TooLarge { limit }));
    }
    let refused = |error| Fault::authentication(error, dialect);
    let signer = app.access.signer(&presented, exchange.now).await.map_err(refused)?;
    presented
        .check_frame(service.scope(), exchange.now)
        .map_err(|error| Fault::signature(&error, dialect))?;
    let Some(payload) = presented.claimed_payload() else {
        exchange.claim(signer.claimed());
        return Ok(Head { presented, proof: Proof::Pending(signer) });
    };
    let caller = signer
        .verify(&request(exchange, &headers, payload), &presented, service.scope(), exchange.now)
        .map_err(refused)?;
    exchange.prove(&caller);
    app.admit(exchange, &caller).map_err(|_| Fault::throttled(dialect))?;
    Ok(Head { presented, proof: Proof::Whole(caller, payload) })
}

/// Reads the body and verifies its signature. Until then the body is charged to the client's address together with the
/// principal that it claims to be.
pub(super) async fn verify(
    app: &App,
    exchange: &mut Exchange,
    service: Service,
    takes: Takes,
) -> Result<Signed, Fault> {
    let head = head(app, exchange, service, takes.bytes).await?;
    verify_body(app, exchange, head, service, takes).await
}

/// The second part of [`verify`], after the head was accepted.
pub(super) async fn verify_body(
    app: &App,
    exchange: &mut Exchange,
    head: Head,
    service: Service,
    takes: Takes,
) -> Result<Signed, Fault> {
    let dialect = service.dialect();
    let (limit, times) = match head.proof {
        Proof::Whole(..) => (takes.bytes, takes.times),
        Proof::Pending(_) => (takes.bytes.min(app.ledger.largest_unproven()), 1),
    };
    let is_small = exchange.body.declared_length().is_some_and(|length| length <= MAX_UNSIGNED_BYTES as u64);
    if is_small && matches!(head.proof, Proof::Pending(_)) {
        exchange.body.within(app.options.limits.unsigned_body);
    }
    let share = Arc::clone(exchange.tab().share());
    let held = exchange.body.read_bounded(limit, &share, times).await.map_err(|error| Fault::body(&error))?;
    let (body, mut room) = (held.bytes, held.charge);
    let hashed = body.clone();
    let payload = offload::by_size(body.len(), move || Payload::of(&hashed))
        .await
        .map_err(|error| Fault::rules(error, dialect))?;
    let caller = match head.proof {
        Proof::Whole(caller, claimed) if claimed.is_same(payload) => caller,
        Proof::Whole(..) => return Err(Fault::signature(&SigV4Error::SignatureMismatch, dialect)),
        Proof::Pending(signer) => {
            let headers = headers(exchange);
            let request = request(exchange, &headers, payload);
            let verified = signer.verify(&request, &head.presented, service.scope(), exchange.now);
            let caller = verified.map_err(|error| Fault::authentication(error, dialect))?;
            exchange.prove(&caller);
            app.admit(exchange, &caller).map_err(|_| Fault::throttled(dialect))?;
            let all = (body.len() as u64).saturating_mul(takes.times);
            room = exchange.tab().share().take(all).await.map_err(Fault::no_room)?;
            caller
        }
    };
    let region = head.presented.scope().region.clone();
    // The signature had to be valid when the request began. The decisions from here on use the current time, because
    // the body can have taken long.
    exchange.now = Timestamp::now();
    if caller.has_ended(exchange.now) {
        return Err(Fault::signature(&SigV4Error::ExpiredToken, dialect));
    }
    let ctx = context(exchange, caller).signed_for(region.clone());
    app.identity.record_key_use(&ctx, region.as_str(), service.scope()).await;
    Ok(Signed { ctx, region, body, room })
}

fn context(exchange: &Exchange, caller: Arc<Caller>) -> Ctx {
    let id = Arc::clone(&exchange.request_id);
    let ctx = Ctx::new(caller, exchange.peer, exchange.user_agent(), id, exchange.now, Plane::Control);
    ctx.accounted_by(Arc::<Tab>::clone(exchange.tab())).recorded_in(Arc::clone(&exchange.decisions))
}

/// The header lines as the signer saw them. Clients sign `:authority` of HTTP/2, or the host of an absolute URI, as
/// `host`. It has priority over a header with that name (RFC 9113 §8.3.1, RFC 9112 §3.2.2).
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
