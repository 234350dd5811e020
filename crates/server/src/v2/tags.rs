//! `GET /v2/<name>/tags/list` (specification, end-8).

use http::Method;
use serde::Serialize;

use super::page::{entries, listed, next_names};
use super::{Call, Outcome, RouteOp, not_allowed};

#[derive(Serialize)]
struct Tags<'a> {
    name: &'a str,
    tags: &'a [String],
}

pub(super) async fn handle(call: Call<'_>) -> Outcome {
    let shown = call.shown();
    let Call { exchange, ctx, registry, repository, .. } = call;
    if exchange.method != Method::GET && exchange.method != Method::HEAD {
        return Err(not_allowed(&exchange.method, "GET, HEAD"));
    }
    exchange.operation = RouteOp::ListTags.into();
    let n = entries(exchange)?;
    let last = exchange.parameter("last");
    let page = registry.list_tags(&ctx, &repository, n, last.as_deref()).await?;
    let name = shown.as_str();
    let body = serde_json::to_vec(&Tags { name, tags: &page.names }).unwrap_or_default();
    Ok(listed(body, next_names(&format!("/v2/{name}/tags/list"), n, &page)))
}
