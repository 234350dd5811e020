//! ECR registries of another deployment, or of AWS: where the API is that gives authorization tokens for them, and for whom.

use aws::ids::{AccessKeyId, AccountId, Region, SecretKey};

/// Where the API of ECR registries is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcrPlace {
    /// The Region that requests are signed for.
    pub region: Region,
    /// The URL of ECR's API.
    pub endpoint: String,
    /// The URL of STS.
    pub sts_endpoint: String,
}

/// An access key there. There is no Debug.
#[derive(Clone)]
pub struct EcrKey {
    pub id: AccessKeyId,
    pub secret: SecretKey,
}

/// Registries of the settings.
#[derive(Clone)]
pub struct EcrUpstream {
    /// The registries: `host`, `host:port` or `*.domain`.
    pub host: String,
    pub place: EcrPlace,
    /// The operator's access key. None: rules name a secret with their own.
    pub key: Option<EcrKey>,
    /// The accounts here whose rules use the access key.
    pub account_ids: Vec<AccountId>,
}

impl EcrPlace {
    /// The place of a registry with a host name as in AWS: `ACCOUNT.dkr.ecr.REGION.SUFFIX`.
    fn of_host(host: &str, port: Option<u16>) -> Option<Self> {
        let (account, rest) = host.split_once(".dkr.ecr.")?;
        let (region, suffix) = rest.split_once('.')?;
        account.parse::<AccountId>().ok()?;
        let region: Region = region.parse().ok()?;
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let at = |service: &str| format!("https://{service}.{region}.{suffix}{port}");
        Some(Self { endpoint: at("api.ecr"), sts_endpoint: at("sts"), region })
    }
}

impl EcrUpstream {
    /// Whether it names a registry. Another port of a host can be another server, which must not get tokens.
    fn is_at(&self, host: &str, port: Option<u16>) -> bool {
        let pattern = self.host.to_ascii_lowercase();
        let port = port.filter(|port| *port != 443);
        match (pattern.strip_prefix('*'), port) {
            (Some(domain), None) => {
                domain.starts_with('.') && host.ends_with(domain) && host.len() > domain.len()
            }
            (Some(_), Some(_)) => false,
            (None, None) => pattern == host || pattern == format!("{host}:443"),
            (None, Some(port)) => pattern == format!("{host}:{port}"),
        }
    }
}

/// Where the API of a registry is: as the settings say, or as its name says.
pub(super) fn place(known: &[EcrUpstream], host: &str, port: Option<u16>) -> Option<EcrPlace> {
    let named = known.iter().find(|upstream| upstream.is_at(host, port));
    named.map(|upstream| upstream.place.clone()).or_else(|| EcrPlace::of_host(host, port))
}

/// The access key that rules of an account use for a registry, and where it is used.
pub(super) fn key<'a>(
    known: &'a [EcrUpstream],
    (host, port): (&str, Option<u16>),
    account: &AccountId,
) -> Option<(&'a EcrPlace, &'a EcrKey)> {
    let of_account = known.iter().filter(|upstream| upstream.account_ids.contains(account));
    let mut at_host = of_account.filter(|upstream| upstream.is_at(host, port));
    at_host.find_map(|upstream| Some((&upstream.place, upstream.key.as_ref()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(host: &str, region: &str) -> EcrUpstream {
        let place = EcrPlace {
            region: region.parse().unwrap(),
            endpoint: "https://api.example".to_owned(),
            sts_endpoint: "https://sts.example".to_owned(),
        };
        let key = EcrKey { id: "AKIAIOSFODNN7EXAMPLE".parse().unwrap(), secret: SecretKey::new("secret") };
        EcrUpstream {
            host: host.to_owned(),
            place,
            key: Some(key),
            account_ids: vec!["123456789012".parse().unwrap()],
        }
    }

    #[test]
    fn only_named_accounts_get_tokens_for_named_hosts() {
        let known = [of("*.dkr.ecr.eu-west-1.amazonaws.com", "eu-west-1")];
        let has =
            |host: &str, port, account: &str| key(&known, (host, port), &account.parse().unwrap()).is_some();
        let host = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
        assert!(has(host, None, "123456789012") && has(host, Some(443), "123456789012"));
        assert!(!has(host, None, "222233334444"), "another account here");
        assert!(!has(host, Some(8443), "123456789012"), "another server, perhaps");
        for other in [
            "111122223333.dkr.ecr.us-east-1.amazonaws.com",
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com.evil.example",
            ".dkr.ecr.eu-west-1.amazonaws.com",
            "dkr.ecr.eu-west-1.amazonaws.com",
        ] {
            assert!(!has(other, None, "123456789012"), "{other}");
        }
    }

    #[test]
    fn a_host_with_a_port_is_meant_at_this_port() {
        let upstream = of("Registry.example.org:5100", "eu-west-1");
        assert!(upstream.is_at("registry.example.org", Some(5100)));
        assert!(!upstream.is_at("registry.example.org", Some(5101)));
        assert!(!upstream.is_at("registry.example.org", None));
        assert!(of("a.example", "eu-west-1").is_at("a.example", None));
        assert!(!of("a.example", "eu-west-1").is_at("a.example", Some(5000)));
    }

    #[test]
    fn the_name_of_a_registry_says_where_its_api_is() {
        let known = [of("111122223333.dkr.ecr.eu-west-1.amazonaws.com", "eu-west-1")];
        let at = |host: &str, port| place(&known, host, port).map(|place| place.endpoint);
        assert_eq!(at("111122223333.dkr.ecr.eu-west-1.amazonaws.com", None).unwrap(), "https://api.example");
        let found = place(&known, "444455556666.dkr.ecr.cn-north-1.amazonaws.com.cn", None).unwrap();
        assert_eq!(found.endpoint, "https://api.ecr.cn-north-1.amazonaws.com.cn");
        assert_eq!(found.sts_endpoint, "https://sts.cn-north-1.amazonaws.com.cn");
        assert_eq!(found.region.as_str(), "cn-north-1");
        let own = at("444455556666.dkr.ecr.eu-west-1.registry.example", Some(8443));
        assert_eq!(own.unwrap(), "https://api.ecr.eu-west-1.registry.example:8443");
        for other in ["quay.io", "x.dkr.ecr.eu-west-1.example", "444455556666.dkr.ecr.eu-west-1"] {
            assert_eq!(at(other, None), None, "{other}");
        }
    }
}
