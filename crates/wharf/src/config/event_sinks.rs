//! The targets of events that a configuration names.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use access::settings::{EventSink, SinkKind};
use anyhow::{Context as _, bail};
use serde::Deserialize;

use crate::files;

/// One entry of `[[events.sinks]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventSinkSection {
    name: String,
    file: Option<PathBuf>,
    #[serde(default)]
    stdout: bool,
    url: Option<String>,
    secret_file: Option<PathBuf>,
    pattern: Option<String>,
}

/// A secret is at least this long, so that a signature cannot be forged (Standard Webhooks: 24 to 64 bytes).
const SHORTEST_SECRET: usize = 24;

/// The checked sinks; each error names the position in the list.
pub(super) fn event_sinks(sections: Vec<EventSinkSection>) -> anyhow::Result<Vec<EventSink>> {
    let mut names = BTreeSet::new();
    let checked = |(at, section): (usize, EventSinkSection)| {
        if !names.insert(section.name.clone()) {
            bail!("events.sinks[{at}].name = \"{}\": each sink needs its own name", section.name);
        }
        sink(section).with_context(|| format!("events.sinks[{at}]"))
    };
    sections.into_iter().enumerate().map(checked).collect()
}

fn sink(section: EventSinkSection) -> anyhow::Result<EventSink> {
    let EventSinkSection { name, file, stdout, url, secret_file, pattern } = section;
    let to = match (file, stdout, url) {
        (Some(path), false, None) => SinkKind::File(path),
        (None, true, None) => SinkKind::StandardOutput,
        (None, false, Some(url)) => {
            let path = secret_file.as_ref().context("a sink with a url needs a secret_file")?;
            let secret = std::fs::read_to_string(path);
            let secret = secret.with_context(|| format!("cannot read {}", path.display()))?;
            files::check_secret(path)?;
            if secret.trim().len() < SHORTEST_SECRET {
                bail!("{} has less than {SHORTEST_SECRET} characters", path.display());
            }
            SinkKind::Http { url, secret: Arc::from(secret.trim().as_bytes()) }
        }
        _ => bail!("a sink has exactly one of file, stdout and url"),
    };
    if secret_file.is_some() && !matches!(to, SinkKind::Http { .. }) {
        bail!("only a sink with a url has a secret_file");
    }
    let sink = EventSink { name, pattern, to };
    events::check(&sink)?;
    Ok(sink)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<Vec<EventSink>> {
        #[derive(Deserialize)]
        struct File {
            sinks: Vec<EventSinkSection>,
        }
        event_sinks(toml::from_str::<File>(text)?.sinks)
    }

    #[test]
    fn a_sink_has_one_place_and_a_valid_pattern() {
        let sinks = read(
            "[[sinks]]\nname = \"audit\"\nfile = \"/var/log/events\"\npattern = '{\"source\":[\"aws.ecr\"]}'\n\
             [[sinks]]\nname = \"out\"\nstdout = true",
        )
        .unwrap();
        assert!(matches!(sinks[0].to, SinkKind::File(_)));
        assert!(matches!(sinks[1].to, SinkKind::StandardOutput));
        for (text, word) in [
            ("[[sinks]]\nname = \"a\"", "exactly one"),
            ("[[sinks]]\nname = \"a\"\nstdout = true\nfile = \"x\"", "exactly one"),
            ("[[sinks]]\nname = \"a/b\"\nstdout = true", "letters"),
            ("[[sinks]]\nname = \"a\"\nfile = \"/dev/null\"", "not a regular file"),
            ("[[sinks]]\nname = \"a\"\nstdout = true\npattern = \"{}\"", "Empty objects"),
            (
                "[[sinks]]\nname = \"a\"\nstdout = true\n[[sinks]]\nname = \"a\"\nstdout = true",
                "its own name",
            ),
            ("[[sinks]]\nname = \"a\"\nurl = \"https://hooks.example.org\"", "secret_file"),
            ("[[sinks]]\nname = \"a\"\nstdout = true\nsecret_file = \"x\"", "only a sink with a url"),
        ] {
            let error = format!("{:#}", read(text).err().unwrap());
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn the_secret_of_a_sink_is_long_and_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let text = |url: &str| {
            let path = path.display();
            format!("[[sinks]]\nname = \"a\"\nurl = \"{url}\"\nsecret_file = \"{path}\"")
        };
        let write = |secret: &str, mode| {
            std::fs::write(&path, secret).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        write("0123456789abcdef01234567\n", 0o600);
        assert!(read(&text("https://hooks.example.org/a")).is_ok());
        assert!(read(&text("ftp://hooks.example.org")).is_err());
        write("0123456789abcdef01234567\n", 0o644);
        assert!(read(&text("https://hooks.example.org/a")).is_err());
        write("short", 0o600);
        assert!(read(&text("https://hooks.example.org/a")).is_err());
    }
}
