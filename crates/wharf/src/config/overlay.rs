//! Settings from the environment: `WHARF__SERVER__LISTEN` is `listen` of `[server]`.

use anyhow::bail;
use toml::{Table, Value};

const PREFIX: &str = "WHARF__";

/// Adds the variables to the file's table. A value that is valid TOML is read as TOML (numbers, lists), any other value
/// as a string.
pub(super) fn apply(
    table: &mut Table,
    variables: impl Iterator<Item = (String, String)>,
) -> anyhow::Result<Vec<String>> {
    let mut applied: Vec<(String, String)> = variables.filter(|(name, _)| name.starts_with(PREFIX)).collect();
    applied.sort();
    for (name, text) in &applied {
        let path = name.strip_prefix(PREFIX).unwrap_or_default().to_ascii_lowercase();
        let keys: Vec<&str> = path.split("__").collect();
        if keys.iter().any(|key| key.is_empty()) {
            bail!("the environment variable {name} names no setting");
        }
        set(table, &keys, value(text))
            .map_err(|()| anyhow::anyhow!("{name}: the file has a value instead of a section"))?;
    }
    Ok(applied.into_iter().map(|(name, _)| name).collect())
}

/// Sets a value at this path, and creates the missing sections.
pub(super) fn set(table: &mut Table, keys: &[&str], value: Value) -> Result<(), ()> {
    match keys {
        [] => Err(()),
        [key] => {
            table.insert((*key).to_owned(), value);
            Ok(())
        }
        [key, rest @ ..] => {
            let inner = table.entry(*key).or_insert_with(|| Value::Table(Table::new()));
            inner.as_table_mut().ok_or(()).and_then(|inner| set(inner, rest, value))
        }
    }
}

fn value(text: &str) -> Value {
    let parsed = format!("value = {text}").parse::<Table>().ok().filter(|table| table.len() == 1);
    match parsed.and_then(|mut table| table.remove("value")) {
        Some(value @ (Value::Integer(_) | Value::Boolean(_) | Value::Array(_))) => value,
        _ => Value::String(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overlaid(file: &str, variables: &[(&str, &str)]) -> anyhow::Result<Table> {
        let mut table = file.parse().unwrap();
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        apply(&mut table, variables)?;
        Ok(table)
    }

    #[test]
    fn variables_replace_and_add_settings() {
        let table = overlaid(
            "[server]\nlisten = \"a\"\ndrain_seconds = 1",
            &[
                ("WHARF__SERVER__LISTEN", "0.0.0.0:443"),
                ("WHARF__SERVER__DRAIN_SECONDS", "5"),
                ("WHARF__SERVER__TRUSTED_PROXIES", "[\"10.0.0.0/8\"]"),
                ("WHARF__DATA_DIR", "/var/lib/wharf"),
                ("WHARF_DATA_DIR", "not ours"),
                ("HOME", "/root"),
            ],
        );
        let expected = "data_dir = \"/var/lib/wharf\"\n[server]\nlisten = \"0.0.0.0:443\"\ndrain_seconds = 5\n\
                        trusted_proxies = [\"10.0.0.0/8\"]";
        assert_eq!(table.unwrap(), expected.parse().unwrap());
    }

    #[test]
    fn a_variable_that_names_no_setting_is_refused() {
        assert!(overlaid("", &[("WHARF__", "1")]).is_err());
        assert!(overlaid("", &[("WHARF__SERVER____LISTEN", "1")]).is_err());
        assert!(overlaid("region = \"eu-west-1\"", &[("WHARF__REGION__X", "1")]).is_err());
    }
}
