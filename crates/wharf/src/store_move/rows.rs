//! Copies all rows to an empty database, and compares them. Each table is copied in the order of its keys, so the greatest
//! key in the destination says where an interrupted copy goes on.

use anyhow::{Context as _, bail};
use meta::{LastTableKey, Meta, ReadTable, Table, WriteTable};

use super::Progress;

/// Copies the rows that the destination does not have.
pub(crate) async fn copy_rows(
    from: &Meta,
    to: &Meta,
    tables: &[Table],
    progress: &Progress,
) -> anyhow::Result<()> {
    for table in tables {
        let mut after = to.read(LastTableKey { table: table.clone() }).await?;
        loop {
            let rows = from.read(ReadTable { table: table.clone(), after }).await?;
            let Some(last) = rows.last() else { break };
            after = Some(table.key_of(last));
            let count = rows.len() as u64;
            let written = to.write(WriteTable { table: table.clone(), rows }).await;
            written.with_context(|| format!("cannot write rows of {}", table.name))?;
            progress.rows(count);
        }
    }
    Ok(())
}

/// Compares all rows, with all their columns. Returns how many there are.
pub(crate) async fn compare_rows(
    from: &Meta,
    to: &Meta,
    tables: &[Table],
    progress: &Progress,
) -> anyhow::Result<u64> {
    let mut all = 0;
    for table in tables {
        let mut after = None;
        loop {
            let read = ReadTable { table: table.clone(), after };
            let (rows, others) = tokio::try_join!(from.read(read.clone()), to.read(read))?;
            if rows != others {
                let at = rows.iter().zip(&others).position(|(row, other)| row != other);
                let row = at.and_then(|at| rows.get(at)).or(rows.last()).or(others.last());
                let key = row.map(|row| table.key_of(row));
                bail!(
                    "the rows of the table {} differ, at or after the key {key:?}: empty the destination, and begin again",
                    table.name
                );
            }
            let Some(last) = rows.last() else { break };
            after = Some(table.key_of(last));
            all += rows.len() as u64;
            progress.compared(rows.len() as u64);
        }
    }
    Ok(all)
}
