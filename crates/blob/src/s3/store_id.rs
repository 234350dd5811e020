//! The ID of the store: a small object beside the others; see `disk::store_id`.

use std::io;

use object_store::{Error, ObjectStore as _, ObjectStoreExt as _, PutMode, PutOptions};

use super::{S3Store, error};
use crate::key::ObjectKey;

impl S3Store {
    /// The ID of the store in this bucket, if there is one.
    pub async fn store_id(&self) -> io::Result<Option<String>> {
        let text = match self.client.get(&self.keys.store_id()).await {
            Ok(found) => found.bytes().await.map_err(error::io)?,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error::io(error)),
        };
        let text = String::from_utf8(text.to_vec()).unwrap_or_default();
        let id: Result<ObjectKey, _> = text.trim().parse();
        id.map(|id| Some(id.to_string())).map_err(|_| io::Error::other("the object store-id has no valid ID"))
    }

    /// The ID of the store in this bucket. It is created, if there is none.
    pub async fn ensure_store_id(&self) -> io::Result<String> {
        if let Some(id) = self.store_id().await? {
            return Ok(id);
        }
        let id = ObjectKey::random().to_string();
        let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.client.put_opts(&self.keys.store_id(), format!("{id}\n").into(), create).await {
            Ok(_) | Err(Error::AlreadyExists { .. }) => {}
            Err(error) => return Err(error::io(error)),
        }
        // Another node may have created it at the same time.
        self.store_id().await?.ok_or_else(|| io::Error::other("the object store-id cannot be read again"))
    }
}
