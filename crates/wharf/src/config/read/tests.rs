//! What a configuration file may say.

use access::rate::{Rate, Rates};

use super::*;

const WHOLE: &str = r#"
    data_dir = "/var/lib/wharf"
    region = "eu-west-1"
    [server]
    listen = "0.0.0.0:443"
    public_suffix = "registry.example.org"
    ecr_public_host = "images.example.org"
    public_port = 8443
    trusted_proxies = ["10.0.0.0/8", "fd00::1"]
    drain_seconds = 12
    [server.tls]
    certificate = "/etc/wharf/chain.pem"
    key = "/etc/wharf/key.pem"
    [server.limits]
    max_connections = 9
    [metrics]
    listen = "127.0.0.1:9100"
    [database]
    url = "postgres://wharf:secret@db/wharf"
    connections = 40
    transaction_pooler = true
    [blobs]
    path = "/srv/blobs"
    [bootstrap]
    account_id = "123456789012"
    [[accounts]]
    id = "111122223333"
    name = "shared-tooling"
    [[vpc_endpoints]]
    id = "vpce-1a2b3c4d"
    vpc = "vpc-1a2b3c4d"
    networks = ["10.1.0.0/16"]
    [outbound]
    allow_networks = ["10.2.0.0/16", "fd00::/8"]
"#;

fn from(text: &str, variables: &[(&str, &str)]) -> anyhow::Result<Config> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    read(text, "wharf.toml", variables.collect::<Vec<_>>().into_iter())
}

#[test]
fn clients_get_a_name_that_they_can_reach() {
    for (listen, host) in [
        ("127.0.0.1:80", "localhost"),
        ("[::1]:80", "localhost"),
        ("0.0.0.0:80", "localhost"),
        ("127.0.0.2:80", "127.0.0.2"),
        ("192.0.2.7:80", "192.0.2.7"),
        ("[2001:db8::1]:80", "[2001:db8::1]"),
    ] {
        let text = format!("data_dir = \"d\"\n[server]\nlisten = \"{listen}\"");
        assert_eq!(from(&text, &[]).unwrap().public.host, host, "{listen}");
    }
}

#[test]
fn a_whole_file_is_read() {
    let config = from(WHOLE, &[]).unwrap();
    assert_eq!(config.region.to_string(), "eu-west-1");
    assert_eq!(config.options.listen.to_string(), "0.0.0.0:443");
    assert_eq!(config.options.trusted_proxies.len(), 2);
    assert_eq!(config.options.drain, Duration::from_secs(12));
    assert_eq!(config.options.limits.max_connections, 9);
    assert_eq!(config.options.metrics_listen.unwrap().port(), 9100);
    let options = meta::PostgresOptions { connections: 40, keeps_session: false, ..Default::default() };
    assert!(
        config.database
            == crate::config::Database::Postgres("postgres://wharf:secret@db/wharf".into(), options, None)
    );
    let suffix = Some("registry.example.org".to_owned());
    let (host, port) = ("localhost".to_owned(), Some(8443));
    let public = Public {
        scheme: "https",
        suffix,
        host,
        ecr_public_host: Some("images.example.org".to_owned()),
        port,
    };
    assert_eq!(config.public, public);
    assert_eq!(config.bootstrap.unwrap().account_id.to_string(), "123456789012");
    let endpoint = &config.vpc_endpoints[0];
    assert_eq!((endpoint.id.as_str(), endpoint.vpc.as_str()), ("vpce-1a2b3c4d", "vpc-1a2b3c4d"));
    assert!(endpoint.serves([10, 1, 2, 3].into()) && !endpoint.serves([10, 2, 2, 3].into()));
    assert_eq!(config.allow_networks.len(), 2);
    assert_eq!(config.accounts, [("111122223333".parse().unwrap(), "shared-tooling".to_owned())]);
}

#[test]
fn the_file_that_the_help_shows_is_read() {
    let shown = crate::serve_help::SERVE_HELP.lines().filter_map(|line| line.strip_prefix("  "));
    let shown: Vec<&str> = shown.filter(|line| !line.starts_with("wharf ")).collect();
    let config = from(&shown.join("\n"), &[]).unwrap();
    assert_eq!(config.public.suffix.unwrap(), "registry.example.org");
    let (limits, defaults) = (config.options.limits, Limits::default());
    assert_eq!(format!("{limits:?}"), format!("{defaults:?}"), "the help shows the defaults");
    let defaults = access::settings::Limits::default();
    assert_eq!(format!("{:?}", config.limits), format!("{defaults:?}"), "the help shows the defaults");
    assert!(config.options.trusted_proxies.iter().all(|proxy| proxy.open_bits() == 0), "single proxies");
    let mut rates = Rates::of_ecr();
    for rate in Rate::ALL {
        rates.set(None, rate.setting(), rate.default_per_second()).unwrap();
    }
    rates.set(Some(&"111122223333".parse().unwrap()), "put_image", 100).unwrap();
    assert_eq!(config.rates, rates, "the help shows the defaults");
    let drain = Options::plain(config.options.listen).drain;
    assert_eq!(config.options.drain, drain, "the help shows the default");
}

