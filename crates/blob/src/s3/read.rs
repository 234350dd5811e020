//! Reads objects, hashes them again, and signs URLs to them.

use std::io;
use std::time::Duration;

use futures::StreamExt as _;
use object_store::signer::{Method, SignedUrlOptions, Signer as _};
use object_store::{GetOptions, ObjectStore as _};
use oci::digest::{Algorithm, Digest, Hasher};

use super::{S3Store, S3Stream, error};
use crate::content::{Content, OpenError, Remote};
use crate::key::{ObjectKey, Place};

impl S3Store {
    pub(crate) async fn open(&self, key: &ObjectKey, start: u64, len: u64) -> Result<Content, OpenError> {
        self.stream(key, start, len).await.map(|stream| Content::Remote(Remote(stream)))
    }

    async fn stream(&self, key: &ObjectKey, start: u64, len: u64) -> Result<S3Stream, OpenError> {
        self.check_place(key).map_err(OpenError::Io)?;
        let wanted = start.saturating_add(len);
        if len == 0 {
            return self.expect_len(key, wanted).await.map(|()| S3Stream::empty());
        }
        let options = GetOptions { range: Some((start..wanted).into()), ..GetOptions::default() };
        match self.client.get_opts(&self.keys.object(key), options).await {
            Ok(found) if found.meta.size < wanted => {
                Err(OpenError::Truncated { wanted, len: found.meta.size })
            }
            Ok(found) => {
                let stream = found.into_stream().map(|chunk| chunk.map_err(error::io));
                Ok(S3Stream::new(stream.boxed(), len))
            }
            Err(object_store::Error::NotFound { .. }) => Err(OpenError::Missing),
            // The server refuses a range that begins after the end.
            Err(error) => {
                self.expect_len(key, wanted).await?;
                Err(error::open(error))
            }
        }
    }

    /// An error if the object is shorter.
    async fn expect_len(&self, key: &ObjectKey, wanted: u64) -> Result<(), OpenError> {
        let len = self.len(key).await.map_err(OpenError::Io)?.ok_or(OpenError::Missing)?;
        if len < wanted { Err(OpenError::Truncated { wanted, len }) } else { Ok(()) }
    }

    pub(crate) async fn len(&self, key: &ObjectKey) -> io::Result<Option<u64>> {
        self.check_place(key)?;
        Ok(self.version(&self.keys.object(key)).await?.map(|version| version.len))
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
