//! Resources with tags, whatever they are: what the Resource Groups Tagging API finds in an account.

use aws::ids::{AccountId, Region};

use crate::{
    Never, StoreError,
    ops::operation,
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// A kind of resource with tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaggedKind {
    Repository,
    User,
    Role,
    Policy,
    InstanceProfile,
    OidcProvider,
}

impl TaggedKind {
    /// All of them, in the order of lists.
    pub const ALL: [Self; 6] =
        [Self::Repository, Self::User, Self::Role, Self::Policy, Self::InstanceProfile, Self::OidcProvider];

    /// Owner of the tags, order, path and name of IAM's resources of a kind in the account `?1`.
    const fn of_iam(self) -> &'static str {
        match self {
            Self::Repository => "",
            Self::User => {
                "SELECT p.unique_id AS owner, p.name_folded AS place, p.path AS path, p.name AS name FROM principal p \
                 WHERE p.kind = 'user' AND p.account"
            }
            Self::Role => {
                "SELECT p.unique_id AS owner, p.name_folded AS place, p.path AS path, p.name AS name FROM principal p \
                 WHERE p.kind = 'role' AND p.account"
            }
            Self::Policy => {
                "SELECT p.policy_id AS owner, p.name_folded AS place, p.path AS path, p.name AS name \
                 FROM managed_policy p WHERE p.account"
            }
            Self::InstanceProfile => {
                "SELECT p.unique_id AS owner, p.name_folded AS place, p.path AS path, p.name AS name \
                 FROM instance_profile p WHERE p.account"
            }
            Self::OidcProvider => {
                "SELECT p.arn AS owner, substr(p.url, 9) AS place, '/' AS path, substr(p.url, 9) AS name FROM oidc_provider p \
                 WHERE p.account"
            }
        }
    }
}

const ACCOUNT: &str = "(SELECT a.key FROM account a WHERE a.account_id = ?1)";
const REGISTRY: &str = "(SELECT g.key FROM registry g JOIN account a ON a.key = g.account \
    WHERE a.account_id = ?1 AND g.region = ?2)";

/// A resource and its tags by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaggedResource {
    /// Its IAM path.
    pub path: String,
    /// Its name, or the URL of a provider without `https://`.
    pub name: String,
    pub tags: Vec<(String, String)>,
}

/// A page of resources of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaggedPage {
    /// Each with its place in the list.
    pub found: Vec<(String, TaggedResource)>,
    /// After which the next page begins; None if this page was the last.
    pub last: Option<String>,
}

impl TaggedPage {
    /// Rows of resource and tag, in the order of the resources. A repository that was deleted has no name.
    fn of(rows: Vec<Row>, limit: usize) -> Result<Self, StoreError> {
        let mut page = Self::default();
        let (mut place, mut places) = (None, 0_usize);
        for mut row in rows {
            let at: String = row.take()?;
            let (path, name): (String, Option<String>) = (row.take()?, row.take()?);
            let tag = (row.take()?, row.take()?);
            let is_new = place.as_ref() != Some(&at);
            if is_new {
                place = Some(at.clone());
                places += 1;
            }
            let Some(name) = name else { continue };
            match page.found.last_mut().filter(|_| !is_new) {
                Some((_, resource)) => resource.tags.push(tag),
                None => page.found.push((at, TaggedResource { path, name, tags: vec![tag] })),
            }
        }
        page.last = place.filter(|_| places >= limit);
        Ok(page)
    }
}

/// Lists the resources of one kind that have tags.
#[derive(Clone, Debug)]
pub struct ListTagged {
    pub account_id: AccountId,
    /// The Region of repositories.
    pub region: Region,
    pub kind: TaggedKind,
    /// [`TaggedPage::last`] of the page before; empty for the first.
    pub after: String,
    /// The maximum number of resources.
    pub limit: usize,
}

