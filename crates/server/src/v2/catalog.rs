//! `GET /v2/_catalog`: the names of a registry's repositories, which ECR has in addition to the specification. `GET
//! /v2/<account>/_catalog` lists the registry of that account, without the account in the names.

use access::context::Ctx;
use aws::ids::{AccountId, Region};
use http::Method;
use serde::Serialize;

use super::page::{entries, listed, next_names};
use super::{Outcome, RouteOp, not_allowed};
use crate::exchange::Exchange;
use crate::serve::App;

#[derive(Serialize)]
struct Catalog<'a> {
    repositories: &'a [String],
}

pub(super) async fn handle(
    app: &App,
    exchange: &mut Exchange,
    ctx: &Ctx,
    (account, region): (&AccountId, &Region),
    path: &str,
) -> Outcome {
    if exchange.method != Method::GET && exchange.method != Method::HEAD {
        return Err(not_allowed(&exchange.method, "GET, HEAD"));
    }
    exchange.operation = RouteOp::Catalog.into();
    let n = entries(exchange)?;
    let last = exchange.parameter("last");
    let registry = app.registry_of(account, region).await?;
    let page = registry.catalog(ctx, account, region, n, last.as_deref()).await?;
    let body = serde_json::to_vec(&Catalog { repositories: &page.names }).unwrap_or_default();
    Ok(listed(body, next_names(path, n, &page)))
}
