//! Targets of EventBridge's rules, and what routes events to them.

use aws::ids::{AccountId, Region};

use crate::{
    Never, StoreError, Tx,
    ops::{
        event_rule::{EventName, NoEventRule},
        operation,
    },
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Directory;

/// A target of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventTarget {
    /// Its ID in the rule.
    pub id: String,
    /// What gets the events.
    pub arn: String,
    /// The target in JSON, as requests have it.
    pub document: String,
}

impl EventTarget {
    fn read(mut row: Row) -> Result<Self, StoreError> {
        Ok(Self { id: row.take()?, arn: row.take()?, document: row.take()? })
    }
}

/// What the names of these targets begin with, among the targets of deliveries.
pub const RULE_TARGETS: &str = "rule/";

/// The name of a target among the targets of deliveries.
fn delivery(rule: &EventName, id: &str) -> String {
    let EventName { account_id, region, name } = rule;
    format!("{RULE_TARGETS}{account_id}/{region}/{name}/{id}")
}

/// Adds targets to a rule. A target with the same ID is replaced, and gets what waits for it.
#[derive(Clone, Debug)]
pub struct PutEventTargets<K = String> {
    /// The rule's ARN.
    pub rule: K,
    pub targets: Vec<EventTarget>,
    /// How many targets a rule may have.
    pub limit: i64,
    /// How many targets all rules of an event bus may have together.
    pub bus_limit: i64,
}

/// Why targets were not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutEventTargetsRefusal {
    /// The rule does not exist.
    NoRule,
    /// The rule would have more than it may have.
    OfRule,
    /// The rules of the event bus would have more.
    OfBus,
}

/// Holds a rule until the commit; false if it does not exist.
async fn hold(tx: &mut Tx<'_>, rule: &str) -> Result<bool, StoreError> {
    let select = tx.fork(
        "SELECT 1 FROM event_rule WHERE arn = ?1",
        "SELECT 1 FROM event_rule WHERE arn = ?1 FOR NO KEY UPDATE",
    );
    Ok(tx.row(select, &params![rule]).await?.is_some())
}

operation!(PutEventTargets<K: Key>: Durable [] -> (), PutEventTargetsRefusal, |op, tx| {
    let rule = op.rule.as_ref();
    let named = EventName::of(rule)?;
    named.lock(tx).await?;
    if !hold(tx, rule).await? {
        return Ok(Err(PutEventTargetsRefusal::NoRule));
    }
    for target in &op.targets {
        let delivery = delivery(&named, &target.id);
        let put = "INSERT INTO event_target (rule, id, arn, document, delivery) VALUES (?1, ?2, ?3, ?4, ?5) \
            ON CONFLICT (rule, id) DO UPDATE SET arn = excluded.arn, document = excluded.document";
        tx.execute(put, &params![rule, target.id, target.arn, target.document, delivery]).await?;
        tx.execute("DELETE FROM removed_event_target WHERE delivery = ?1", &params![delivery]).await?;
    }
    let of_rule = "SELECT COUNT(*) FROM event_target WHERE rule = ?1";
    if tx.value::<i64>(of_rule, &params![rule]).await?.unwrap_or_default() > op.limit {
        return Ok(Err(PutEventTargetsRefusal::OfRule));
    }
    let of_bus = "SELECT COUNT(*) FROM event_target t JOIN event_rule r ON r.arn = t.rule \
        WHERE r.account_id = ?1 AND r.region = ?2";
    let count = tx.value::<i64>(of_bus, &params![named.account_id, named.region]).await?.unwrap_or_default();
    Ok(if count > op.bus_limit { Err(PutEventTargetsRefusal::OfBus) } else { Ok(()) })
});

/// Removes targets from a rule; returns the IDs that it did not have. What waits for them is removed later.
#[derive(Clone, Debug)]
pub struct RemoveEventTargets<K = String> {
    /// The rule's ARN.
    pub rule: K,
    pub ids: Vec<String>,
}

operation!(RemoveEventTargets<K: Key>: Durable [] -> Vec<String>, NoEventRule, |op, tx| {
    let rule = op.rule.as_ref();
    if !hold(tx, rule).await? {
        return Ok(Err(NoEventRule));
    }
    let mut missing = Vec::new();
    for id in &op.ids {
        let delete = "DELETE FROM event_target WHERE rule = ?1 AND id = ?2 RETURNING delivery";
        let Some(mut row) = tx.row(delete, &params![rule, id]).await? else {
            missing.push(id.clone());
            continue;
        };
        let insert = "INSERT INTO removed_event_target (delivery) VALUES (?1) ON CONFLICT (delivery) DO NOTHING";
        tx.execute(insert, &params![row.take::<String>()?]).await?;
    }
    Ok(Ok(missing))
});

