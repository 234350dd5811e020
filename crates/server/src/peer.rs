//! `POST /wharf/replication`: requests of other deployments, which replicate to this one. The head of a request has a
//! signature, which is verified before any of its body is read. Bodies are charged to the role that the peer acts in.

use std::sync::Arc;

use access::context::{Ctx, RepositoryRef};
use access::error::{Code, Error, Result};
use access::peer::PeerRequest;
use access::rate::Rate;
use http::{HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;
use oci::digest::Digest;
use registry::replication::{LAYERS, LayerPart, PATH, PeerAsk, failure_code};

use crate::body::{BodyError, ResponseBody};
use crate::error::entry;
use crate::exchange::{Exchange, Operation, Response, answer};
use crate::ledger::{self, Tab};
use crate::receiving;
use crate::serve::App;
use crate::throttle::Throttled;

/// The maximum length of a request: a manifest as a JSON string.
const MAX_BYTES: usize = 10 << 20;
/// The charge for each byte of it: the bytes and the values read from them.
const TIMES: u64 = 3;

/// Whether a path belongs to peers.
pub(crate) fn is_under(path: &str) -> bool {
    path == PATH || path.starts_with(LAYERS)
}

pub(crate) async fn handle(app: &App, exchange: &mut Exchange) -> Response {
    exchange.operation = Operation::Peer(None);
    let (status, body) = match receive(app, exchange).await {
        Ok(body) => (StatusCode::OK, body),
        Err(error) => {
            let refused = serde_json::json!({"code": failure_code(&error), "message": error.message});
            exchange.failure = error.internal.map(|cause| cause.chain());
            (entry(error.code).oci_status, refused.to_string().into_bytes())
        }
    };
    let mut response = answer(status, ResponseBody::bytes(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

async fn receive(app: &App, exchange: &mut Exchange) -> Result<Vec<u8>> {
    if exchange.method != Method::POST {
        return Err(Error::new(Code::InvalidParameter, "Only POST is served here."));
    }
    let path = exchange.uri.path_and_query().map_or("", |path| path.as_str()).to_owned();
    let asked = app.access.peer_request(exchange.header(&header::AUTHORIZATION), &path, exchange.now)?;
    let id = Arc::clone(&exchange.request_id);
    let ctx = app.access.peer_ctx(&asked, id, exchange.now).await?;
    exchange.prove(&ctx.caller);
    let ctx = ctx.accounted_by(Arc::<Tab>::clone(exchange.tab()));
    let ctx = ctx.recorded_in(Arc::clone(&exchange.decisions));
    match exchange.uri.path().strip_prefix(LAYERS).map(str::to_owned) {
        Some(upload) => receive_part(app, exchange, (&ctx, &asked), &upload).await,
        None => receive_body(app, exchange, (&ctx, &asked)).await,
    }
}

async fn receive_body(
    app: &App,
    exchange: &mut Exchange,
    (ctx, asked): (&Ctx, &PeerRequest),
) -> Result<Vec<u8>> {
    let share = Arc::clone(exchange.tab().share());
    let held =
        exchange.body.read_bounded(MAX_BYTES, &share, TIMES).await.map_err(|error| body_error(&error))?;
    if !asked.is_signed(&held.bytes) {
        return Err(Error::new(Code::InvalidToken, "The body is not the one that the peer signed."));
    }
    let ask = PeerAsk::read(&held.bytes)?;
    admit(app, exchange, ctx, ask.rate())?;
    // The body can have taken long.
    exchange.now = Timestamp::now();
    let RepositoryRef { account_id, region, .. } = &asked.repository;
    let registry = app.registry_of(account_id, region).await?;
    registry.receive_from_peer(&ctx.later(), asked, ask).await
}

async fn receive_part(
    app: &App,
    exchange: &mut Exchange,
    (ctx, asked): (&Ctx, &PeerRequest),
    upload: &str,
) -> Result<Vec<u8>> {
    let malformed = || Error::new(Code::InvalidParameter, "The part of the layer is not described.");
    if !asked.is_part() {
        return Err(malformed());
    }
    let number = |name: &str| exchange.parameter(name).and_then(|text| text.parse().ok());
    let digest = exchange.parameter("digest").and_then(|text| text.parse::<Digest>().ok());
    let (Some(start), Some(size), Some(digest)) = (number("start"), number("size"), digest) else {
        return Err(malformed());
    };
    admit(app, exchange, ctx, Some(Rate::UploadLayerPart))?;
    let part = LayerPart { upload, digest, start, size };
    let share = Arc::clone(exchange.tab().share());
    let incoming = receiving::incoming(exchange.body.detach(), None, &share);
    let RepositoryRef { account_id, region, .. } = &asked.repository;
    let registry = app.registry_of(account_id, region).await?;
    registry.receive_layer_part(ctx, &asked.repository, part, incoming).await
}

/// Decides whether the account that the peer acts as is within a rate.
fn admit(app: &App, exchange: &mut Exchange, ctx: &Ctx, rate: Option<Rate>) -> Result<()> {
    exchange.operation = Operation::Peer(rate);
    app.admit(exchange, &ctx.caller).map_err(|_| Throttled::error())
}

fn body_error(error: &BodyError) -> Error {
    match error {
        BodyError::TooLarge { limit } => {
            Error::new(Code::ManifestTooLarge, format!("The request is larger than {limit} bytes."))
        }
        BodyError::Broken(_) => Error::new(Code::ClientGone, "The request's body ended early."),
        BodyError::NoRoom(_) => Error::new(Code::Unavailable, ledger::busy()),
    }
}
