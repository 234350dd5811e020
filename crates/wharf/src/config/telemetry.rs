//! `[telemetry]`: where traces go, and which requests are traced.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING};
use http::uri::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use serde::Deserialize;
use trace::Sampling;

use crate::files;

/// The path of traces at a collector (OTLP/HTTP).
const PATH: &str = "/v1/traces";
const MOST_ATTRIBUTES: usize = 32;
const MOST_TEXT: usize = 256;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TelemetrySection {
    otlp_endpoint: Option<String>,
    sample_ratio: Option<Ratio>,
    follow_traceparent: Option<bool>,
    service_name: Option<String>,
    resource_attributes: BTreeMap<String, String>,
    headers_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
}

/// A ratio, as a number or, from the environment, as a text.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "WrittenRatio")]
struct Ratio(f64);

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a number between 0 and 1")]
enum WrittenRatio {
    Number(f64),
    Text(String),
}

impl TryFrom<WrittenRatio> for Ratio {
    type Error = String;

    fn try_from(written: WrittenRatio) -> Result<Self, String> {
        match written {
            WrittenRatio::Number(ratio) => Ok(Self(ratio)),
            WrittenRatio::Text(text) => {
                text.parse().map(Self).map_err(|_| format!("\"{text}\" is not a number between 0 and 1"))
            }
        }
    }
}

/// Where traces go. The headers can have a secret, so it has no `Debug`.
#[derive(Clone)]
pub(crate) struct Telemetry {
    pub(crate) url: Uri,
    pub(crate) headers: HeaderMap,
    /// The certificate authorities of the collector, if they are not the system's.
    pub(crate) ca: Option<String>,
    pub(crate) sampling: Sampling,
    pub(crate) attributes: Vec<(String, String)>,
}

pub(super) fn telemetry(
    section: TelemetrySection,
    insecure_hosts: &[String],
) -> anyhow::Result<Option<Telemetry>> {
    let Some(endpoint) = section.otlp_endpoint else {
        if section.sample_ratio.is_some() || section.headers_file.is_some() {
            bail!("telemetry.otlp_endpoint is missing: traces need a collector");
        }
        return Ok(None);
    };
    let ratio = section.sample_ratio.map_or(0.05, |ratio| ratio.0);
    if !(0.0..=1.0).contains(&ratio) {
        bail!("telemetry.sample_ratio = {ratio} must be between 0 and 1");
    }
    let headers = match &section.headers_file {
        Some(path) => {
            files::check_secret(path).context("telemetry.headers_file")?;
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("telemetry.headers_file: cannot read {}", path.display()))?;
            headers(&text).with_context(|| format!("telemetry.headers_file: {}", path.display()))?
        }
        None => HeaderMap::new(),
    };
    let ca = section.ca_file.as_ref().map(|path| {
        let shown = path.display();
        let pem = std::fs::read_to_string(path);
        pem.with_context(|| format!("telemetry.ca_file: cannot read {shown}"))
    });
    let ca = ca.transpose()?;
    if let Some(pem) = &ca {
        outbound::Roots::Only(pem).check().context("telemetry.ca_file")?;
    }
    Ok(Some(Telemetry {
        // It can have a secret where none belongs, so the error does not repeat it.
        url: url(&endpoint, insecure_hosts).context("telemetry.otlp_endpoint")?,
        headers,
        ca,
        sampling: Sampling { ratio, follows_clients: section.follow_traceparent.unwrap_or(true) },
        attributes: attributes(section.service_name, section.resource_attributes)?,
    }))
}

/// The URL of traces. Plain HTTP is only for hosts that the operator lists.
fn url(endpoint: &str, insecure_hosts: &[String]) -> anyhow::Result<Uri> {
    let base = endpoint.strip_suffix('/').unwrap_or(endpoint);
    let base = base.strip_suffix(PATH).unwrap_or(base);
    let url: Uri = format!("{base}{PATH}").parse()?;
    let Some(authority) = url.authority() else { bail!("it must be https://HOST:PORT") };
    if authority.as_str().contains('@') || base.contains(['?', '#']) {
        bail!("it must be https://HOST:PORT; what a collector wants to know goes to telemetry.headers_file");
    }
    let listed = |host: &String| host == authority.as_str() || host == authority.host();
    match url.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => {}
        Some(scheme) if *scheme == Scheme::HTTP && insecure_hosts.iter().any(listed) => {}
        Some(scheme) if *scheme == Scheme::HTTP => {
            bail!("plain HTTP needs the host in outbound.insecure_hosts")
        }
        _ => bail!("it must be https://HOST:PORT"),
    }
    Ok(url)
}

