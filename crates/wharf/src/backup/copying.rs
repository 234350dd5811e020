//! Copies the objects that the rows of a database name, a few at a time.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use blob::disk::{TransferError, transfer};
use blob::{ObjectKey, Place};
use futures::{StreamExt as _, stream};
use meta::{ListObjects, Meta, ObjectRow};

/// Rows that are read at once, and copies that are made at once.
const PAGE: usize = 1_000;
const AT_ONCE: usize = 4;

const PROGRESS: Duration = Duration::from_secs(5);

/// The folders of bytes of one store or backup.
#[derive(Clone, Debug)]
pub(crate) struct Roots {
    pub(crate) standard: PathBuf,
    pub(crate) archive: Option<PathBuf>,
}

impl Roots {
    fn of(&self, place: Place) -> anyhow::Result<&Path> {
        match place {
            Place::Standard => Ok(&self.standard),
            Place::Archive => {
                self.archive.as_deref().context("layers are in the archive, which has no folder")
            }
        }
    }
}

/// What the rows name, and what was copied.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) objects: u64,
    pub(crate) bytes: u64,
    pub(crate) copied_objects: u64,
    pub(crate) copied_bytes: u64,
    /// Objects without their bytes.
    pub(crate) problems: Vec<String>,
}

impl Outcome {
    /// Progress is not part of the result.
    #[expect(clippy::print_stderr, reason = "standard output has only the result")]
    fn tell(&self) {
        let Self { objects, bytes, copied_objects, copied_bytes, problems } = self;
        eprintln!(
            "{objects} objects of {bytes} bytes, {copied_objects} of {copied_bytes} bytes copied; problems: {}",
            problems.len()
        );
    }
}

/// Copies all objects that the rows name from one store to another, which may have some of them. `see` is called for each
/// row. An object whose bytes are missing or damaged is a problem, and the others are copied.
pub(crate) async fn copy_objects(
    meta: &Meta,
    (from, to): (&Roots, &Roots),
    mut see: impl FnMut(&ObjectRow) -> io::Result<()>,
) -> anyhow::Result<Outcome> {
    let (mut copied, mut after, mut told) = (Outcome::default(), None, Instant::now());
    loop {
        let page = meta.read(ListObjects { after, limit: PAGE }).await?;
        let Some(last) = page.last() else { return Ok(copied) };
        after = Some(last.id);
        for row in &page {
            see(row)?;
        }
        let mut copies = stream::iter(page).map(|row| copy(from, to, row)).buffer_unordered(AT_ONCE);
        while let Some(copy) = copies.next().await {
            let (row, outcome) = copy?;
            copied.objects += 1;
            copied.bytes += row.size;
            match outcome {
                Ok(true) => {
                    copied.copied_objects += 1;
                    copied.copied_bytes += row.size;
                }
                Ok(false) => {}
                Err(TransferError::Io(error)) => {
                    return Err(error)
                        .with_context(|| format!("cannot copy {} ({})", row.digest, row.object_key));
                }
                Err(error) => copied.problems.push(format!("{}: {error} ({})", row.digest, row.object_key)),
            }
            if told.elapsed() > PROGRESS {
                told = Instant::now();
                copied.tell();
            }
        }
    }
}

async fn copy(
    from: &Roots,
    to: &Roots,
    row: ObjectRow,
) -> anyhow::Result<(ObjectRow, Result<bool, TransferError>)> {
    let key: ObjectKey = row.object_key.parse().with_context(|| format!("the key of {}", row.digest))?;
    let (from, to) = (from.of(key.place())?.to_owned(), to.of(key.place())?.to_owned());
    let (digest, size) = (row.digest, row.size);
    let job = tokio::task::spawn_blocking(move || transfer((&from, &to), &key, &digest, size));
    Ok((row, job.await?))
}
