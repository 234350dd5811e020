//! `wharf usage`: how many bytes repositories, registries and the deployment hold.

use serde_json::{Value, json};

use super::store::Options;
use crate::aws_client::Service;

pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let usage = read(&options).await?;
    options.print(&usage, table)
}

/// All pages as one answer.
async fn read(options: &Options) -> anyhow::Result<Value> {
    let store = options.store.open().await?;
    let client = if store.is_none() { Some(options.connection.open()?) } else { None };
    let (mut all, mut token) = (None::<Value>, None::<String>);
    loop {
        let mut page = match (&store, &client) {
            (Some(store), _) => {
                serde_json::to_value(store.deployment.identity.shown_usage(token.as_deref()).await?)?
            }
            (None, Some(client)) => {
                let input = token.as_ref().map_or_else(|| json!({}), |token| json!({ "NextToken": token }));
                client.json(Service::Organizations, "WharfDescribeUsage", &input).await?
            }
            (None, None) => return Ok(Value::Null),
        };
        token = page.get("NextToken").and_then(Value::as_str).map(str::to_owned);
        if let Some(page) = page.as_object_mut() {
            page.remove("NextToken");
        }
        match &mut all {
            None => all = Some(page),
            Some(all) => {
                let more = page.get_mut("Repositories").and_then(Value::as_array_mut);
                let known = all.get_mut("Repositories").and_then(Value::as_array_mut);
                if let (Some(known), Some(more)) = (known, more) {
                    known.append(more);
                }
            }
        }
        if token.is_none() {
            return Ok(all.unwrap_or_default());
        }
    }
}

fn table(usage: &Value) -> String {
    let list = |name: &str| usage.get(name).and_then(Value::as_array).into_iter().flatten();
    let text = |value: &Value, name: &str| match value.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let number = |value: &Value, name: &str| value.get(name).and_then(Value::as_u64).unwrap_or_default();
    let mut lines =
        vec![format!("{:>16}  {:>8}  {:>8}  {}", "BYTES", "IMAGES", "TAGS", "REPOSITORY (LOGICAL)")];
    for repository in list("Repositories") {
        let bytes = number(repository, "LayerBytes") + number(repository, "ManifestBytes");
        let (images, tags) = (text(repository, "Images"), text(repository, "Tags"));
        let (account, region) = (text(repository, "AccountId"), text(repository, "Region"));
        let name = text(repository, "RepositoryName");
        lines.push(format!("{bytes:>16}  {images:>8}  {tags:>8}  {account}/{name} in {region}"));
    }
    lines.push(format!("{:>16}  {:>16}  {}", "LOGICAL", "PHYSICAL", "REGISTRY"));
    for registry in list("Registries") {
        let (logical, physical) = (text(registry, "LogicalBytes"), text(registry, "PhysicalBytes"));
        let (account, region) = (text(registry, "AccountId"), text(registry, "Region"));
        lines.push(format!("{logical:>16}  {physical:>16}  {account} in {region}"));
    }
    lines.push(format!(
        "The deployment stores {} bytes. {} more wait for their removal.",
        text(usage, "PhysicalBytes"),
        text(usage, "PendingBytes")
    ));
    lines.join("\n")
}
