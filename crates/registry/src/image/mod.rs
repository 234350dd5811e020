//! Images: manifests with their tags.

pub mod delete;
pub(crate) mod describe;
pub(crate) mod list;
pub mod orphans;
pub(crate) mod protection;
pub mod pull;
pub(crate) mod pull_times;
pub mod push;
pub mod referrers;
pub(crate) mod scan;
pub(crate) mod storage_class;
pub mod tag_history;
pub mod tag_list;

use access::error::{Code, Error};
pub(crate) use protection::protected;

pub(crate) fn manifest_unknown() -> Error {
    Error::new(Code::ManifestUnknown, "Requested image not found")
}

pub(crate) fn join(digests: &[oci::digest::Digest]) -> String {
    digests.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
