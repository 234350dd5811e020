//! What two deployments say to each other: JSON.

use oci::digest::Digest;
use serde::{Deserialize, Serialize};

/// Where a deployment receives from its peers.
pub const PATH: &str = "/wharf/replication";
/// Where it receives parts of layers; the ID of the upload follows.
pub const LAYERS: &str = "/wharf/replication/layers/";

/// A request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Ask {
    /// Put an image, with its tag and the time at which the tag was set.
    PutImage {
        digest: String,
        media_type: String,
        manifest: String,
        tag: Option<String>,
        tagged_at: Option<i64>,
        /// The source lacks what it refers to, too.
        allows_missing: bool,
    },
    /// Link a layer that is there, or find where its upload goes on.
    FindLayer { digest: String },
    /// Remove a tag, or an image with all its tags.
    Delete { digest: String, tag: Option<String> },
    /// Apply settings of the repository.
    PutSettings { settings: Vec<SentSetting> },
}

/// A setting of a repository, with the time of its last change.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SentSetting {
    pub(super) kind: String,
    pub(super) changed_at: i64,
    pub(super) value: Option<String>,
}

/// The answer to a request that was not refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Answer {
    Done,
    /// The settings were applied, except those that these codes are about.
    Applied {
        refused: Vec<String>,
    },
    /// Nothing was done: a later request about the repository was carried out.
    Overtaken,
    /// The image refers to what the repository does not have.
    Lacks {
        layers: Vec<String>,
        images: Vec<String>,
    },
    /// The upload of a layer, and how many bytes of it have arrived.
    Upload {
        id: String,
        offset: u64,
    },
}

/// The answer to a request that was refused.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Refused {
    pub(super) code: String,
    pub(super) message: String,
}

/// The digests of an answer; those that are not valid are left out.
pub(super) fn digests(texts: &[String]) -> Vec<Digest> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

pub(super) fn texts(digests: &[Digest]) -> Vec<String> {
    digests.iter().map(ToString::to_string).collect()
}
