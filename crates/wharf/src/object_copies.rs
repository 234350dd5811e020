//! Goes through the objects that the rows of a database name, and copies them a few at a time: for backups, restores and
//! moves to another store.

use anyhow::Context as _;
use futures::{StreamExt as _, stream};
use meta::{ListObjects, Meta, ObjectRow};

/// Rows that are read at once, and copies that are made at once.
const PAGE: usize = 1_000;
const AT_ONCE: usize = 4;

/// What became of one object.
pub(crate) enum Copied {
    Now,
    /// It was there.
    Present,
    /// Its bytes are missing or damaged.
    Problem(String),
}

/// A problem of an object, for the report.
pub(crate) fn problem_of(row: &ObjectRow, problem: &str) -> String {
    format!("{}: {problem} ({})", row.digest, row.object_key)
}

/// The next page of objects; None after the last one.
async fn next_page(rows: &Meta, after: &mut Option<i64>) -> anyhow::Result<Option<Vec<ObjectRow>>> {
    let page = rows.read(ListObjects { after: *after, limit: PAGE }).await?;
    let Some(last) = page.last() else { return Ok(None) };
    *after = Some(last.id);
    Ok(Some(page))
}

/// Calls `see` for each object.
pub(crate) async fn each_object(rows: &Meta, mut see: impl FnMut(&ObjectRow)) -> anyhow::Result<()> {
    let mut after = None;
    while let Some(page) = next_page(rows, &mut after).await? {
        page.iter().for_each(&mut see);
    }
    Ok(())
}

/// Copies each object. `see` is called for the rows of a page before they are copied, and `ended` for each object after.
pub(crate) async fn copy_each_object(
    rows: &Meta,
    mut see: impl FnMut(&ObjectRow),
    copy: impl AsyncFn(&ObjectRow) -> anyhow::Result<Copied>,
    mut ended: impl FnMut(&ObjectRow, Copied),
) -> anyhow::Result<()> {
    let (mut after, copy) = (None, &copy);
    while let Some(page) = next_page(rows, &mut after).await? {
        page.iter().for_each(&mut see);
        let copies = stream::iter(&page).map(|row| async move { (row, copy(row).await) });
        let mut copies = std::pin::pin!(copies.buffer_unordered(AT_ONCE));
        while let Some((row, copied)) = copies.next().await {
            let copied =
                copied.with_context(|| format!("cannot copy {} ({})", row.digest, row.object_key))?;
            ended(row, copied);
        }
    }
    Ok(())
}
