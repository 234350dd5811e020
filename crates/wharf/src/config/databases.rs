//! `[[databases]]`: other PostgreSQL databases, which have the registries of accounts that are placed there.

use anyhow::bail;
use meta::PostgresOptions;
use serde::Deserialize;

use super::Database;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DatabasesSection {
    name: String,
    url: String,
}

/// A database beside that of `[database]`. A URL can contain a password and is never printed.
#[derive(Clone)]
pub(crate) struct OtherDatabase {
    pub(crate) name: String,
    pub(crate) url: String,
    /// As in `[database]`.
    pub(crate) options: PostgresOptions,
}

/// The longest name. It is a folder, or a part of the keys of objects in a bucket.
const LONGEST: usize = 32;

/// Checks the databases; each error names the position in the list.
pub(super) fn databases(
    sections: Vec<DatabasesSection>,
    directory: &Database,
) -> anyhow::Result<Vec<OtherDatabase>> {
    let mut databases: Vec<OtherDatabase> = Vec::with_capacity(sections.len());
    for (at, DatabasesSection { name, url }) in sections.into_iter().enumerate() {
        let Database::Postgres(directory, options, _) = directory else {
            bail!("[[databases]] needs a PostgreSQL database in database.url");
        };
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > LONGEST || !name.bytes().all(is_word) {
            bail!("databases[{at}].name = \"{name}\": use 1 to {LONGEST} small letters, digits and '-'");
        }
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            bail!("databases[{at}].url must begin with postgres://");
        }
        if url == *directory || databases.iter().any(|known| known.name == name || known.url == url) {
            bail!("databases[{at}]: another database has this name or this url");
        }
        databases.push(OtherDatabase { name, url, options: *options });
    }
    Ok(databases)
}

#[cfg(test)]
mod tests {
    use super::super::database::database;
    use super::*;

    fn read(directory: &str, others: &[(&str, &str)]) -> anyhow::Result<Vec<OtherDatabase>> {
        let directory = database(&toml::from_str(&format!("url = \"{directory}\"")).unwrap())?;
        let section = |(name, url): &(&str, &str)| DatabasesSection {
            name: (*name).to_owned(),
            url: (*url).to_owned(),
        };
        databases(others.iter().map(section).collect(), &directory)
    }

    #[test]
    fn other_databases_have_names_and_urls() {
        let found = read("postgres://a/w", &[("east-1", "postgres://b/w"), ("west", "postgresql://c/w")]);
        let found = found.unwrap();
        assert_eq!((found[0].name.as_str(), found[1].url.as_str()), ("east-1", "postgresql://c/w"));
        assert!(read("sqlite:///w.db", &[]).unwrap().is_empty());
        for (directory, others, says) in [
            ("sqlite:///w.db", &[("b", "postgres://b/w")][..], "needs a PostgreSQL"),
            ("postgres://a/w", &[("B", "postgres://b/w")], "databases[0].name"),
            ("postgres://a/w", &[("", "postgres://b/w")], "databases[0].name"),
            ("postgres://a/w", &[("../b", "postgres://b/w")], "databases[0].name"),
            ("postgres://a/w", &[("b", "b:secret")], "must begin with"),
            ("postgres://a/w", &[("b", "postgres://a/w")], "another database"),
            ("postgres://a/w", &[("b", "postgres://b/w"), ("b", "postgres://c/w")], "another database"),
        ] {
            let error = read(directory, others).err().map(|error| format!("{error:#}")).unwrap_or_default();
            assert!(error.contains(says) && !error.contains("secret"), "{others:?}: {error}");
        }
    }
}
