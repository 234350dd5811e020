//! Small objects with one text: the ID of the store, and that of each multipart upload. They are written once.

use std::io;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{Error, ObjectStore as _, ObjectStoreExt as _, PutMode};

use super::{S3Store, error};

impl S3Store {
    /// The content of a record, if it exists.
    pub(super) async fn read_record(&self, path: &Path) -> io::Result<Option<Bytes>> {
        let read = || async { self.client.get(path).await?.bytes().await };
        match self.repeat(read).await {
            Ok(content) => Ok(Some(content)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error::io(error)),
        }
    }

    /// Writes a record, unless it exists: then the answer is false. If the answer to the first attempt was lost, it exists
    /// with the same content.
    pub(super) async fn create_record(&self, path: &Path, content: String) -> io::Result<bool> {
        let put = || self.client.put_opts(path, content.clone().into(), PutMode::Create.into());
        match self.repeat(put).await {
            Ok(_) => Ok(true),
            Err(Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(error::io(error)),
        }
    }
}
