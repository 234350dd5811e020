//! Which token service may get the credentials of a registry. The registry names the service in its challenge, and a
//! hostile registry (or one behind a redirect) names one that collects passwords: CVE-2026-33540, CVE-2024-3727.

use crate::endpoint::Endpoint;
use crate::location::Origin;
use crate::rules::Rules;

/// Registries whose token service has another host, from their documentation.
const KNOWN: [(&str, &str); 2] =
    [("registry-1.docker.io", "auth.docker.io"), ("registry.gitlab.com", "gitlab.com")];

/// Whether a token service belongs to a registry: it has the registry's own host, or is the known one of a public
/// registry, or the operator lists it. A registry that is called by HTTPS has no token service on plain HTTP.
pub(crate) fn may_have_credentials(service: &Origin, registry: &Endpoint, rules: &Rules) -> bool {
    if service.is_plain() && !registry.is_plain() {
        return false;
    }
    let same_host = service.host == registry.host();
    let is_default_port = service.port.is_none();
    let is_known = KNOWN.contains(&(registry.host(), service.host.as_str())) && is_default_port;
    let at = (service.host.as_str(), service.port);
    same_host || is_known || rules.trusts((registry.host(), registry.port()), at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(registry: &str, service: &str) -> bool {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let rules = Rules {
            insecure_hosts: vec!["plain.example".to_owned(), "login.plain.example".to_owned()],
            token_services: vec![
                pair("registry.example:5000", "login.example"),
                pair("plain.example", "login.plain.example"),
            ],
            ..Rules::default()
        };
        let registry = Endpoint::parse(registry, &rules).unwrap();
        let service = Origin::of(&service.parse().unwrap()).unwrap();
        may_have_credentials(&service, &registry, &rules)
    }

    #[test]
    fn credentials_go_to_the_service_of_their_registry() {
        assert!(may("ghcr.io", "https://ghcr.io/token"));
        assert!(may("registry-1.docker.io", "https://auth.docker.io/token"));
        assert!(may("registry.gitlab.com", "https://gitlab.com/jwt/auth"));
        assert!(may("harbor.example:8443", "https://harbor.example:8443/service/token"));
        assert!(may("registry.example:5000", "https://login.example/token"));
        assert!(may("plain.example", "http://plain.example/token"));
        assert!(may("plain.example", "http://login.plain.example/token"));
    }

    #[test]
    fn credentials_go_to_no_other_host() {
        assert!(!may("ghcr.io", "https://evil.example/token"));
        assert!(!may("ghcr.io", "https://evil.ghcr.io/token"));
        assert!(!may("ghcr.io", "https://ghcr.io.evil.example/token"));
        assert!(!may("ghcr.io", "http://ghcr.io/token"), "the password would be readable on the way");
        assert!(!may("registry.example", "https://auth.docker.io/token"));
        assert!(!may("registry-1.docker.io", "https://auth.docker.io:8443/token"));
        assert!(!may("registry.example", "https://login.example/token"), "listed for another port");
        assert!(!may("ghcr.io", "http://169.254.169.254/token"));
    }
}
