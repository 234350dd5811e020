//! Multipart uploads. The ID of one is an object of its own before its first part is stored, so it can be found and ended
//! without a list of the bucket.

use std::io;

use bytes::Bytes;
use fault::Fault;
use object_store::multipart::{MultipartStore as _, PartId};
use object_store::{Error, PutPayload};

use super::{S3Store, error};
use crate::key::ObjectKey;

impl S3Store {
    /// Begins the multipart upload of an object. If one was begun and not recorded in the upload's row, or by another
    /// node, it is continued.
    pub(super) async fn begin_multipart(&self, key: &ObjectKey) -> io::Result<String> {
        let object = self.keys.object(key);
        let mut id = self.repeat(|| self.client.create_multipart(&object)).await.map_err(error::io)?;
        if !self.create_record(&self.keys.upload(key), id.clone()).await? {
            // The retry of a request whose answer was lost finds its own ID.
            let known = self.multipart_of(key).await?.unwrap_or_else(|| id.clone());
            if known != id {
                // It has no parts. If this fails, the check of the store finds it.
                let _ = self.abort_multipart(key, &id).await;
            }
            id = known;
        }
        fault::hit(Fault::AppendCreated);
        Ok(id)
    }

    /// The multipart upload of an object that is not complete, if it has one.
    pub(super) async fn multipart_of(&self, key: &ObjectKey) -> io::Result<Option<String>> {
        let Some(record) = self.read_record(&self.keys.upload(key)).await? else { return Ok(None) };
        String::from_utf8(record.to_vec()).map(Some).map_err(io::Error::other)
    }

    /// Stores the part with this index, which begins with zero.
    pub(super) async fn put_part(
        &self,
        key: &ObjectKey,
        id: &str,
        index: usize,
        bytes: Vec<Bytes>,
    ) -> io::Result<String> {
        let (object, id, payload) = (self.keys.object(key), id.to_owned(), PutPayload::from_iter(bytes));
        let put = || self.client.put_part(&object, &id, index, payload.clone());
        let part = self.repeat(put).await.map_err(error::io)?;
        fault::hit(Fault::AppendWritten);
        Ok(part.content_id)
    }

    /// Makes the parts the object.
    pub(super) async fn complete_multipart(
        &self,
        key: &ObjectKey,
        id: &str,
        parts: impl IntoIterator<Item = String>,
    ) -> io::Result<()> {
        let parts: Vec<_> = parts.into_iter().map(|content_id| PartId { content_id }).collect();
        let (object, id) = (self.keys.object(key), id.to_owned());
        let complete = || self.client.complete_multipart(&object, &id, parts.clone());
        self.repeat(complete).await.map(drop).map_err(error::io)
    }

    /// Ends a multipart upload. The server deletes its parts.
    pub(super) async fn abort_multipart(&self, key: &ObjectKey, id: &str) -> io::Result<()> {
        let (object, id) = (self.keys.object(key), id.to_owned());
        match self.repeat(|| self.client.abort_multipart(&object, &id)).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error::io(error)),
        }
    }
}