operation!(ListTagged: List -> TaggedPage, Never, |op, tx| {
    let rows = if op.kind == TaggedKind::Repository {
        let after: i64 = op.after.parse().unwrap_or(i64::MIN);
        let select = format!(
            "SELECT CAST(x.repository AS TEXT), '', r.name, t.key, t.value FROM \
                (SELECT DISTINCT registry, repository FROM repository_tag WHERE registry = {REGISTRY} \
                    AND repository > ?3 ORDER BY repository LIMIT ?4) x \
                LEFT JOIN repository r ON r.registry = x.registry AND r.id = x.repository AND r.deleted_at IS NULL \
                JOIN repository_tag t ON t.registry = x.registry AND t.repository = x.repository \
                ORDER BY x.repository, t.key"
        );
        tx.rows(&select, &params![op.account_id, op.region, after, op.limit]).await?
    } else {
        let select = format!(
            "SELECT x.place, x.path, x.name, t.key, t.value FROM \
                (SELECT * FROM ({} = {ACCOUNT}) y WHERE y.place > ?2 \
                    AND EXISTS (SELECT 1 FROM iam_tag e WHERE e.owner = y.owner) ORDER BY y.place LIMIT ?3) x \
                JOIN iam_tag t ON t.owner = x.owner ORDER BY x.place, t.key_folded",
            op.kind.of_iam()
        );
        tx.rows(&select, &params![op.account_id, op.after, op.limit]).await?
    };
    Ok(Ok(TaggedPage::of(rows, op.limit)?))
});

/// Finds one resource by its name, if it has tags.
#[derive(Clone, Debug)]
pub struct FindTagged {
    pub account_id: AccountId,
    /// The Region of a repository.
    pub region: Region,
    pub kind: TaggedKind,
    /// The name, in small letters unless it is a repository's; the URL of a provider without `https://`.
    pub name: String,
}

operation!(FindTagged: Point -> Option<TaggedResource>, Never, |op, tx| {
    let rows = if op.kind == TaggedKind::Repository {
        let select = format!(
            "SELECT CAST(r.id AS TEXT), '', r.name, t.key, t.value FROM repository r \
                JOIN repository_tag t ON t.registry = r.registry AND t.repository = r.id \
                WHERE r.registry = {REGISTRY} AND r.name = ?3 AND r.deleted_at IS NULL ORDER BY t.key"
        );
        tx.rows(&select, &params![op.account_id, op.region, op.name]).await?
    } else {
        let select = format!(
            "SELECT x.place, x.path, x.name, t.key, t.value FROM ({} = {ACCOUNT}) x \
                JOIN iam_tag t ON t.owner = x.owner WHERE x.place = ?2 ORDER BY t.key_folded",
            op.kind.of_iam()
        );
        tx.rows(&select, &params![op.account_id, op.name]).await?
    };
    Ok(Ok(TaggedPage::of(rows, usize::MAX)?.found.pop().map(|(_, found)| found)))
});

/// Lists the keys of all tags, or the values of one key.
#[derive(Clone, Debug)]
pub struct ListTagTexts {
    pub account_id: AccountId,
    /// The Region of repositories.
    pub region: Region,
    /// The values of this key; None: the keys.
    pub key: Option<String>,
    /// Whether IAM's resources belong to the Region.
    pub with_iam: bool,
    /// The text after which the page begins.
    pub after: Option<String>,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListTagTexts: List -> Vec<String>, Never, |op, tx| {
    let (column, of_key) = if op.key.is_some() { ("value", "t.key = ?3") } else { ("key", "?3 = ''") };
    let mut all = format!(
        "SELECT t.{column} AS text FROM repository_tag t \
            JOIN repository r ON r.registry = t.registry AND r.id = t.repository AND r.deleted_at IS NULL \
            WHERE t.registry = {REGISTRY} AND {of_key}"
    );
    for kind in TaggedKind::ALL.iter().filter(|kind| op.with_iam && **kind != TaggedKind::Repository) {
        let more = format!(
            " UNION ALL SELECT t.{column} FROM ({} = {ACCOUNT}) x JOIN iam_tag t ON t.owner = x.owner \
                WHERE {of_key}",
            kind.of_iam()
        );
        all.push_str(&more);
    }
    // An empty value is a text too, so a page can begin before it.
    let select = format!(
        "SELECT DISTINCT u.text FROM ({all}) u WHERE (?4 = 0 OR u.text > ?5) ORDER BY u.text LIMIT ?6"
    );
    let (key, after) = (op.key.clone().unwrap_or_default(), op.after.clone().unwrap_or_default());
    let is_later = op.after.is_some();
    let rows = tx.rows(&select, &params![op.account_id, op.region, key, is_later, after, op.limit]).await?;
    Ok(Ok(rows.into_iter().map(|mut row| row.take()).collect::<Result<_, StoreError>>()?))
});
