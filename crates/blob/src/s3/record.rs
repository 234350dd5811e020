//! Small objects with one text: the ID of the store, and that of each multipart upload. They are written once.

use std::io;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{Error, ObjectStore as _, ObjectStoreExt as _, PutMode};

use super::{S3Store, error};

impl S3Store {
    /// The content of a record, if it exists.
    pub(super) async fn read_record(&self, path: &Path) -> io::Result<Option<Bytes>> {
        match self.client.get(path).await {
            Ok(found) => found.bytes().await.map(Some).map_err(error::io),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error::io(error)),
        }
    }

    /// Writes a record, unless it exists: then the answer is false.
    pub(super) async fn create_record(&self, path: &Path, content: String) -> io::Result<bool> {
        match self.client.put_opts(path, content.into(), PutMode::Create.into()).await {
            Ok(_) => Ok(true),
            Err(Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(error::io(error)),
        }
    }
}
