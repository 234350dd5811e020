//! `wharf env`: the environment variables with which a shell, the AWS CLI and the SDKs use a development registry.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use identity::bootstrap::Administrator;

use super::say;
use crate::{credentials, data_dir, files};

/// Services whose calls go to Wharf. Calls to other services still go to AWS.
const SERVICES: [&str; 5] = ["ECR", "ECR_PUBLIC", "STS", "IAM", "ORGANIZATIONS"];

pub(crate) fn run(folder: &Path) -> anyhow::Result<()> {
    let missing = || {
        format!("there is no development registry in {}: start `wharf dev` with it first", folder.display())
    };
    let Some(administrator) = credentials::load(&data_dir::dev_credentials(folder))? else {
        bail!(missing())
    };
    let endpoint = files::read_optional(&data_dir::endpoint(folder))?.with_context(missing)?;
    let endpoint = String::from_utf8(endpoint).context("the endpoint file is damaged")?;
    let endpoint = endpoint.trim();
    let registry = files::read_optional(&data_dir::registry(folder))?;
    let registry = registry.map(String::from_utf8).transpose().context("the registry file is damaged")?;
    let registry = registry.as_deref().map_or_else(|| registry_host(endpoint), str::trim);
    say(exports(&administrator, endpoint, registry).trim_end())
}

/// The `export` lines.
pub(crate) fn exports(administrator: &Administrator, endpoint: &str, registry: &str) -> String {
    let mut lines = String::new();
    let mut export = |name: &str, value: &str| {
        let _ = writeln!(lines, "export {name}={}", quoted(value));
    };
    export("AWS_ACCESS_KEY_ID", administrator.access_key_id.as_ref());
    export("AWS_SECRET_ACCESS_KEY", administrator.secret.expose());
    export("AWS_REGION", administrator.region.as_ref());
    export("AWS_DEFAULT_REGION", administrator.region.as_ref());
    for service in SERVICES {
        export(&format!("AWS_ENDPOINT_URL_{service}"), endpoint);
    }
    export("WHARF_REGISTRY", registry);
    // A session token in the same shell would be sent with this access key, and refused.
    lines.push_str("unset AWS_SESSION_TOKEN\n");
    lines
}

/// The host and port that docker uses for the registry.
pub(crate) fn registry_host(endpoint: &str) -> &str {
    endpoint.split_once("://").map_or(endpoint, |(_, host)| host)
}

/// A quoted word for any shell.
pub(crate) fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use aws::ids::SecretKey;

    use super::*;

    #[test]
    fn a_shell_can_eval_the_lines_with_any_secret() {
        let administrator = Administrator {
            account_id: "123456789012".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
            access_key_id: "AKIAIOSFODNN7EXAMPLE".parse().unwrap(),
            secret: SecretKey::new("it's a $(secret)"),
        };
        let script = format!(
            "{}printf '%s\\n' \"$AWS_SECRET_ACCESS_KEY\" \"$AWS_ENDPOINT_URL_ECR_PUBLIC\" \"$WHARF_REGISTRY\" \
             \"${{AWS_SESSION_TOKEN-none}}\"",
            exports(&administrator, "http://localhost:5100", registry_host("http://localhost:5100"))
        );
        let mut shell = std::process::Command::new("sh");
        let output = shell.env("AWS_SESSION_TOKEN", "left over").arg("-euc").arg(script).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(printed, "it's a $(secret)\nhttp://localhost:5100\nlocalhost:5100\nnone\n");
    }
}
