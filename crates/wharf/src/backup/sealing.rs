//! Encryption of the files of a backup: AES-256-GCM in chunks, as in the STREAM construction, so memory is bounded and a file
//! that was cut, or whose chunks were exchanged, cannot be opened.
//!
//! ```text
//! salt (32 bytes) · chunks of 64 KiB, each with a tag of 16 bytes
//! ```
//!
//! The key of a file is derived from the key of the backup and the salt (HKDF-SHA-256). The nonce of a chunk is its number
//! (11 bytes, big endian) and 1 for the last chunk, 0 for others. The name of the file is authenticated with each chunk.

use std::io::{self, ErrorKind};
use std::path::Path;

use anyhow::Context as _;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _, stream};

use crate::key_file::{self, Kind};

const KIND: Kind = Kind { name: "key of a backup", secret: "the key opens the whole backup" };
const CHUNK: usize = 64 * 1024;
const TAG: usize = 16;
const SALT: usize = 32;

/// What keys of files are derived for.
const USE: &[u8] = b"wharf backup 1";

/// The key of a backup. It has no `Debug`: it is a secret.
#[derive(Clone)]
pub(crate) struct BackupKey([u8; 32]);

impl BackupKey {
    /// Reads the file of the key: 32 bytes as hexadecimal digits.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let key = key_file::read(path, &KIND)?;
        key.map(Self).with_context(|| {
            format!("{} does not exist: create it with `openssl rand -hex 32`", path.display())
        })
    }
}

/// The length of a file after encryption.
pub(crate) const fn sealed_len(len: u64) -> u64 {
    let chunks = if len == 0 { 1 } else { len.div_ceil(CHUNK as u64) };
    SALT as u64 + len + chunks * TAG as u64
}

/// Encrypts a file.
pub(crate) fn seal<S>(
    key: &BackupKey,
    name: &str,
    body: S,
) -> io::Result<BoxStream<'static, io::Result<Bytes>>>
where
    S: Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static,
{
    let mut salt = [0; SALT];
    aws_lc_rs::rand::fill(&mut salt).map_err(io::Error::other)?;
    let chunks = Chunks::new(key, &salt, name, body, CHUNK)?;
    let head = stream::iter([Ok(Bytes::copy_from_slice(&salt))]);
    Ok(head.chain(chunks.transformed(Cipher::seal)).boxed())
}

/// Decrypts a file. It ends with an error if the file was not encrypted with this key, or was changed.
pub(crate) async fn open<S>(
    key: &BackupKey,
    name: &str,
    mut body: S,
) -> io::Result<BoxStream<'static, io::Result<Bytes>>>
where
    S: Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static,
{
    let mut start = BytesMut::new();
    while start.len() < SALT {
        start.extend_from_slice(&body.next().await.unwrap_or_else(|| Err(damaged()))?);
    }
    let salt = start.split_to(SALT);
    let rest = stream::iter([Ok(start.freeze())]).chain(body);
    let chunks = Chunks::new(key, &salt, name, rest, CHUNK + TAG)?;
    Ok(chunks.transformed(Cipher::open).boxed())
}

fn damaged() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "it is damaged, or encrypted with another key")
}

/// The key of one file, and the number of the next chunk.
struct Cipher {
    key: LessSafeKey,
    name: Vec<u8>,
    number: u64,
}

impl Cipher {
    fn new(key: &BackupKey, salt: &[u8], name: &str) -> io::Result<Self> {
        let derived = Salt::new(HKDF_SHA256, salt).extract(&key.0);
        let derived = derived.expand(&[USE], &AES_256_GCM).map_err(io::Error::other)?;
        let key = LessSafeKey::new(UnboundKey::from(derived));
        Ok(Self { key, name: name.as_bytes().to_vec(), number: 0 })
    }

    /// Each number is used once.
    fn nonce(&mut self, is_last: bool) -> Nonce {
        let mut nonce = [0; NONCE_LEN];
        let (number, last) = nonce.split_at_mut(NONCE_LEN - 1);
        let (_, low) = number.split_at_mut(NONCE_LEN - 1 - 8);
        low.copy_from_slice(&self.number.to_be_bytes());
        last.fill(u8::from(is_last));
        self.number += 1;
        Nonce::assume_unique_for_key(nonce)
    }

    fn seal(&mut self, chunk: &[u8], is_last: bool) -> io::Result<Bytes> {
        let nonce = self.nonce(is_last);
        let mut sealed = chunk.to_vec();
        let sealing = self.key.seal_in_place_append_tag(nonce, Aad::from(&self.name), &mut sealed);
        sealing.map_err(io::Error::other)?;
        Ok(sealed.into())
    }

