//! The replication configuration of a registry: what is checked when it is written.

use std::collections::BTreeSet;

use access::Access;
use access::context::Ctx;
use access::databases::elsewhere;
use access::error::{Error, Result};
use access::op::ecr;
use access::permit::Permit;
use access::store::{
    GetReplicationConfiguration, PutReplicationConfiguration, ReplicationRoute, StoreResultExt as _,
};
use aws::ecr::{ReplicationConfiguration, ReplicationRule};
use aws::ids::{AccountId, Region};

use super::own_registry;

/// A destination of a rule.
type Place = (AccountId, Region);

/// The routes of a configuration that was checked.
pub(crate) struct Checked {
    configuration: ReplicationConfiguration,
    routes: Vec<ReplicationRoute>,
}

impl Checked {
    /// Whether it replicates anything.
    pub(crate) fn has_rules(&self) -> bool {
        !self.configuration.rules.is_empty()
    }
}

/// Checks a configuration.
pub(crate) fn check(
    access: &Access,
    ctx: &Ctx,
    permit: &Permit<ecr::PutReplicationConfiguration>,
    configuration: ReplicationConfiguration,
) -> Result<Checked> {
    let quotas = access.quotas();
    if configuration.rules.len() > quotas.replication_rules_per_registry.most() {
        return Err(quotas.replication_rules_per_registry.exceeded());
    }
    let own = (permit.account().clone(), permit.region().clone());
    let mut unique = BTreeSet::new();
    let mut routes = Vec::new();
    let mut ids = Vec::new();
    for rule in &configuration.rules {
        for place in places(rule, &own)? {
            if unique.insert(place.clone()) {
                ids.push((place.clone(), access.ids.next(ctx.now)));
            }
            let id = ids.iter().find(|(known, _)| *known == place).map_or(0, |(_, id)| *id);
            routes.extend(routes_to(place, id, rule));
        }
    }
    if unique.len() > quotas.replication_destinations_per_registry.most() {
        return Err(quotas.replication_destinations_per_registry.exceeded());
    }
    Ok(Checked { configuration, routes })
}

/// Refuses destinations in another database of the deployment: an image is replicated in one transaction.
pub(crate) async fn check_databases(access: &Access, checked: &Checked) -> Result<()> {
    for ReplicationRoute { account_id, region, .. } in &checked.routes {
        let is_of_peer = access.settings.peers.serving(account_id, region).is_some();
        if !is_of_peer && access.is_elsewhere(account_id).await? {
            return Err(elsewhere(account_id));
        }
    }
    Ok(())
}

/// The destinations of a rule.
fn places(rule: &ReplicationRule, own: &Place) -> Result<Vec<Place>> {
    let mut places = Vec::with_capacity(rule.destinations.len());
    for destination in &rule.destinations {
        let region: Region = destination.region.parse().map_err(|error| invalid(&format!("{error}")))?;
        let account_id = destination.registry_id.parse().map_err(|error| invalid(&format!("{error}")))?;
        if (&account_id, &region) == (&own.0, &own.1) {
            return Err(invalid("Replication destination cannot be the same as the source registry"));
        }
        // ECR User Guide, "Private image replication": not across partitions.
        if region.partition() != own.1.partition() {
            return Err(invalid("Replication destination must be in the partition of the source registry"));
        }
        places.push((account_id, region));
    }
    Ok(places)
}

/// What a rule replicates to a destination: all repositories, or those with the prefixes.
fn routes_to(
    (account_id, region): Place,
    id_if_new: i64,
    rule: &ReplicationRule,
) -> impl Iterator<Item = ReplicationRoute> {
    let deletes = rule.delete_replication.as_ref().is_some_and(|replication| replication.enabled);
    let mut prefixes: Vec<String> =
        rule.repository_filters.iter().map(|filter| filter.filter.clone()).collect();
    if prefixes.is_empty() {
        prefixes.push(String::new());
    }
    prefixes.into_iter().map(move |prefix| {
        let (account_id, region) = (account_id.clone(), region.clone());
        ReplicationRoute { id_if_new, account_id, region, prefix, deletes }
    })
}

fn invalid(constraint: &str) -> Error {
    Error::invalid_parameter("replicationConfiguration", constraint)
}

/// Replaces the configuration. What is pushed from then on is replicated.
pub(crate) async fn put(
    access: &Access,
    ctx: &Ctx,
    permit: &Permit<ecr::PutReplicationConfiguration>,
    checked: Checked,
) -> Result<ReplicationConfiguration> {
    let registry = own_registry(access, ctx, permit).await?;
    let rules = serde_json::to_string(&checked.configuration.rules).map_err(Error::internal)?;
    let (routes, at) = (checked.routes, ctx.at());
    let put = PutReplicationConfiguration { registry, rules, routes, at };
    permit.write(|_| put).await.or_store_error()?;
    Ok(checked.configuration)
}

/// The configuration of the registry. One that was never configured has no rules.
pub(crate) async fn get(permit: &Permit<ecr::DescribeRegistry>) -> Result<ReplicationConfiguration> {
    let Some(registry) = permit.registry() else { return Ok(ReplicationConfiguration::default()) };
    let stored = permit.read(|_| GetReplicationConfiguration { registry: registry.key }).await?;
    let rules =
        stored.map_or(Ok(Vec::new()), |rules| serde_json::from_str(&rules)).map_err(Error::internal)?;
    Ok(ReplicationConfiguration { rules })
}
