//! Dead letters: deliveries that were given up. They can be listed and delivered again.

use crate::{
    Micros, Never, StoreError, Tx,
    ops::operation,
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// A delivery that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    pub sequence: i64,
    /// When the event happened.
    pub at: Micros,
    /// How often it was tried.
    pub attempts: i64,
    pub body: String,
    /// When it was given up.
    pub died_at: Micros,
    /// Why.
    pub error: String,
}

/// Lists dead letters of a target, the oldest first.
#[derive(Clone, Debug)]
pub struct ListDeadLetters {
    pub target: String,
    /// Begins after this one.
    pub after: i64,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListDeadLetters: Point -> Vec<DeadLetter>, Never, |op, tx| {
    let select = "SELECT sequence, at, attempts, body, died_at, error FROM dead_letter \
                  WHERE target = ?1 AND sequence > ?2 ORDER BY sequence LIMIT ?3";
    let rows = tx.rows(select, &params![op.target, op.after, op.limit]).await?;
    let letter = |mut row: Row| {
        let (sequence, at, attempts) = (row.take()?, row.take()?, row.take()?);
        Ok(DeadLetter { sequence, at, attempts, body: row.take()?, died_at: row.take()?, error: row.take()? })
    };
    Ok(Ok(rows.into_iter().map(letter).collect::<Result<_, StoreError>>()?))
});

/// Delivers dead letters of a target again; returns how many. Each begins with its first attempt, and its age counts
/// from now.
#[derive(Clone, Debug)]
pub struct ReplayDeadLetters {
    pub target: String,
    /// One of them; None: all.
    pub sequence: Option<i64>,
    /// Now.
    pub at: Micros,
    /// The maximum number.
    pub limit: usize,
}

operation!(ReplayDeadLetters: Durable [] -> u64, Never, |op, tx| {
    let take = "DELETE FROM dead_letter WHERE target = ?1 AND sequence IN \
                (SELECT sequence FROM dead_letter WHERE target = ?1 AND sequence BETWEEN ?2 AND ?3 \
                 ORDER BY sequence LIMIT ?4) RETURNING sequence, body";
    let (first, last) = op.sequence.map_or((0, i64::MAX), |one| (one, one));
    let rows = tx.rows(take, &params![op.target, first, last, op.limit]).await?;
    let count = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    for mut row in rows {
        let (sequence, body): (i64, String) = (row.take()?, row.take()?);
        let insert = "INSERT INTO delivery (target, sequence, at, attempts, body) VALUES (?1, ?2, ?3, 0, ?4) \
                      ON CONFLICT (target, sequence) DO NOTHING";
        tx.execute(insert, &params![op.target, sequence, op.at, body]).await?;
    }
    let update = "UPDATE delivery_target SET waiting = waiting + ?2, dead = dead - ?2, retry_at = 0 WHERE target = ?1";
    tx.execute(update, &params![op.target, count]).await?;
    Ok(Ok(count))
});

/// Writes a dead letter, and removes the oldest one if there are too many.
pub(crate) async fn bury(
    tx: &mut Tx<'_>,
    target: &str,
    letter: &DeadLetter,
    most: i64,
) -> Result<(), StoreError> {
    let insert = "INSERT INTO dead_letter (target, sequence, at, attempts, body, died_at, error) \
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let DeadLetter { sequence, at, attempts, body, died_at, error } = letter;
    tx.execute(insert, &params![target, *sequence, *at, *attempts, body, *died_at, error]).await?;
    let count = "UPDATE delivery_target SET dead = dead + 1 WHERE target = ?1 AND dead < ?2";
    if tx.execute(count, &params![target, most]).await? == 1 {
        return Ok(());
    }
    let delete = "DELETE FROM dead_letter WHERE target = ?1 AND sequence = \
                  (SELECT MIN(sequence) FROM dead_letter WHERE target = ?1)";
    tx.execute(delete, &params![target]).await?;
    tx.execute("UPDATE delivery_target SET dropped = dropped + 1 WHERE target = ?1", &params![target])
        .await?;
    Ok(())
}
