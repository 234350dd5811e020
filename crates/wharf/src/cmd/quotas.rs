//! `wharf quotas`: the quotas and rates of an account, and how much is used.

use aws::ids::AccountId;
use clap::Args;
use serde_json::{Value, json};

use super::store::Options;
use crate::aws_client::Service;

#[derive(Args)]
pub(crate) struct Quotas {
    /// The account, with its own rates and what it uses [default: what applies to every account].
    #[arg(long, value_name = "ID")]
    account: Option<AccountId>,
    #[command(flatten)]
    options: Options,
}

pub(crate) async fn run(Quotas { account, options }: Quotas) -> anyhow::Result<()> {
    let answer = if let Some(store) = options.store.open().await? {
        serde_json::to_value(store.deployment.identity.shown_quotas(account.as_ref()).await?)?
    } else {
        let input = account.map_or_else(|| json!({}), |id| json!({ "AccountId": id.as_str() }));
        options.connection.open()?.json(Service::Organizations, "WharfDescribeQuotas", &input).await?
    };
    options.print(&answer, table)
}

fn table(answer: &Value) -> String {
    let list = |name: &str| answer.get(name).and_then(Value::as_array).into_iter().flatten();
    let text = |value: &Value, name: &str| match value.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "-".to_owned(),
    };
    let row = |limit: &str, used: &str, name: &str, setting: &str| {
        format!("{limit:>14}  {used:>14}  {name:<48}  {setting}").trim_end().to_owned()
    };
    let mut lines = vec![row("LIMIT", "USED", "QUOTA", "SETTING")];
    for quota in list("Quotas") {
        let (limit, used) = (text(quota, "Limit"), text(quota, "Used"));
        let setting = text(quota, "Setting");
        let setting = if setting == "-" { setting } else { format!("quotas.{setting}") };
        lines.push(row(&limit, &used, &text(quota, "Name"), &setting));
    }
    let is_enabled = answer.get("RatesEnabled").and_then(Value::as_bool).unwrap_or_default();
    for rate in list("Rates") {
        let per_second = if is_enabled { text(rate, "PerSecond") + "/s" } else { "off".to_owned() };
        let setting = format!("rates.{}", text(rate, "Setting"));
        lines.push(row(&per_second, "-", &text(rate, "Name"), &setting));
    }
    lines.join("\n")
}
