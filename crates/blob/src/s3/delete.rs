//! Deletes objects, and what an upload that was not complete has stored.

use std::io;

use fault::Fault;
use object_store::path::Path;
use object_store::{Error, ObjectStoreExt as _};

use super::keys::TailPlace;
use super::{S3Store, error};
use crate::key::ObjectKey;

impl S3Store {
    pub(crate) async fn delete(&self, key: &ObjectKey) -> io::Result<bool> {
        let was_uploading = self.end_upload(key).await?;
        let path = self.keys.object(key);
        let existed = self.version(&path).await?.is_some();
        if existed {
            self.remove(&path).await?;
            fault::hit(Fault::Deleted);
        }
        Ok(existed || was_uploading)
    }

    /// Ends the multipart upload of an object, if there is one that is not complete.
    pub(super) async fn end_upload(&self, key: &ObjectKey) -> io::Result<bool> {
        let Some(id) = self.multipart_of(key).await? else { return Ok(false) };
        self.abort_multipart(key, &id).await?;
        self.forget_upload(key).await?;
        Ok(true)
    }

    /// Deletes the tails of an upload and then its record, so an incomplete deletion is repeated.
    pub(super) async fn forget_upload(&self, key: &ObjectKey) -> io::Result<()> {
        for place in [TailPlace::A, TailPlace::B] {
            self.remove(&self.keys.tail(key, place)).await?;
        }
        self.remove(&self.keys.upload(key)).await
    }

    pub(super) async fn remove(&self, path: &Path) -> io::Result<()> {
        match self.repeat(|| self.client.delete(path)).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error::io(error)),
        }
    }
}
