//! Lists the objects of a bucket and moves objects out of the store, for the consistency check. Nothing else lists.

use std::io;

use object_store::ObjectMeta;
use object_store::list::{PaginatedListOptions, PaginatedListStore as _};

use super::{S3Store, error};
use crate::content::OpenError;
use crate::disk::Found;
use crate::key::{ObjectKey, Place};

/// The beginning of the name of an upload that is not complete.
const UPLOAD: &str = "upload-of-";

impl S3Store {
    /// Uploads that are not complete are listed too.
    pub(crate) async fn list(&self, place: Place, folder: u8) -> io::Result<Vec<Found>> {
        let mut found = Vec::new();
        let objects = self.keys.folder(place);
        for object in self.all(&format!("{objects}{folder:02x}")).await? {
            let name = object.location.as_ref().strip_prefix(&objects).unwrap_or_default().to_owned();
            let key = ObjectKey::of_file(place, &name).ok();
            found.push(Found { name, key, len: object.size });
        }
        let uploads = self.keys.uploads();
        for record in self.all(&format!("{uploads}{folder:02x}")).await? {
            let name = record.location.as_ref().strip_prefix(&uploads).unwrap_or_default();
            let key = ObjectKey::of_file(place, name).ok();
            if place == Place::Standard && !found.iter().any(|object| object.key == key) {
                found.push(Found { name: format!("{UPLOAD}{name}"), key, len: 0 });
            }
        }
        if place == Place::Standard {
            found.extend(self.orphans(folder).await?);
        }
        Ok(found)
    }

    /// All keys that begin with this text.
    async fn all(&self, prefix: &str) -> io::Result<Vec<ObjectMeta>> {
        let (mut all, mut page_token) = (Vec::new(), None);
        loop {
            let options = PaginatedListOptions { page_token, ..PaginatedListOptions::default() };
            let page = self.client.list_paginated(Some(prefix), options).await.map_err(error::io)?;
            all.extend(page.result.objects);
            page_token = page.page_token;
            if page_token.is_none() {
                return Ok(all);
            }
        }
    }

    /// An upload that is not complete is ended: its bytes cannot be read.
    pub(crate) async fn quarantine(&self, place: Place, folder: u8, name: &str) -> io::Result<()> {
        if place == Place::Standard && self.end_orphan(folder, name).await? {
            return Ok(());
        }
        let not_valid = || io::Error::new(io::ErrorKind::InvalidInput, "not the name of an object");
        let (is_upload, name) = match name.strip_prefix(UPLOAD) {
            Some(name) => (true, name),
            None => (false, name),
        };
        let key = ObjectKey::of_file(place, name).ok().filter(|key| key.folder() == folder);
        let key = key.ok_or_else(not_valid)?;
        self.end_upload(&key).await?;
        if is_upload {
            return Ok(());
        }
        let from = self.keys.object(&key);
        let len = self.len(&key).await?.ok_or(io::ErrorKind::NotFound)?;
        match self.copy_bytes(&key, &self.keys.quarantine(name), len).await {
            Ok(()) => self.remove(&from).await,
            Err(OpenError::Io(error)) => Err(error),
            Err(error) => Err(io::Error::other(error)),
        }
    }
}
