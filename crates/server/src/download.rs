//! `GET /wharf/layers/<token>`: the URLs of GetDownloadUrlForLayer. The token is the permission. An Authorization
//! header that a client repeats after a redirect is ignored.

use http::{Method, StatusCode, header};
use oci::error::ErrorCode;

use crate::error::Refusal;
use crate::exchange::{Exchange, Response};
use crate::serve::App;
use crate::v2::{self, RouteOp};

pub(crate) const PREFIX: &str = registry::layer::download_url::PATH_PREFIX;

pub(crate) async fn handle(app: &App, exchange: &mut Exchange) -> Response {
    exchange.operation = RouteOp::DownloadLayer.into();
    match download(app, exchange).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(exchange),
    }
}

async fn download(app: &App, exchange: &mut Exchange) -> Result<Response, Refusal> {
    if exchange.method != Method::GET {
        let refusal =
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unsupported, "Only GET is served here.");
        return Err(refusal.with(header::ALLOW, "GET"));
    }
    let token = exchange.uri.path().strip_prefix(PREFIX).unwrap_or_default();
    let registry = app.registry_of_download(token).await?;
    let blob = registry.verify_download(token, &exchange.unsigned()).await?;
    let reader = blob.reader();
    exchange.prove_reader(&reader.account_id, &reader.unique_id);
    v2::blob::send(app, exchange, blob, false).await
}