#[test]
fn the_bucket_that_the_help_shows_is_read() {
    let shown = crate::serve_help::SERVE_HELP.lines().filter_map(|line| line.strip_prefix("  "));
    let shown = shown.filter(|line| !line.starts_with("wharf "));
    let folders = ["path = ", "archive_path = ", "# Or "];
    let shown = shown.filter(|line| !folders.iter().any(|folder| line.starts_with(folder)));
    let shown: Vec<&str> = shown.map(|line| line.strip_prefix("# ").unwrap_or(line)).collect();
    let bucket = from(&shown.join("\n"), &[]).unwrap().bucket.unwrap();
    assert_eq!(bucket.url.to_string(), "s3://layers/prod");
}

#[test]
fn a_large_proxy_network_causes_a_warning() {
    let with = |block: &str| {
        let text =
            format!("data_dir = \"d\"\n[server]\nlisten = \"[::]:1\"\ntrusted_proxies = [\"{block}\"]");
        from(&text, &[]).unwrap().warnings()
    };
    for wide in ["10.0.0.0/8", "0.0.0.0/0", "fd00::/64"] {
        let warnings = with(wide);
        assert!(warnings.len() == 1 && warnings[0].contains("server.trusted_proxies"), "{warnings:?}");
    }
    for narrow in ["192.0.2.10", "10.1.2.0/24", "fd00::7/128"] {
        assert!(with(narrow).is_empty(), "{narrow}");
    }
}

#[test]
fn the_environment_wins_over_the_file() {
    let config =
        from(WHOLE, &[("WHARF__SERVER__LISTEN", "127.0.0.1:1"), ("WHARF__REGION", "us-west-2")]).unwrap();
    assert_eq!(config.options.listen.to_string(), "127.0.0.1:1");
    assert_eq!(config.region.to_string(), "us-west-2");
}

#[test]
fn the_environment_can_name_the_first_account() {
    let minimal = "data_dir = \"d\"\n[server]\nlisten = \"127.0.0.1:80\"";
    for id in ["123456789012", "012345678901"] {
        let config = from(minimal, &[("WHARF__BOOTSTRAP__ACCOUNT_ID", id)]).unwrap();
        assert_eq!(config.bootstrap.unwrap().account_id.to_string(), id);
    }
}

#[test]
fn the_operator_can_choose_the_first_access_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    let minimal =
        "data_dir = \"d\"\n[server]\nlisten = \"127.0.0.1:80\"\n[bootstrap]\naccount_id = \"123456789012\"\n";
    let id = "access_key_id = \"AKIAIOSFODNN7EXAMPLE\"\n";
    let whole = format!("{minimal}{id}secret_access_key_file = \"{}\"", file.display());
    let first = from(&whole, &[]).unwrap().bootstrap.unwrap();
    assert!(first.access_key().is_err(), "the file is missing");
    for (content, is_taken) in [("too-short\n", false), ("sixteen-or-more-characters\n", true)] {
        std::fs::write(&file, content).unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let key = first.access_key().ok().flatten();
        assert_eq!(key.is_some_and(|(id, _)| id.as_ref() == "AKIAIOSFODNN7EXAMPLE"), is_taken);
    }
    assert!(from(&format!("{minimal}{id}"), &[]).is_err());
    assert!(from(minimal, &[]).unwrap().bootstrap.unwrap().access_key().unwrap().is_none());
}

#[test]
fn quotas_are_settings() {
    let text = format!("{WHOLE}\n[quotas]\nusers_per_account = 7\ngroups_per_user = 20\n");
    let config = from(&text, &[("WHARF__QUOTAS__GROUPS_PER_USER", "30")]).unwrap();
    let quotas = config.limits.quotas;
    assert_eq!((quotas.users_per_account.value, quotas.groups_per_user.value), (7, 30));
    assert_eq!(quotas.roles_per_account.value, 5_000);
}

#[test]
fn rates_are_off_until_one_is_set_and_the_rest_is_ecrs() {
    let of = |variables| from(WHOLE, variables).unwrap().rates;
    assert!(!of(&[]).enabled);
    assert_eq!(of(&[("WHARF__RATES__ENABLED", "true")]), Rates::of_ecr());
    let rates = of(&[("WHARF__RATES__ACCOUNTS__111122223333__PUT_IMAGE", "7")]);
    assert!(rates.enabled);
    assert_eq!(rates.per_second(&"111122223333".parse().unwrap(), Rate::PutImage), 7);
}

#[test]
fn the_memory_budget_is_a_number_or_a_text() {
    for (written, bytes) in [("268435456", 268_435_456), ("64MiB", 64 << 20), ("1 GiB", 1 << 30)] {
        let config = from(WHOLE, &[("WHARF__SERVER__LIMITS__MEMORY_BUDGET", written)]).unwrap();
        assert_eq!(config.options.limits.memory_budget, bytes, "{written}");
    }
}

/// A text, variables, and the words of the complaint.
type Case = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);

