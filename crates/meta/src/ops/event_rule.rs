//! Rules of EventBridge. A rule is named by its ARN, which also says its account and Region.

use aws::{
    arn::Arn,
    ids::{AccountId, Region},
};

use crate::{
    Micros, Never, StoreError, Tx,
    ops::{account::lock_account_where, iam_tag::put_tag, operation},
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Directory;

/// The state of a rule that gets no events.
pub const DISABLED: &str = "DISABLED";

/// The parts of the ARN of a rule, a connection or an API destination.
pub(crate) struct EventName {
    pub(crate) account_id: AccountId,
    pub(crate) region: String,
    pub(crate) name: String,
}

impl EventName {
    /// From `arn:aws:events:REGION:ACCOUNT:KIND/NAME`.
    pub(crate) fn of(arn: &str) -> Result<Self, StoreError> {
        let bug = || StoreError::Bug("not an ARN of EventBridge");
        let arn: Arn = arn.parse().map_err(|_| bug())?;
        let (_, name) = arn.resource.split_once('/').ok_or_else(bug)?;
        let (account_id, name) = (arn.account_id().ok_or_else(bug)?, name.to_owned());
        Ok(Self { account_id, region: arn.region, name })
    }

    /// Of concurrent requests, the second counts what the first has written.
    pub(crate) async fn lock(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        lock_account_where(tx, "account_id = ?1", &params![self.account_id]).await
    }

    /// How many rows of a table the account has in the Region.
    pub(crate) async fn count(&self, tx: &mut Tx<'_>, table: &'static str) -> Result<i64, StoreError> {
        let count = format!("SELECT COUNT(*) FROM {table} WHERE account_id = ?1 AND region = ?2");
        Ok(tx.value(&count, &params![self.account_id, self.region]).await?.unwrap_or_default())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRule {
    pub arn: String,
    pub name: String,
    /// The event pattern.
    pub pattern: String,
    /// EventBridge's name of its state.
    pub state: String,
    pub description: Option<String>,
    pub role_arn: Option<String>,
    /// The account that created it.
    pub created_by: String,
}

const SELECT: &str = "SELECT arn, name, pattern, state, description, role_arn, created_by FROM event_rule";

impl EventRule {
    fn read(mut row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            arn: row.take()?,
            name: row.take()?,
            pattern: row.take()?,
            state: row.take()?,
            description: row.take()?,
            role_arn: row.take()?,
            created_by: row.take()?,
        })
    }
}

/// Creates or replaces a rule. Its targets and the tags of an existing rule stay.
#[derive(Clone, Debug)]
pub struct PutEventRule<K = String> {
    pub arn: K,
    pub pattern: String,
    pub state: String,
    pub description: Option<String>,
    pub role_arn: Option<String>,
    /// Of a new rule.
    pub tags: Vec<(String, String)>,
    /// How many rules an event bus may have.
    pub limit: i64,
    /// Now.
    pub at: Micros,
}

/// The event bus has as many rules as it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyEventRules;

operation!(PutEventRule<K: Key>: Durable [Identity] -> (), TooManyEventRules, |op, tx| {
    let arn = op.arn.as_ref();
    let named = EventName::of(arn)?;
    let update = "UPDATE event_rule SET pattern = ?2, state = ?3, description = ?4, role_arn = ?5, updated_at = ?6 \
        WHERE arn = ?1";
    let values = params![arn, op.pattern, op.state, op.description, op.role_arn, op.at];
    if tx.execute(update, &values).await? == 1 {
        return Ok(Ok(()));
    }
    named.lock(tx).await?;
    if named.count(tx, "event_rule").await? >= op.limit {
        return Ok(Err(TooManyEventRules));
    }
    let insert = "INSERT INTO event_rule (arn, account_id, region, name, pattern, state, description, role_arn, \
        created_by, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?2, ?9, ?9) \
        ON CONFLICT (arn) DO UPDATE SET pattern = excluded.pattern, state = excluded.state, \
        description = excluded.description, role_arn = excluded.role_arn, updated_at = excluded.updated_at";
    tx.execute(insert, &params![arn, named.account_id, named.region, named.name, op.pattern, op.state,
        op.description, op.role_arn, op.at]).await?;
    for (key, value) in &op.tags {
        put_tag(tx, arn, key, value).await?;
    }
    Ok(Ok(()))
});

#[derive(Clone, Debug)]
pub struct FindEventRule {
    pub arn: String,
}

operation!(FindEventRule: Point -> Option<EventRule>, Never, |op, tx| {
    let row = tx.row(&format!("{SELECT} WHERE arn = ?1"), &params![op.arn]).await?;
    Ok(Ok(row.map(EventRule::read).transpose()?))
});

/// A part of a list of an account in a Region, by name.
#[derive(Clone, Debug)]
pub struct EventPage {
    pub account_id: AccountId,
    pub region: Region,
    /// Only names that begin with it.
    pub prefix: String,
    /// Begins after this name.
    pub after: String,
    /// The maximum number of results.
    pub limit: usize,
}

impl EventPage {
    pub(crate) async fn rows(&self, tx: &mut Tx<'_>, select: &str) -> Result<Vec<Row>, StoreError> {
        let select = format!(
            "{select} WHERE account_id = ?1 AND region = ?2 AND name > ?3 AND substr(name, 1, length(?4)) = ?4 \
             ORDER BY name LIMIT ?5"
        );
        let values = params![self.account_id, self.region, self.after, self.prefix, self.limit];
        tx.rows(&select, &values).await
    }
}

/// Lists rules.
#[derive(Clone, Debug)]
pub struct ListEventRules(pub EventPage);

operation!(ListEventRules: Point -> Vec<EventRule>, Never, |op, tx| {
    let rows = op.0.rows(tx, SELECT).await?;
    Ok(Ok(rows.into_iter().map(EventRule::read).collect::<Result<_, _>>()?))
});

/// Enables or disables a rule.
#[derive(Clone, Debug)]
pub struct SetEventRuleState<K = String> {
    pub arn: K,
    pub state: &'static str,
    /// Now.
    pub at: Micros,
}

/// The rule does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoEventRule;

operation!(SetEventRuleState<K: Key>: Durable [] -> (), NoEventRule, |op, tx| {
    let update = "UPDATE event_rule SET state = ?2, updated_at = ?3 WHERE arn = ?1";
    let changed = tx.execute(update, &params![op.arn.as_ref(), op.state, op.at]).await?;
    Ok(if changed == 1 { Ok(()) } else { Err(NoEventRule) })
});

/// Deletes a rule that has no targets, with its tags. A rule that does not exist is not an error.
#[derive(Clone, Debug)]
pub struct DeleteEventRule<K = String> {
    pub arn: K,
}

/// The rule has targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventRuleHasTargets;

operation!(DeleteEventRule<K: Key>: Durable [Identity] -> (), EventRuleHasTargets, |op, tx| {
    let arn = op.arn.as_ref();
    // On PostgreSQL a request that adds a target holds the row until its commit.
    let lock = tx.fork("SELECT 1 FROM event_rule WHERE arn = ?1", "SELECT 1 FROM event_rule WHERE arn = ?1 FOR UPDATE");
    tx.row(lock, &params![arn]).await?;
    if tx.row("SELECT 1 FROM event_target WHERE rule = ?1 LIMIT 1", &params![arn]).await?.is_some() {
        return Ok(Err(EventRuleHasTargets));
    }
    tx.execute("DELETE FROM event_rule WHERE arn = ?1", &params![arn]).await?;
    tx.execute("DELETE FROM iam_tag WHERE owner = ?1", &params![arn]).await?;
    Ok(Ok(()))
});
