//! The configuration of `wharf dev`: the settings of `serve`, from the environment and the command line. The command
//! line has priority.

use anyhow::{Context as _, bail};
use serde::Deserialize as _;
use toml::{Table, Value};

use super::{Config, Settings, overlay, read};
use crate::cli::Dev;

/// The command line of `wharf dev` and the environment of the process.
pub(crate) fn for_dev(dev: &Dev) -> anyhow::Result<Config> {
    read(dev, std::env::vars())
}

fn read(dev: &Dev, variables: impl Iterator<Item = (String, String)>) -> anyhow::Result<Config> {
    let mut table = Table::new();
    let put = |table: &mut Table, keys: &[&str], text: String| {
        overlay::set(table, keys, Value::String(text))
            .map_err(|()| anyhow::anyhow!("{} is a section, not a value", keys.join(".")))
    };
    put(&mut table, &["server", "listen"], "127.0.0.1:5100".to_owned())?;
    let applied = overlay::apply(&mut table, variables)?;
    for (prefix, instead) in [
        ("WHARF__DATA_DIR", "--data-dir or WHARF_DATA_DIR, like `wharf env`"),
        ("WHARF__BOOTSTRAP__", "--account-id"),
    ] {
        if let Some(name) = applied.iter().find(|name| name.starts_with(prefix)) {
            bail!("{name} is for `wharf serve` only; with `wharf dev` use {instead}");
        }
    }
    let data_dir = std::path::absolute(&dev.data_dir.data_dir)?;
    table.insert("data_dir".to_owned(), Value::try_from(data_dir)?);
    if let Some(listen) = dev.listen {
        put(&mut table, &["server", "listen"], listen.to_string())?;
    }
    if let Some(region) = &dev.region {
        put(&mut table, &["region"], region.to_string())?;
    }
    if let Some(suffix) = &dev.public_suffix {
        put(&mut table, &["server", "public_suffix"], suffix.clone())?;
    }
    if let Some((host, port)) = &dev.public_host {
        put(&mut table, &["server", "public_host"], host.clone())?;
        if let Some(server) = table.get_mut("server").and_then(Value::as_table_mut) {
            server.extend(port.map(|port| ("public_port".to_owned(), Value::Integer(port.into()))));
        }
    }
    let environment = || match applied.as_slice() {
        [] => "the command line".to_owned(),
        names => format!("in the environment ({})", names.join(", ")),
    };
    let settings = Settings::deserialize(table).with_context(environment)?;
    read::checked(settings).with_context(environment)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn from(words: &[&str], variables: &[(&str, &str)]) -> anyhow::Result<Config> {
        let words = ["wharf", "dev", "--data-dir", "/srv/dev"].iter().chain(words);
        let Command::Dev(dev) = Cli::try_parse_from(words).unwrap().command else { panic!("not dev") };
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        read(&dev, variables.collect::<Vec<_>>().into_iter())
    }

    #[test]
    fn variables_have_the_same_effect_in_dev_as_in_serve() {
        let config = from(
            &[],
            &[
                ("WHARF__SERVER__LIMITS__MAX_CONNECTIONS", "7"),
                ("WHARF__METRICS__LISTEN", "127.0.0.1:9100"),
                ("WHARF__ACCOUNTS", "[{id = \"111122223333\", name = \"shared\"}]"),
                (
                    "WHARF__VPC_ENDPOINTS",
                    "[{id = \"vpce-1\", vpc = \"vpc-1\", networks = [\"10.1.0.0/16\"]}]",
                ),
                ("WHARF__OUTBOUND__ALLOW_NETWORKS", "[\"10.0.0.0/8\"]"),
                ("WHARF__REGION", "eu-west-1"),
            ],
        )
        .unwrap();
        assert!(config.allow_networks[0].contains("10.1.2.3".parse().unwrap()));
        assert_eq!(config.options.limits.max_connections, 7);
        assert_eq!(config.options.metrics_listen.unwrap().port(), 9100);
        assert_eq!(config.accounts[0].1, "shared");
        assert_eq!(config.vpc_endpoints.len(), 1);
        assert!(config.is_region_named && config.region.to_string() == "eu-west-1");
        assert_eq!(config.options.listen.to_string(), "127.0.0.1:5100");
        assert!(!from(&[], &[]).unwrap().is_region_named);
    }

    #[test]
    fn rates_are_off_unless_they_are_enabled() {
        assert!(!from(&[], &[]).unwrap().rates.enabled);
        assert!(from(&[], &[("WHARF__RATES__ENABLED", "true")]).unwrap().rates.enabled);
    }

    #[test]
    fn the_command_line_overrides_variables() {
        let variables = [("WHARF__SERVER__LISTEN", "127.0.0.1:1"), ("WHARF__REGION", "eu-west-1")];
        let config = from(&[], &variables).unwrap();
        assert_eq!(config.options.listen.port(), 1);
        let config = from(&["--listen", "127.0.0.1:2", "--region", "us-west-2"], &variables).unwrap();
        assert_eq!((config.options.listen.port(), config.region.to_string().as_str()), (2, "us-west-2"));
        assert_eq!(config.data_dir, std::path::Path::new("/srv/dev"));
        let words = ["--public-suffix", "r.example", "--public-host", "wharf:5100"];
        let public = from(&words, &[("WHARF__SERVER__PUBLIC_HOST", "x")]).unwrap().public;
        assert_eq!(
            (public.suffix.as_deref(), public.host.as_str(), public.port),
            (Some("r.example"), "wharf", Some(5100))
        );
        for (text, host, port) in
            [("[::1]:80", "[::1]", Some(80)), ("[::1]", "[::1]", None), ("wharf", "wharf", None)]
        {
            let public = from(&["--public-host", text], &[]).unwrap().public;
            assert_eq!((public.host.as_str(), public.port), (host, port), "{text}");
        }
        for wrong in ["wharf:x", "::1", "http://wharf", ""] {
            assert!(Cli::try_parse_from(["wharf", "dev", "--public-host", wrong]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_error_about_a_setting_of_dev_says_what_to_use() {
        for (name, value, words) in [
            ("WHARF__SERVER__LISSTEN", "x", &["WHARF__SERVER__LISSTEN", "lissten"][..]),
            ("WHARF__SERVER__TRUSTED_PROXIES", "[\"x\"]", &["WHARF__SERVER__TRUSTED_PROXIES", "\"x\""]),
            ("WHARF__DATA_DIR", "/srv", &["WHARF__DATA_DIR", "--data-dir"]),
            ("WHARF__BOOTSTRAP__ACCOUNT_ID", "123456789012", &["--account-id"]),
        ] {
            let complaint = format!("{:#}", from(&[], &[(name, value)]).err().expect(name));
            assert!(words.iter().all(|word| complaint.contains(word)), "{complaint}");
        }
    }
}