/// Each text, with the variables laid over it, is refused with these words, and never with the password.
fn refused(cases: &[Case]) {
    for (text, variables, words) in cases {
        let complaint = format!("{:#}", from(text, variables).err().expect(text));
        for word in *words {
            assert!(complaint.contains(word), "{word} is not in: {complaint}");
        }
        assert!(!complaint.contains("hunter2"), "{complaint}");
    }
}

#[test]
fn errors_name_the_file_and_the_key_and_no_secret() {
    refused(&[
        ("", &[], &["wharf.toml", "data_dir"]),
        ("data_dir = \"d\"", &[], &["wharf.toml", "server.listen"]),
        ("data_dir = \"d\"\n[server]\nlissten = \"x\"", &[], &["wharf.toml", "lissten", "listen"]),
        ("data_dir = \"d\"\n[server]\nlisten = \"nowhere\"", &[], &["server.listen", "nowhere"]),
        ("[server]\nlisten = 5", &[], &["wharf.toml", "listen"]),
        (
            "data_dir = \"d\"\nregion = \"EU west\"\n[server]\nlisten = \"[::]:1\"",
            &[],
            &["region", "EU west"],
        ),
        (
            "data_dir = \"d\"\n[server]\nlisten = \"[::]:1\"\ntrusted_proxies = [\"10.0.0.0/8\", \"x\"]",
            &[],
            &["server.trusted_proxies[1]", "\"x\""],
        ),
        (
            "data_dir = \"d\"\n[server]\nlisten = \"[::]:1\"\npublic_suffix = \"r.example.\"",
            &[],
            &["server.public_suffix", "r.example.", "dot"],
        ),
        ("data_dir = \"d\"\n[server]\nlisten = \"[::]:1\"\nscheme = \"ftp\"", &[], &["server.scheme", "ftp"]),
        (
            "data_dir = \"d\"\n[server]\nlisten = \"[::]:1\"\n[database]\nurl = \"mysql://u:hunter2@h\"",
            &[],
            &["database.url"],
        ),
        (
            "data_dir = \"d\"\n[server]\nlisten = \"[::]:1\"\n[database]\nurl = \"postgres://u:hunter2@h\"\nconnections = 0",
            &[],
            &["database.connections", "1000"],
        ),
        (
            "data_dir = \"d\"\n[server]\nlisten = \"[::]:1\"\n[database]\nurl = \"postgres://u:hunter2@h\"\nfailover_seconds = 0",
            &[],
            &["database.failover_seconds", "3600"],
        ),
        (
            "data_dir = \"d\"\n[server]\nlisten = \"[::]:1\"\n[[accounts]]\nid = \"12\"\nname = \"x\"",
            &[],
            &["accounts[0].id", "\"12\""],
        ),
    ]);
}

#[test]
fn errors_about_variables_name_the_setting() {
    refused(&[
        (
            WHOLE,
            &[("WHARF__ACCOUNTS", "[{id = \"123456789012\", name = \"x\"}]")],
            &["accounts[0].id", "is listed twice"],
        ),
        (WHOLE, &[("WHARF__ACCOUNTS", "[{id = \"111122223333\", name = \"\"}]")], &["accounts[0].name"]),
        (
            WHOLE,
            &[("WHARF__VPC_ENDPOINTS", "[{id = \"vpce-1\", vpc = \"vpc-1\", networks = [\"x\"]}]")],
            &["vpc_endpoints[0].networks[0]", "\"x\""],
        ),
        (
            WHOLE,
            &[("WHARF__VPC_ENDPOINTS", "[{id = \"vpc-1\", vpc = \"vpc-1\", networks = []}]")],
            &["vpc_endpoints[0].id"],
        ),
        (
            WHOLE,
            &[("WHARF__OUTBOUND__ALLOW_NETWORKS", "[\"10.0.0.0/8\", \"x\"]")],
            &["outbound.allow_networks[1]", "\"x\""],
        ),
        (WHOLE, &[("WHARF__SERVER__LISSTEN", "x")], &["WHARF__SERVER__LISSTEN", "lissten"]),
        (
            WHOLE,
            &[("WHARF__SERVER__DRAIN_SECONDS", "soon")],
            &["WHARF__SERVER__DRAIN_SECONDS", "drain_seconds"],
        ),
        (WHOLE, &[("WHARF__SERVER__LIMITS__MAX_CONNECTIONS", "0")], &["max_connections"]),
        (WHOLE, &[("WHARF__QUOTAS__USERS", "5")], &["quotas.users = 5", "no quota `users`"]),
        (WHOLE, &[("WHARF__QUOTAS__TAGS_PER_IMAGE", "0")], &["quotas.tags_per_image = 0", "1 to 10000"]),
        (WHOLE, &[("WHARF__QUOTAS__TAGS_PER_IMAGE", "many")], &["WHARF__QUOTAS__TAGS_PER_IMAGE"]),
        (WHOLE, &[("WHARF__SERVER__LIMITS__MEMORY_BUDGET", "1MiB")], &["memory_budget", "64 MiB"]),
        (
            WHOLE,
            &[("WHARF__SERVER__LIMITS__MEMORY_BUDGET", "much")],
            &["WHARF__SERVER__LIMITS__MEMORY_BUDGET", "256MiB"],
        ),
    ]);
}
