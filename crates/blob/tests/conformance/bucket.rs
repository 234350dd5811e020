//! The settings of stores in the bucket of a test server.

use std::path::Path;

use blob::{Credentials, S3Options, Store};
use testkit::s3_server::{BUCKET, KEY_ID, SECRET, address};

/// The smallest size that S3 allows.
pub(super) const PART_BYTES: usize = 5 * 1024 * 1024;

/// The settings of a store under a prefix of its own.
pub(super) fn options(prefix: &str) -> S3Options {
    options_at(&address().unwrap(), prefix)
}

/// The same behind another address.
pub(super) fn options_at(address: &str, prefix: &str) -> S3Options {
    let endpoint = format!("http://{address}");
    let mut options = S3Options::new(format!("s3://{BUCKET}/{prefix}").parse().unwrap(), "us-east-1");
    options.path_style = true;
    options.redirects = true;
    options.public_endpoint = Some(endpoint.clone());
    options.endpoint = Some(endpoint);
    options.credentials = Credentials::Key { id: KEY_ID.to_owned(), secret: SECRET.to_owned() };
    options.part_bytes = PART_BYTES as u64;
    options
}

/// The prefix of a test: the name of its folder.
pub(super) fn prefix_of(folder: &Path) -> String {
    folder.file_name().unwrap().to_str().unwrap().replace('.', "")
}

pub(super) fn open(folder: &Path) -> Store {
    Store::s3(&options(&prefix_of(folder))).unwrap()
}
