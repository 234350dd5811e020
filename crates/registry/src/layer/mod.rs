//! Layers: blobs of a repository, from the first byte of an upload to their deletion.

pub(crate) mod append;
pub mod availability;
pub mod bytes;
mod complete;
pub mod delete;
pub mod download;
pub mod download_url;
mod media_type;
pub mod mount;
pub(crate) mod permits;
pub mod upload;

use access::error::{Code, Error, Result};
use access::store::BlobRow;

/// The blob of a request, if it can be read: layers of archived images cannot.
fn readable(blob: Option<&BlobRow>) -> Result<&BlobRow> {
    blob.filter(|row| !row.is_archived).ok_or_else(blob_unknown)
}

pub(crate) fn blob_unknown() -> Error {
    Error::new(Code::BlobUnknown, "The repository holds no such blob.")
}
