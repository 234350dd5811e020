//! `[[pull_through.ecr]]`: ECR registries of other deployments and of AWS, and the access keys for them.

use std::path::PathBuf;

use access::settings::{EcrKey, EcrPlace, EcrUpstream};
use anyhow::{Context as _, bail};
use aws::ids::AccountId;
use serde::Deserialize;

use super::peers::check_url;
use super::pull_through_cache::is_host;
use crate::files;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EcrSection {
    host: String,
    region: String,
    endpoint: String,
    sts_endpoint: Option<String>,
    access_key_id: Option<String>,
    secret_access_key_file: Option<PathBuf>,
    #[serde(default)]
    accounts: Vec<String>,
}

/// Checks the registries, and reads the secrets; each error names the position in the list.
pub(super) fn ecr_upstreams(
    sections: Vec<EcrSection>,
    insecure_hosts: &[String],
) -> anyhow::Result<Vec<EcrUpstream>> {
    let checked =
        |(at, section)| checked(section, insecure_hosts).with_context(|| format!("pull_through.ecr[{at}]"));
    sections.into_iter().enumerate().map(checked).collect()
}

fn checked(section: EcrSection, insecure_hosts: &[String]) -> anyhow::Result<EcrUpstream> {
    let EcrSection { host, region, endpoint, sts_endpoint, access_key_id, secret_access_key_file, accounts } =
        section;
    let name = host.strip_prefix("*.").unwrap_or(&host);
    if !is_host(name) || (name != host && name.contains(':')) {
        bail!("host = \"{host}\": it must be HOST, HOST:PORT or *.DOMAIN");
    }
    check_url("endpoint", &endpoint, insecure_hosts)?;
    // Wharf has all its APIs at one address.
    let sts_endpoint = sts_endpoint.unwrap_or_else(|| endpoint.clone());
    check_url("sts_endpoint", &sts_endpoint, insecure_hosts)?;
    let ids: Result<Vec<AccountId>, _> = accounts.iter().map(|text| text.parse()).collect();
    let account_ids = ids.context("accounts")?;
    let key = match (access_key_id, secret_access_key_file) {
        (Some(id), Some(file)) => {
            let id = id.parse().with_context(|| format!("access_key_id = \"{id}\""))?;
            Some(EcrKey { id, secret: files::secret_access_key("secret_access_key_file", &file)? })
        }
        (None, None) => None,
        _ => bail!("access_key_id and secret_access_key_file need each other"),
    };
    if key.is_some() == account_ids.is_empty() {
        bail!("accounts must name the accounts whose rules use the access key, and only if there is one");
    }
    let region = region.parse().with_context(|| format!("region = \"{region}\""))?;
    Ok(EcrUpstream { host, place: EcrPlace { region, endpoint, sts_endpoint }, key, account_ids })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The settings with one of them replaced.
    fn read(key: &str, value: &str, secret: &str) -> anyhow::Result<Vec<EcrUpstream>> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        files::write_private(&file, secret.as_bytes()).unwrap();
        let file = format!("{:?}", file.display().to_string());
        let settings = [
            ("host", r#""*.dkr.ecr.eu-west-1.amazonaws.com""#),
            ("region", r#""eu-west-1""#),
            ("endpoint", r#""https://api.ecr.eu-west-1.amazonaws.com""#),
            ("access_key_id", r#""AKIAIOSFODNN7EXAMPLE""#),
            ("secret_access_key_file", file.as_str()),
            ("accounts", r#"["123456789012"]"#),
        ];
        let line = |(known, usual): &(&str, &str)| {
            format!("{known} = {}\n", if *known == key { value } else { usual })
        };
        let text: String = settings.iter().map(line).collect();
        ecr_upstreams(vec![toml::from_str(&text).unwrap()], &["plain.example:5100".to_owned()])
    }

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n";

    #[test]
    fn an_ecr_upstream_is_read_with_its_secret() {
        let read = read("", "", SECRET).unwrap();
        let [upstream] = read.as_slice() else { panic!() };
        assert_eq!(upstream.place.sts_endpoint, upstream.place.endpoint);
        assert_eq!(upstream.key.as_ref().unwrap().secret.expose(), SECRET.trim());
        assert_eq!(upstream.account_ids.len(), 1);
    }

    #[test]
    fn the_page_has_an_ecr_upstream_that_works() {
        let page = include_str!("../../../../docs/pull-through-cache.md");
        let text = page.split("```toml\n").find(|block| block.starts_with("[[pull_through.ecr]]")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        files::write_private(&file, SECRET.as_bytes()).unwrap();
        let text = text.split("```").next().unwrap();
        let text = text.replace("/etc/wharf/eu-west-1.secret", &file.display().to_string());
        let lines = text.strip_prefix("[[pull_through.ecr]]").unwrap();
        let read = ecr_upstreams(vec![toml::from_str(lines).unwrap()], &[]).unwrap();
        assert_eq!(read[0].place.sts_endpoint, "https://sts.eu-west-1.amazonaws.com");
    }

    #[test]
    fn an_ecr_upstream_that_cannot_work_is_refused() {
        for (key, value, says) in [
            ("host", "\"*\"", "host = \"*\""),
            ("host", "\"*.a.example:5000\"", "host = \"*.a"),
            ("region", "\"x\"", "region = \"x\""),
            ("endpoint", "\"http://api.example\"", "endpoint = \"http://api.example\": plain HTTP"),
            ("endpoint", "\"https://user@api.example\"", "endpoint ="),
            ("access_key_id", "\"short\"", "access_key_id = \"short\""),
            ("secret_access_key_file", "\"/nonexistent\"", "secret_access_key_file: /nonexistent"),
            ("accounts", "[]", "accounts must name"),
            ("accounts", "[\"1\"]", "accounts"),
        ] {
            let error = read(key, value, SECRET).err().map(|error| format!("{error:#}")).unwrap_or_default();
            assert!(error.starts_with("pull_through.ecr[0]") && error.contains(says), "{key}: {error}");
        }
        let error = read("", "", "short").err().map(|error| format!("{error:#}")).unwrap_or_default();
        assert!(error.contains("16 to 128 characters") && !error.contains("short"), "{error}");
        assert!(read("endpoint", "\"http://plain.example:5100\"", SECRET).is_ok());
    }
}
