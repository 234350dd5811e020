//! How the floor of pushes receives a layer: the bytes are hashed and written as they come, and durable at the end.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use anyhow::{Context as _, Result, anyhow, bail};
use sha2::{Digest as _, Sha256};

/// The size of a read and a write: small enough to stay in the processor's cache, large enough for few calls.
const BUFFER_BYTES: usize = 256 * 1024;

/// The buffers of a connection, which the thread that receives and the one that hashes pass to each other.
const MOST_BUFFERS: usize = 8;

/// A body of more bytes is worth a thread that hashes beside.
const LARGE_BYTES: u64 = 4 * 1024 * 1024;

/// After this many bytes a sync begins in the background, so that the last one is short.
const SYNC_EVERY_BYTES: u64 = 16 * 1024 * 1024;

/// The buffers of a connection, kept for its next body: the pages of new ones would cost a fault each.
#[derive(Default)]
pub(super) struct Buffers {
    free: Vec<Vec<u8>>,
    made: usize,
}

impl Buffers {
    fn take(&mut self) -> Option<Vec<u8>> {
        if self.free.is_empty() && self.made < MOST_BUFFERS {
            self.made += 1;
            return Some(vec![0; BUFFER_BYTES]);
        }
        self.free.pop()
    }
}

/// Receives `length` bytes, of which `rest` have been read already, into a new file; returns their digest. The file is
/// synced on return. A large body that is alone is hashed on a thread of its own. For a small one, or beside others, that
/// would only cost.
pub(super) fn receive(
    stream: &mut impl Read,
    path: &Path,
    rest: &[u8],
    length: u64,
    buffers: &mut Buffers,
    is_alone: bool,
) -> Result<String> {
    let file = File::create(path)?;
    let left = length.checked_sub(rest.len() as u64).context("more bytes than the length of the body")?;
    let body = &mut rest.chain(stream.take(left));
    let hash = if is_alone && length > LARGE_BYTES {
        beside(body, &file, length, buffers)?
    } else {
        in_turn(body, &file, length, buffers)?
    };
    file.sync_data()?;
    Ok(format!("sha256:{}", hex::encode(hash.finalize())))
}

/// Receives, hashes and writes in this thread.
fn in_turn(body: &mut impl Read, mut file: &File, length: u64, buffers: &mut Buffers) -> Result<Sha256> {
    let mut buffer = buffers.take().context("no buffer")?;
    let (mut hash, mut left) = (Sha256::new(), length);
    while left > 0 {
        let filled = fill(body, &mut buffer)?;
        hash.update(filled);
        file.write_all(filled)?;
        left -= filled.len() as u64;
    }
    buffers.free.push(buffer);
    Ok(hash)
}

/// Receives and writes in this thread. Another one hashes, and a third one syncs.
fn beside(body: &mut impl Read, file: &File, length: u64, buffers: &mut Buffers) -> Result<Sha256> {
    let (full, to_hash) = sync_channel(MOST_BUFFERS);
    let (free, hashed) = sync_channel(MOST_BUFFERS);
    let (due, to_sync) = sync_channel(1);
    thread::scope(|scope| {
        let hash = scope.spawn(move || hash_all(&to_hash, &free));
        let sync = (length > SYNC_EVERY_BYTES).then(|| scope.spawn(move || sync_all(file, &to_sync)));
        let written = write_all(body, file, length, buffers, &Ways { full, hashed: &hashed, due });
        let hash = hash.join().map_err(|_| anyhow!("the hashing thread panicked"))?;
        buffers.free.extend(hashed.try_iter());
        if let Some(sync) = sync {
            sync.join().map_err(|_| anyhow!("the syncing thread panicked"))??;
        }
        written.map(|()| hash)
    })
}

/// The channels between the threads of a body.
struct Ways<'a> {
    /// Buffers to be hashed.
    full: SyncSender<(Vec<u8>, usize)>,
    /// Buffers that were hashed.
    hashed: &'a Receiver<Vec<u8>>,
    /// A sync is due.
    due: SyncSender<()>,
}

fn write_all(
    body: &mut impl Read,
    mut file: &File,
    length: u64,
    buffers: &mut Buffers,
    ways: &Ways<'_>,
) -> Result<()> {
    let (mut left, mut unsynced) = (length, 0);
    while left > 0 {
        buffers.free.extend(ways.hashed.try_iter());
        let mut buffer = buffers.take().map_or_else(|| ways.hashed.recv(), Ok)?;
        let filled = fill(body, &mut buffer)?;
        file.write_all(filled)?;
        let len = filled.len();
        ways.full.send((buffer, len))?;
        left -= len as u64;
        unsynced += len as u64;
        if unsynced >= SYNC_EVERY_BYTES && ways.due.try_send(()).is_ok() {
            unsynced = 0;
        }
    }
    Ok(())
}

fn hash_all(full: &Receiver<(Vec<u8>, usize)>, free: &SyncSender<Vec<u8>>) -> Sha256 {
    let mut hash = Sha256::new();
    while let Ok((buffer, len)) = full.recv() {
        hash.update(buffer.get(..len).unwrap_or_default());
        // The other thread needs no more buffers at the end.
        let _ = free.send(buffer);
    }
    hash
}

fn sync_all(file: &File, due: &Receiver<()>) -> io::Result<()> {
    while due.recv().is_ok() {
        file.sync_data()?;
    }
    Ok(())
}

/// Fills the buffer, except at the end of the body.
fn fill<'a>(body: &mut impl Read, buffer: &'a mut [u8]) -> Result<&'a [u8]> {
    let mut filled = 0;
    while filled < buffer.len() {
        match body.read(buffer.get_mut(filled..).unwrap_or_default())? {
            0 => break,
            read => filled += read,
        }
    }
    if filled == 0 {
        bail!("the body ended early");
    }
    Ok(buffer.get(..filled).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::content::Blob;

    #[test]
    fn a_layer_is_in_the_file_with_its_digest() {
        let folder = tempfile::tempdir().unwrap();
        let blob = Blob::random(40 * 1024 * 1024 + 7).unwrap();
        let mut buffers = Buffers::default();
        for is_alone in [true, false] {
            let path = folder.path().join("layer");
            let (rest, mut stream) = blob.bytes.split_at(1000);
            let length = blob.bytes.len() as u64;
            let digest = receive(&mut stream, &path, rest, length, &mut buffers, is_alone).unwrap();
            assert_eq!(digest, blob.digest);
            assert!(std::fs::read(&path).unwrap() == blob.bytes);
            let cut = receive(&mut &blob.bytes[..5], &path, &[], 6, &mut buffers, is_alone);
            assert!(cut.is_err());
        }
    }
}
