//! Reads objects, hashes them again, and signs URLs to them.

use std::io;
use std::ops::Range;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, Either, select};
use futures::{FutureExt as _, StreamExt as _};
use object_store::signer::{Method, SignedUrlOptions, Signer as _};
use object_store::{GetOptions, ObjectStore as _};
use oci::digest::{Algorithm, Digest, Hasher};
use tokio::time::timeout;

use super::stream::{Object, Received};
use super::{S3Store, S3Stream, error};
use crate::content::{Content, OpenError, Remote};
use crate::is_unavailable;
use crate::key::{ObjectKey, Place};

/// One object of the bucket.
struct Stored {
    store: S3Store,
    key: ObjectKey,
}

impl Object for Stored {
    fn get(
        &self,
        start: u64,
        len: u64,
        etag: Option<String>,
    ) -> BoxFuture<'static, Result<Received, OpenError>> {
        let (store, key) = (self.store.clone(), self.key);
        async move { store.get(&key, start..start.saturating_add(len), etag).await }.boxed()
    }
}

impl S3Store {
    pub(crate) async fn open(&self, key: &ObjectKey, start: u64, len: u64) -> Result<Content, OpenError> {
        self.stream(key, start, len).await.map(|stream| Content::Remote(Box::new(Remote(stream))))
    }

    async fn stream(&self, key: &ObjectKey, start: u64, len: u64) -> Result<S3Stream, OpenError> {
        self.check_place(key).map_err(OpenError::Io)?;
        let object = Box::new(Stored { store: self.clone(), key: *key });
        // A range that is empty, or that no object has, cannot be asked for.
        if len == 0 || start.checked_add(len).is_none() {
            let wanted = start.saturating_add(len);
            return self.expect_len(key, wanted).await.map(|()| S3Stream::empty(object));
        }
        S3Stream::open(object, start, len).await
    }

    /// The bytes of a range, with the first of them. A slow GET gets a second one, and the faster of the two is used.
    async fn get(
        &self,
        key: &ObjectKey,
        range: Range<u64>,
        etag: Option<String>,
    ) -> Result<Received, OpenError> {
        let (begun, slow) = (Instant::now(), self.hedge.begin());
        let mut first = pin!(self.get_once(key, range.clone(), etag.clone()));
        let received = match timeout(slow.unwrap_or(Duration::MAX), &mut first).await {
            Ok(received) => received,
            Err(_) if self.hedge.spend() => {
                match select(first, pin!(self.get_once(key, range, etag))).await {
                    Either::Left((Err(_), second)) => second.await,
                    Either::Right((Err(_), first)) => first.await,
                    Either::Left((received, _)) | Either::Right((received, _)) => received,
                }
            }
            Err(_) => first.await,
        };
        if received.is_ok() {
            self.hedge.answered(begun.elapsed());
        }
        received
    }

    async fn get_once(
        &self,
        key: &ObjectKey,
        range: Range<u64>,
        etag: Option<String>,
    ) -> Result<Received, OpenError> {
        let wanted = range.end;
        let options = GetOptions { range: Some(range.into()), if_match: etag, ..GetOptions::default() };
        match self.client.get_opts(&self.keys.object(key), options).await {
            Ok(found) if found.meta.size < wanted => {
                Err(OpenError::Truncated { wanted, len: found.meta.size })
            }
            Ok(found) => {
                let etag = found.meta.e_tag.clone();
                let mut chunks = found.into_stream().map(|chunk| chunk.map_err(error::io)).boxed();
                let first = chunks.next().await;
                Ok(Received { etag, chunks: futures::stream::iter(first).chain(chunks).boxed() })
            }
            Err(error) => match error::open(error) {
                OpenError::Missing => Err(self.missing().await),
                OpenError::Io(error) if is_unavailable(&error) => Err(OpenError::Io(error)),
                // The server refuses a range that begins after the end.
                error => self.expect_len(key, wanted).await.and(Err(error)),
            },
        }
    }

    /// An error if the object is shorter.
    async fn expect_len(&self, key: &ObjectKey, wanted: u64) -> Result<(), OpenError> {
        let len = self.len(key).await.map_err(OpenError::Io)?.ok_or(OpenError::Missing)?;
        if len < wanted { Err(OpenError::Truncated { wanted, len }) } else { Ok(()) }
    }

    /// The length of an object that a row records.
    pub(crate) async fn len(&self, key: &ObjectKey) -> io::Result<Option<u64>> {
        self.check_place(key)?;
        if let Some(version) = self.version(&self.keys.object(key)).await? {
            return Ok(Some(version.len));
        }
        match self.missing().await {
            OpenError::Io(error) => Err(error),
            _ => Ok(None),
        }
    }

    /// There is no place for archived objects: nothing is taken for missing in it.
    pub(super) fn check_place(&self, key: &ObjectKey) -> io::Result<()> {
        if self.places().contains(&key.place()) {
            return Ok(());
        }
        Err(io::Error::other("the object is in the archive, and a bucket has none"))
    }

    pub(crate) async fn rehash(
        &self,
        key: &ObjectKey,
        algorithm: Algorithm,
        size: u64,
    ) -> Result<Digest, OpenError> {
        let mut stream = self.stream(key, 0, size).await?;
        let mut hasher = Box::new(Hasher::new(algorithm));
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(OpenError::Io)?;
            let hashed = tokio::task::spawn_blocking(move || {
                hasher.update(&chunk);
                hasher
            });
            hasher = hashed.await.map_err(|error| OpenError::Io(io::Error::other(error)))?;
        }
        Ok(hasher.finish())
    }

    /// The URL has the host that clients use. The bytes have the media type of any bytes.
    pub(crate) async fn signed_url(&self, key: &ObjectKey, lifetime: Duration) -> io::Result<Option<String>> {
        let Some(client) = self.public.as_ref().filter(|_| key.place() == Place::Standard) else {
            return Ok(None);
        };
        let options =
            SignedUrlOptions::new().with_query([("response-content-type", "application/octet-stream")]);
        let url = client.signed_url_opts(Method::GET, &self.keys.object(key), lifetime, &options).await;
        url.map(|url| Some(url.into())).map_err(error::io)
    }
}