/// Lines `name: value`. An error names the line, never its content.
fn headers(text: &str) -> anyhow::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = || anyhow::anyhow!("line {} is not `name: value`", at + 1);
        let (name, value) = line.split_once(':').ok_or_else(wrong)?;
        let name: HeaderName = name.trim().parse().map_err(|_| wrong())?;
        if [HOST, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING].contains(&name) {
            bail!("line {} sets {name}, which Wharf sets", at + 1);
        }
        let mut value = HeaderValue::from_str(value.trim()).map_err(|_| wrong())?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

/// `service.name`, `service.version`, and what the operator adds or replaces.
fn attributes(name: Option<String>, more: BTreeMap<String, String>) -> anyhow::Result<Vec<(String, String)>> {
    let mut attributes = BTreeMap::from([
        ("service.name".to_owned(), name.unwrap_or_else(|| "wharf".to_owned())),
        ("service.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
    ]);
    attributes.extend(more);
    let is_short = |text: &String| !text.is_empty() && text.len() <= MOST_TEXT;
    if attributes.len() > MOST_ATTRIBUTES
        || !attributes.iter().all(|(key, value)| is_short(key) && is_short(value))
    {
        bail!(
            "telemetry.resource_attributes: at most {MOST_ATTRIBUTES}, each with a name and a value of 1 to \
             {MOST_TEXT} bytes"
        );
    }
    Ok(attributes.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<Option<Telemetry>> {
        telemetry(toml::from_str(text).unwrap(), &["plain.example".to_owned()])
    }

    #[test]
    fn traces_go_to_the_path_of_otlp() {
        for (endpoint, url) in [
            ("https://c.example", "https://c.example/v1/traces"),
            ("https://c.example:4318/", "https://c.example:4318/v1/traces"),
            ("https://c.example/otlp", "https://c.example/otlp/v1/traces"),
            ("https://c.example/v1/traces", "https://c.example/v1/traces"),
            ("http://plain.example:4318", "http://plain.example:4318/v1/traces"),
        ] {
            let read = read(&format!("otlp_endpoint = \"{endpoint}\"")).unwrap().unwrap();
            assert_eq!(read.url.to_string(), url);
        }
        assert!(read("").unwrap().is_none());
    }

    #[test]
    fn what_cannot_be_a_collector_is_refused() {
        for (text, says) in [
            ("otlp_endpoint = \"http://c.example\"", "insecure_hosts"),
            ("otlp_endpoint = \"grpc://c.example\"", "https://HOST"),
            ("otlp_endpoint = \"https://key@c.example\"", "headers_file"),
            ("otlp_endpoint = \"https://c.example?key=x\"", "headers_file"),
            ("sample_ratio = 1.0", "otlp_endpoint is missing"),
            ("otlp_endpoint = \"https://c.example\"\nsample_ratio = 1.5", "sample_ratio"),
            (
                "otlp_endpoint = \"https://c.example\"\nresource_attributes = { a = \"\" }",
                "resource_attributes",
            ),
        ] {
            let error = read(text).err().map(|error| format!("{error:#}")).unwrap_or_default();
            assert!(error.contains(says) && !error.contains("key@"), "{text}: {error}");
        }
    }

    #[test]
    fn a_wrong_header_is_named_by_its_line_only() {
        let read = headers("authorization: Bearer secret\n\nx-tenant:a\n").unwrap();
        assert_eq!((&read["x-tenant"], read.len()), (&HeaderValue::from_static("a"), 2));
        for text in ["a: b\nBearer secret", "a: b\nb a d: secret", "a: b\nhost: secret"] {
            let error = format!("{:#}", headers(text).unwrap_err());
            assert!(error.contains("line 2") && !error.contains("secret"), "{error}");
        }
    }
}
