//! `GET /wharf/logos/<alias>/<name>`: the logo of a public repository, as `logoUrl` names it. Tenants choose its bytes,
//! so it is never answered as a page or a script.

use access::context::{Plane, RepositoryRef};
use aws::ids::Region;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use oci::error::ErrorCode;

use crate::body::ResponseBody;
use crate::error::Refusal;
use crate::exchange::{Exchange, Response, answer};
use crate::serve::App;
use crate::v2::{self, RouteOp};

pub(crate) const PREFIX: &str = registry::LOGO_PREFIX;

const POLICY: HeaderName = HeaderName::from_static("content-security-policy");

/// Beginnings of the formats of images that browsers show.
const FORMATS: [(&[u8], &str); 4] = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
];

pub(crate) async fn handle(app: &App, exchange: &mut Exchange) -> Response {
    exchange.operation = RouteOp::ShowLogo.into();
    match show(app, exchange).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(exchange),
    }
}

async fn show(app: &App, exchange: &mut Exchange) -> Result<Response, Refusal> {
    if exchange.method != Method::GET && exchange.method != Method::HEAD {
        let message = "Only GET is served here.";
        let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unsupported, message);
        return Err(refusal.with(header::ALLOW, "GET, HEAD"));
    }
    v2::take_anonymous(app, exchange)?;
    let not_there =
        || Refusal::new(StatusCode::NOT_FOUND, ErrorCode::NameUnknown, "There is no such repository.");
    let path = exchange.uri.path().strip_prefix(PREFIX).unwrap_or_default();
    let (alias, name) = path.split_once('/').ok_or_else(not_there)?;
    let name = name.parse().map_err(|_| not_there())?;
    let account_id = app.access.account_of_alias(alias).await?.ok_or_else(not_there)?;
    let repository = RepositoryRef { account_id, region: Region::public(), name };
    let ctx = exchange.unsigned().by(app.access.anonymous(), Plane::Data);
    let logo = app.registry.logo(&ctx, &repository).await?;
    let format = FORMATS.iter().find(|(beginning, _)| logo.starts_with(beginning));
    let kind = format.map_or("application/octet-stream", |(_, kind)| *kind);
    let mut response = answer(StatusCode::OK, ResponseBody::bytes(logo));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    Ok(response)
}
