//! Pulls by a name that a repository had: for a time they are answered from the repository, with a warning that tells the
//! new name.

use std::sync::Arc;

use access::context::{Caller, RepositoryRef};
use aws::ids::AccountId;
use http::{Method, header};
use oci::error::ErrorCode;
use oci::path::Route;

use super::{Call, Outcome, context, read_path, serve};
use crate::error::Refusal;
use crate::exchange::{Exchange, value};
use crate::serve::App;

/// Whether a refused request can be a pull by an old name. A caller whose policies allow only the new name is denied.
pub(super) fn is_possible(method: &Method, refusal: &Refusal) -> bool {
    [Method::GET, Method::HEAD].contains(method)
        && matches!(refusal.code, Some(ErrorCode::NameUnknown | ErrorCode::Denied))
}

/// Answers the pull from the repository that had the name. If there is none, or the caller may not pull from it, the
/// answer is the refusal: it tells nothing about the new name.
pub(super) async fn pull(
    app: &App,
    exchange: &mut Exchange,
    caller: Arc<Caller>,
    refusal: Refusal,
) -> Outcome {
    let Ok(host) = app.access.host(exchange.host.as_deref()) else { return Err(refusal) };
    let (account, mut route) = read_path(app, &host, exchange.uri.path()).await?;
    let ctx = context(exchange, caller);
    let (account_id, region) = app.access.registry_of(&host, account.as_ref(), &ctx.caller);
    let Some(name) = name_in(&mut route) else { return Err(refusal) };
    let old = RepositoryRef { account_id, region, name: name.clone() };
    // A repository moves only within its database.
    let registry = app.registry_of(&old.account_id, &old.region).await?;
    let Some(repository) = registry.renamed_for_pull(&ctx, &old).await? else { return Err(refusal) };
    let (old, new) = (named(&old, &repository.account_id), named(&repository, &old.account_id));
    name.clone_from(&repository.name);
    let prefix = account.map(|_| repository.account_id.to_string());
    let mut response =
        serve(Call { app, exchange, ctx, host, registry, repository, prefix, at_mirror: None }, route)
            .await?;
    let text = format!("299 - \"The repository {old} was renamed to {new}. The old name stops working.\"");
    response.headers_mut().insert(header::WARNING, value(&text));
    Ok(response)
}

/// The name of a repository for a text; with its account if the other one is in another account.
fn named(repository: &RepositoryRef, other: &AccountId) -> String {
    let RepositoryRef { account_id, name, .. } = repository;
    if account_id == other { name.to_string() } else { format!("{account_id}/{name}") }
}

fn name_in(route: &mut Route) -> Option<&mut oci::RepositoryName> {
    match route {
        Route::Tags { name }
        | Route::Manifest { name, .. }
        | Route::Blob { name, .. }
        | Route::Referrers { name, .. } => Some(name),
        Route::Base | Route::Catalog | Route::Uploads { .. } | Route::Upload { .. } => None,
    }
}