/// Lists the targets of a rule by ID.
#[derive(Clone, Debug)]
pub struct ListEventTargets {
    /// The rule's ARN.
    pub rule: String,
    /// Begins after this ID.
    pub after: String,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListEventTargets: Point -> Vec<EventTarget>, Never, |op, tx| {
    let select = "SELECT id, arn, document FROM event_target WHERE rule = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
    let rows = tx.rows(select, &params![op.rule, op.after, op.limit]).await?;
    Ok(Ok(rows.into_iter().map(EventTarget::read).collect::<Result<_, _>>()?))
});

/// Lists the names of the rules that have a target with this ARN.
#[derive(Clone, Debug)]
pub struct ListRuleNamesByTarget {
    pub account_id: AccountId,
    pub region: Region,
    pub target_arn: String,
    /// Begins after this name.
    pub after: String,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListRuleNamesByTarget: Point -> Vec<String>, Never, |op, tx| {
    let select = "SELECT DISTINCT r.name FROM event_target t JOIN event_rule r ON r.arn = t.rule \
        WHERE t.arn = ?1 AND r.account_id = ?2 AND r.region = ?3 AND r.name > ?4 ORDER BY r.name LIMIT ?5";
    let rows = tx.rows(select, &params![op.target_arn, op.account_id, op.region, op.after, op.limit]).await?;
    Ok(Ok(rows.into_iter().map(|mut row| row.take()).collect::<Result<_, _>>()?))
});

/// Where events of an account in a Region may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRoute {
    /// The pattern of the rule.
    pub pattern: String,
    /// The target of deliveries.
    pub target: String,
}

/// Lists the targets of the enabled rules, in the order of the rules.
#[derive(Clone, Debug)]
pub struct ListEventRoutes {
    pub account_id: String,
    pub region: String,
}

operation!(ListEventRoutes: Point -> Vec<EventRoute>, Never, |op, tx| {
    let select = "SELECT r.pattern, t.delivery FROM event_rule r JOIN event_target t ON t.rule = r.arn \
        WHERE r.account_id = ?1 AND r.region = ?2 AND r.state <> 'DISABLED' ORDER BY r.name, t.id";
    let rows = tx.rows(select, &params![op.account_id, op.region]).await?;
    let route = |mut row: Row| Ok(EventRoute { pattern: row.take()?, target: row.take()? });
    Ok(Ok(rows.into_iter().map(route).collect::<Result<_, StoreError>>()?))
});

/// A target of deliveries with its rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutedTarget {
    pub account_id: AccountId,
    pub region: Region,
    pub rule_arn: String,
    pub rule_name: String,
    pub target: EventTarget,
}

/// Finds a target by its name among the targets of deliveries.
#[derive(Clone, Debug)]
pub struct FindRoutedTarget {
    pub delivery: String,
}

operation!(FindRoutedTarget: Point -> Option<RoutedTarget>, Never, |op, tx| {
    let select = "SELECT r.account_id, r.region, r.arn, r.name, t.id, t.arn, t.document \
        FROM event_target t JOIN event_rule r ON r.arn = t.rule WHERE t.delivery = ?1";
    let Some(mut row) = tx.row(select, &params![op.delivery]).await? else { return Ok(Ok(None)) };
    let (account_id, region, rule_arn) = (row.take()?, row.take()?, row.take()?);
    let rule_name = row.take()?;
    Ok(Ok(Some(RoutedTarget { account_id, region, rule_arn, rule_name, target: EventTarget::read(row)? })))
});

/// Lists targets that were removed, and for which deliveries or dead letters may be left.
#[derive(Clone, Copy, Debug)]
pub struct ListRemovedEventTargets {
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListRemovedEventTargets: Point -> Vec<String>, Never, |op, tx| {
    let select = "SELECT delivery FROM removed_event_target ORDER BY delivery LIMIT ?1";
    let rows = tx.rows(select, &params![op.limit]).await?;
    Ok(Ok(rows.into_iter().map(|mut row| row.take()).collect::<Result<_, _>>()?))
});
