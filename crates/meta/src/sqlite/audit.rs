//! Whether each operation names all that it changes: triggers report the rows that it wrote, and each row belongs to a
//! scope. Every write of the tests of this crate is audited.

use rusqlite::Connection;

use crate::{RegistryKey, RepositoryKey, Scope};

/// To which scope the rows of a table belong.
enum Rows {
    /// Nothing that is kept comes from them.
    Nobody,
    Identity,
    /// Of the registry in this column.
    Registry(&'static str),
    /// Of the repository in `registry` and this column.
    Repository(&'static str),
    Contents,
}

use Rows::{Contents, Identity, Nobody, Registry, Repository};

/// Each table with the scope of its rows, and the columns whose updates count: `*` for all,
/// nothing for none. Inserts and deletions always count.
const TABLES: &[(&str, Rows, &str)] = &[
    ("access_key", Identity, "id, owner, active, sealed_secret"),
    ("account", Identity, "key, account_id, name, status, in_organization, unit_path"),
    ("account_alias", Nobody, "*"),
    ("account_creation", Nobody, "*"),
    ("account_setting", Registry("registry"), "*"),
    ("account_tag", Nobody, "*"),
    ("api_destination", Nobody, "*"),
    ("blob_link", Contents, "*"),
    ("collection", Nobody, "*"),
    ("credential_report", Nobody, "*"),
    ("creation_template", Nobody, "*"),
    ("dead_letter", Nobody, "*"),
    ("delivery", Nobody, "*"),
    ("delivery_target", Nobody, "*"),
    ("doomed", Nobody, "*"),
    ("event_connection", Nobody, "*"),
    ("event_rule", Nobody, "*"),
    ("event_target", Nobody, "*"),
    ("group_member", Identity, "*"),
    ("iam_tag", Identity, "*"),
    ("identity_policy_inline", Identity, "*"),
    ("identity_policy_managed", Identity, "*"),
    ("image", Contents, "*"),
    ("image_blob", Nobody, "*"),
    ("image_child", Nobody, "*"),
    ("image_pull", Nobody, "*"),
    ("image_scan", Nobody, "*"),
    ("in_use_digest", Nobody, "*"),
    ("in_use_report", Nobody, "*"),
    ("instance_profile", Nobody, "*"),
    ("lifecycle_action", Nobody, "*"),
    ("lifecycle_policy", Nobody, "*"),
    ("lifecycle_preview", Nobody, "*"),
    ("lifecycle_preview_result", Nobody, "*"),
    ("link_review", Nobody, "*"),
    ("login_profile", Nobody, "*"),
    ("managed_policy", Identity, "*"),
    ("managed_policy_version", Identity, "*"),
    ("manifest_body", Nobody, "*"),
    // Each answer with a row of it comes from a link, and a link keeps its object.
    ("object", Nobody, "*"),
    ("mfa_device", Nobody, "*"),
    ("object_move", Nobody, "*"),
    ("object_review", Nobody, "*"),
    ("oidc_provider", Nobody, "*"),
    ("organizational_unit", Nobody, "*"),
    ("outbox", Nobody, "*"),
    ("password_policy", Nobody, "*"),
    ("placement", Nobody, "*"),
    ("principal", Identity, "*"),
    ("public_registry", Nobody, "*"),
    ("pull_through_cache_rule", Nobody, "*"),
    ("pull_time_exclusion", Nobody, "*"),
    ("reconciler", Nobody, "*"),
    ("reference_backfill", Nobody, "*"),
    // That an account has no registry in a Region is kept with its callers. The number of repositories is not kept.
    ("registry", Identity, ""),
    ("registry", Registry("key"), "account, region, policy_version, pull_through_cache_rules"),
    ("registry_policy", Registry("registry"), "*"),
    ("removed_event_target", Nobody, "*"),
    (
        "repository",
        Repository("id"),
        "name, created_at, deleted_at, mutability, exclusion_filters, scan_on_push, encryption_type, kms_key, \
         policy_version, tags_version",
    ),
    ("replication", Nobody, "*"),
    ("replication_backfill", Nobody, "*"),
    ("replication_backfill_item", Nobody, "*"),
    ("replication_configuration", Nobody, "*"),
    ("replication_destination", Nobody, "*"),
    ("replication_peer", Nobody, "*"),
    ("replication_rule", Nobody, "*"),
    ("repository_catalog_data", Nobody, "*"),
    ("repository_policy", Repository("repository"), "*"),
    ("repository_redirect", Nobody, "*"),
    ("repository_usage", Nobody, "*"),
    ("repository_tag", Repository("repository"), "*"),
    ("role", Nobody, "*"),
    ("scanning_configuration", Nobody, "*"),
    ("schema_migration", Nobody, "*"),
    ("secret", Nobody, "*"),
    ("secret_value", Nobody, "*"),
    ("tag_history", Nobody, "*"),
    ("session_context", Nobody, "*"),
    ("setting", Nobody, "*"),
    ("setting_change", Nobody, "*"),
    ("settings_replication", Nobody, "*"),
    ("store_check", Nobody, "*"),
    ("store_check_finding", Nobody, "*"),
    ("tag", Contents, "*"),
    ("upload", Nobody, "*"),
    ("upstream_tag", Nobody, "*"),
    ("work", Nobody, "*"),
];

impl Rows {
    /// The kind of scope, and its keys in a row.
    fn keys(&self, row: &str) -> Option<(&'static str, String, String)> {
        let of = |column: &str| format!("{row}.{column}");
        Some(match self {
            Nobody => return None,
            Identity => ("identity", "0".into(), "0".into()),
            Registry(column) => ("registry", of(column), "0".into()),
            Repository(column) => ("repository", of("registry"), of(column)),
            Contents => ("contents", of("registry"), of("repository")),
        })
    }
}

fn triggers(table: &str, rows: &Rows, columns: &str) -> String {
    let mut events = vec![("INSERT".to_owned(), "new"), ("DELETE".to_owned(), "old")];
    if !columns.is_empty() {
        let update = if columns == "*" { "UPDATE".to_owned() } else { format!("UPDATE OF {columns}") };
        events.extend([(update.clone(), "new"), (update, "old")]);
    }
    let trigger = |(at, (event, row)): (usize, &(String, &str))| {
        let (kind, registry, id) = rows.keys(row)?;
        Some(format!(
            "CREATE TEMP TRIGGER audit_{table}_{kind}_{at} AFTER {event} ON main.{table} BEGIN \
             INSERT INTO audit SELECT '{table}', '{kind}', {registry}, {id}; END;"
        ))
    };
    events.iter().enumerate().filter_map(trigger).collect()
}

/// Has the rows that this connection changes reported. A table without a scope fails every test.
pub(super) fn start(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .execute_batch("CREATE TEMP TABLE audit (name TEXT, kind TEXT, registry INTEGER, id INTEGER)")?;
    let list = "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let mut tables = connection.prepare(list)?;
    for name in tables.query_map([], |row| row.get::<_, String>(0))? {
        let name = name?;
        let of_table = || TABLES.iter().filter(|(table, ..)| *table == name);
        assert!(of_table().count() > 0, "the table {name} has no scope");
        for (table, rows, columns) in of_table() {
            connection.execute_batch(&triggers(table, rows, columns))?;
        }
    }
    Ok(())
}

/// The rows that an operation changed beyond the scopes that it names. Forgets all that was reported.
pub(super) fn unnamed(connection: &Connection, named: &[Scope]) -> rusqlite::Result<Vec<(String, Scope)>> {
    let mut select =
        connection.prepare_cached("DELETE FROM temp.audit RETURNING name, kind, registry, id")?;
    let changed = select.query_map([], |row| {
        let (registry, id) = (RegistryKey(row.get(2)?), row.get(3)?);
        let key = RepositoryKey { registry, id };
        let scope = match row.get::<_, String>(1)?.as_str() {
            "registry" => Scope::Registry(registry),
            "repository" => Scope::Repository(key),
            "contents" => Scope::Contents(key),
            _ => Scope::Identity,
        };
        Ok((row.get::<_, String>(0)?, scope))
    })?;
    let changed = changed.collect::<rusqlite::Result<Vec<_>>>()?;
    let is_named = |scope: &Scope| named.iter().any(|named| named == scope || *named == Scope::Everything);
    Ok(changed.into_iter().filter(|(_, scope)| !is_named(scope)).collect())
}
