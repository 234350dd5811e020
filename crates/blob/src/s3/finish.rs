//! Makes a complete upload an object of exactly its length.

use std::io;

use fault::Fault;
use object_store::{ObjectStoreExt as _, PutPayload};

use super::keys::TailPlace;
use super::progress::{Multipart, Progress, Tail};
use super::{S3Store, error};
use crate::content::OpenError;
use crate::key::ObjectKey;
use crate::stage::Stage;
use crate::unavailable::unavailable;

impl S3Store {
    pub(crate) async fn finish(&self, key: &ObjectKey, stage: &Stage) -> Result<(), OpenError> {
        let progress = stage.own().clone().s3().map_err(OpenError::Io)?;
        let finished = self.finish_upload(key, &progress, stage.offset()).await;
        finished
            .map_err(|error| if error::is_gone(&error) { OpenError::Missing } else { OpenError::Io(error) })
    }

    async fn finish_upload(&self, key: &ObjectKey, progress: &Progress, offset: u64) -> io::Result<()> {
        let path = self.keys.object(key);
        let version = self.version(&path).await?;
        let is_whole = version.as_ref().is_some_and(|version| version.len == offset);
        match (&progress.multipart, &progress.tail) {
            (None, None) if offset == 0 => {
                if !is_whole {
                    self.client.put(&path, PutPayload::default()).await.map_err(error::io)?;
                }
                Ok(())
            }
            (None, Some(tail)) => {
                let is_same =
                    version.as_ref().and_then(|version| version.etag.as_deref()) == Some(&tail.etag);
                if is_whole && is_same {
                    return Ok(());
                }
                // A request that was not recorded appended to it.
                let _held = self.hold(offset).await?;
                let bytes = self.read_tail(key, tail, offset).await?;
                let put = self.put_tail(key, TailPlace::Object, version.as_ref(), vec![bytes]).await?;
                put.map(drop).ok_or_else(|| io::Error::other("another request appends to the upload"))
            }
            (Some(multipart), Some(tail)) => {
                if !is_whole {
                    self.complete(key, multipart, tail, offset).await?;
                }
                self.forget_upload(key).await
            }
            (_, None) => Err(io::Error::other("the stage of an upload has no last bytes")),
        }
    }

    /// Sends the tail as the last part, and completes the upload.
    async fn complete(
        &self,
        key: &ObjectKey,
        multipart: &Multipart,
        tail: &Tail,
        offset: u64,
    ) -> io::Result<()> {
        let len = offset.saturating_sub(multipart.in_parts());
        let held = self.hold(len).await?;
        let bytes = self.read_tail(key, tail, len).await?;
        let last = self.put_part(key, &multipart.id, multipart.parts.len(), vec![bytes]).await;
        drop(held);
        let completed = match last {
            Ok(last) => {
                let parts = multipart.parts.iter().cloned().chain([last]);
                self.complete_multipart(key, &multipart.id, parts).await
            }
            // Another request has completed it, or the server has lost it.
            Err(error) if error::is_gone(&error) => Err(error),
            Err(error) => return Err(error),
        };
        fault::hit(Fault::AppendSynced);
        // The object shows what happened. The answer of the first attempt can be lost: the upload does not exist any more
        // then. And some servers say that they have completed an upload before they have.
        match self.version(&self.keys.object(key)).await? {
            Some(version) if version.len == offset => Ok(()),
            _ => completed
                .and(Err(unavailable("the upload was completed, and the bucket does not have the object"))),
        }
    }
}
