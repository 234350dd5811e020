//! Copies the objects that the rows of a database name to a backup or from it, a few at a time.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use blob::{AppendError, ObjectKey, OpenError, Store, Vault};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use meta::{Meta, ObjectRow};
use oci::digest::{Digest, Hasher};

use super::place::BackupPlace;
use crate::object_copies::{Copied, copy_each_object, problem_of};

const PROGRESS: Duration = Duration::from_secs(5);

/// The folders of bytes of a store.
#[derive(Clone, Debug)]
pub(crate) struct Roots {
    pub(crate) standard: PathBuf,
    pub(crate) archive: Option<PathBuf>,
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
    fn add(&mut self, row: &ObjectRow, copied: Copied) {
        self.objects += 1;
        self.bytes += row.size;
        match copied {
            Copied::Now => {
                self.copied_objects += 1;
                self.copied_bytes += row.size;
            }
            Copied::Present => {}
            Copied::Problem(problem) => self.problems.push(problem_of(row, &problem)),
        }
    }

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

/// Copies all objects that the rows name to a backup, which may have some of them. `see` is called for each row. An object
/// whose bytes are missing or damaged is a problem, and the others are copied.
pub(crate) async fn save_objects(
    rows: &Meta,
    (from, to): (&Store, &BackupPlace),
    see: impl FnMut(&ObjectRow),
) -> anyhow::Result<Outcome> {
    with_progress(rows, see, async |row: &ObjectRow| save(from, to, row).await).await
}

/// Copies all objects that the rows name from a backup to a new store.
pub(crate) async fn restore_objects(
    rows: &Meta,
    (from, to): (&BackupPlace, &Store),
) -> anyhow::Result<Outcome> {
    with_progress(rows, |_| {}, async |row: &ObjectRow| restore(from, to, row).await).await
}

async fn with_progress(
    rows: &Meta,
    see: impl FnMut(&ObjectRow),
    copy: impl AsyncFn(&ObjectRow) -> anyhow::Result<Copied>,
) -> anyhow::Result<Outcome> {
    let (mut outcome, mut told) = (Outcome::default(), Instant::now());
    let ended = |row: &ObjectRow, copied| {
        outcome.add(row, copied);
        if told.elapsed() > PROGRESS {
            told = Instant::now();
            outcome.tell();
        }
    };
    copy_each_object(rows, see, copy, ended).await?;
    Ok(outcome)
}

fn key_of(row: &ObjectRow) -> anyhow::Result<ObjectKey> {
    row.object_key.parse().with_context(|| format!("the key of {}", row.digest))
}

fn has_digest(found: &Digest) -> String {
    format!("its bytes have the digest {found}")
}

async fn save(from: &Store, to: &BackupPlace, row: &ObjectRow) -> anyhow::Result<Copied> {
    let key = key_of(row)?;
    if to.has(&key, row.size).await? {
        return Ok(Copied::Present);
    }
    let content = match from.open(&key, 0, row.size).await {
        Ok(content) => content,
        Err(error) => return missing(error),
    };
    // The digest is compared before the copy gets its name.
    let (sender, problem) = std::sync::mpsc::channel();
    let state = (content.into_stream(), Hasher::new(row.digest.algorithm()), row.digest, sender);
    let body = stream::try_unfold(state, |(mut body, mut hasher, digest, sender)| async move {
        if let Some(bytes) = body.next().await {
            let bytes: Bytes = bytes?;
            hasher.update(&bytes);
            return Ok(Some((bytes, (body, hasher, digest, sender))));
        }
        let found = hasher.finish();
        if found == digest {
            return Ok(None);
        }
        // The reader may have gone away.
        let _ = sender.send(has_digest(&found));
        Err(io::Error::new(io::ErrorKind::InvalidData, "the object has another digest"))
    });
    match to.write(&Vault::name_of(&key), body.boxed()).await {
        Ok(()) => Ok(Copied::Now),
        Err(error) => match problem.try_recv() {
            Ok(problem) => Ok(Copied::Problem(problem)),
            Err(_) => Err(error.into()),
        },
    }
}

fn missing(error: OpenError) -> anyhow::Result<Copied> {
    match error {
        OpenError::Missing => Ok(Copied::Problem("its bytes are missing".to_owned())),
        OpenError::Truncated { len, .. } => Ok(Copied::Problem(format!("its file has {len} bytes"))),
        OpenError::Io(error) => Err(error.into()),
    }
}

async fn restore(from: &BackupPlace, to: &Store, row: &ObjectRow) -> anyhow::Result<Copied> {
    let key = key_of(row)?;
    let mut body = match from.read(&Vault::name_of(&key)).await {
        Ok(Some(body)) => body,
        Ok(None) => return missing(OpenError::Missing),
        Err(error) => return damaged(error),
    };
    let begun = to.begin(row.digest.algorithm());
    let stage = match to.append(&key, begun, &mut body, Some(row.size)).await {
        Ok(appended) => appended.stage,
        Err(AppendError::Body { source, .. }) => return damaged(source),
        Err(AppendError::TooLarge { .. }) => return Ok(Copied::Problem("its copy is too long".to_owned())),
        Err(AppendError::DiskFull(error) | AppendError::Io(error)) => return Err(error.into()),
        Err(error) => anyhow::bail!("{error}"),
    };
    if stage.digest() != row.digest {
        return Ok(Copied::Problem(has_digest(&stage.digest())));
    }
    to.finish(&key, &stage).await?;
    Ok(Copied::Now)
}

/// What cannot be decrypted is a problem of this object.
fn damaged(error: io::Error) -> anyhow::Result<Copied> {
    if error.kind() == io::ErrorKind::InvalidData {
        return Ok(Copied::Problem(error.to_string()));
    }
    Err(error.into())
}