    fn open(&mut self, chunk: &[u8], is_last: bool) -> io::Result<Bytes> {
        let nonce = self.nonce(is_last);
        let mut opened = chunk.to_vec();
        let plain =
            self.key.open_in_place(nonce, Aad::from(&self.name), &mut opened).map_err(|_| damaged())?;
        let len = plain.len();
        opened.truncate(len);
        Ok(opened.into())
    }
}

/// A body in chunks of one size; the last one is shorter, or the body is empty.
struct Chunks<S> {
    cipher: Cipher,
    body: S,
    size: usize,
    buffer: BytesMut,
    is_over: bool,
}

impl<S> Chunks<S>
where
    S: Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static,
{
    fn new(key: &BackupKey, salt: &[u8], name: &str, body: S, size: usize) -> io::Result<Self> {
        Ok(Self {
            cipher: Cipher::new(key, salt, name)?,
            body,
            size,
            buffer: BytesMut::new(),
            is_over: false,
        })
    }

    /// The next chunk, and whether it is the last one.
    async fn next(&mut self) -> io::Result<Option<(BytesMut, bool)>> {
        if self.is_over {
            return Ok(None);
        }
        // One byte more shows that a chunk is not the last.
        while self.buffer.len() <= self.size {
            let Some(bytes) = self.body.next().await else {
                self.is_over = true;
                return Ok(Some((self.buffer.split(), true)));
            };
            self.buffer.extend_from_slice(&bytes?);
        }
        Ok(Some((self.buffer.split_to(self.size), false)))
    }

    fn transformed(
        self,
        transform: impl Fn(&mut Cipher, &[u8], bool) -> io::Result<Bytes> + Copy + Send + 'static,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        stream::try_unfold(self, move |mut chunks| async move {
            let Some((chunk, is_last)) = chunks.next().await? else { return Ok(None) };
            let bytes = transform(&mut chunks.cipher, &chunk, is_last)?;
            Ok(Some((bytes, chunks)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(bytes: &[u8], pieces: usize) -> impl Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static {
        let pieces: Vec<_> = bytes.chunks(pieces).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        stream::iter(pieces)
    }

    async fn all(mut stream: BoxStream<'static, io::Result<Bytes>>) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(bytes) = stream.next().await {
            all.extend_from_slice(&bytes?);
        }
        Ok(all)
    }

    async fn opened(key: u8, name: &str, sealed: &[u8]) -> io::Result<Vec<u8>> {
        all(open(&BackupKey([key; 32]), name, body(sealed, 777)).await?).await
    }

    #[tokio::test]
    async fn a_file_is_opened_only_whole_and_with_its_key_and_name() {
        for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 17] {
            let plain: Vec<u8> = (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect();
            let sealed = seal(&BackupKey([7; 32]), "objects/a", body(&plain, 1_000)).unwrap();
            let sealed = all(sealed).await.unwrap();
            assert_eq!(sealed.len() as u64, sealed_len(len as u64));
            assert_eq!(opened(7, "objects/a", &sealed).await.unwrap(), plain);
            assert!(opened(8, "objects/a", &sealed).await.is_err(), "another key");
            assert!(opened(7, "objects/b", &sealed).await.is_err(), "another name");
            let longer = [&sealed[..], b"x"].concat();
            assert!(opened(7, "objects/a", &longer).await.is_err(), "longer");
            for cut in [1, TAG, TAG + 1, CHUNK + TAG, sealed.len() - SALT, sealed.len() - 3] {
                if cut <= sealed.len() {
                    assert!(opened(7, "objects/a", &sealed[..sealed.len() - cut]).await.is_err(), "cut");
                }
            }
            let mut changed = sealed.clone();
            changed[SALT] ^= 1;
            assert!(opened(7, "objects/a", &changed).await.is_err(), "changed");
        }
    }

    #[tokio::test]
    async fn chunks_cannot_be_exchanged() {
        let plain = vec![0; 3 * CHUNK];
        let sealed = all(seal(&BackupKey([7; 32]), "n", body(&plain, 4_096)).unwrap()).await.unwrap();
        let (head, chunks) = sealed.split_at(SALT);
        let (first, rest) = chunks.split_at(CHUNK + TAG);
        let (second, third) = rest.split_at(CHUNK + TAG);
        assert_eq!(opened(7, "n", &[head, first, second, third].concat()).await.unwrap(), plain);
        assert!(opened(7, "n", &[head, second, first, third].concat()).await.is_err());
    }
}
