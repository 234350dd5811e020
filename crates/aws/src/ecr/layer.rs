//! BatchCheckLayerAvailability, GetDownloadUrlForLayer, InitiateLayerUpload, UploadLayerPart and
//! CompleteLayerUpload.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Deserializer, Serialize, de};

use super::Request;
use super::pattern::{LAYER_DIGEST, REGISTRY_ID, REPOSITORY_NAME, UPLOAD_ID};
use super::validate::{Member, Rule};

/// Most bytes of one part, decoded.
pub const MAX_LAYER_PART_BYTES: usize = 20_971_520;

const PART_SIZE: Rule = Rule::Integer { min: 0, max: i64::MAX };

/// Whether a layer can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LayerAvailability {
    /// The repository has it.
    Available,
    /// The repository does not have it.
    Unavailable,
    /// It is in the archive.
    Archived,
}

/// A layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Layer {
    /// Its digest.
    pub layer_digest: String,
    /// Whether it can be used.
    pub layer_availability: LayerAvailability,
    /// Its size in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer_size: Option<u64>,
    /// Its media type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
}

/// Why one layer of a batch has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum LayerFailureCode {
    /// The digest is not one.
    InvalidLayerDigest,
    /// There is no such layer.
    MissingLayerDigest,
}

/// One layer of a batch that has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerFailure {
    /// The digest as it was asked for.
    pub layer_digest: String,
    /// Why, for programs.
    pub failure_code: LayerFailureCode,
    /// Why, for people.
    pub failure_reason: String,
}

/// Asks which layers need not be pushed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BatchCheckLayerAvailabilityRequest {
    /// The account; the caller's own if absent.
    pub registry_id: Option<String>,
    /// The repository's name.
    pub repository_name: String,
    /// The layers.
    pub layer_digests: Vec<String>,
}

impl Request for BatchCheckLayerAvailabilityRequest {
    const OPERATION: &'static str = "BatchCheckLayerAvailability";
    const MEMBERS: &'static [Member] = &[
        Member::optional("registryId", REGISTRY_ID),
        Member::required("repositoryName", REPOSITORY_NAME),
        Member::required("layerDigests", Rule::List { of: &Rule::text(0, 1000), min: 1, max: 100 }),
    ];
}

/// Which layers are there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchCheckLayerAvailabilityResponse {
    /// The layers.
    pub layers: Vec<Layer>,
    /// Digests without an answer.
    pub failures: Vec<LayerFailure>,
}

/// Asks for a URL to download a layer from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetDownloadUrlForLayerRequest {
    /// The account; the caller's own if absent.
    pub registry_id: Option<String>,
    /// The repository's name.
    pub repository_name: String,
    /// The layer.
    pub layer_digest: String,
}

impl Request for GetDownloadUrlForLayerRequest {
    const OPERATION: &'static str = "GetDownloadUrlForLayer";
    const MEMBERS: &'static [Member] = &[
        Member::optional("registryId", REGISTRY_ID),
        Member::required("repositoryName", REPOSITORY_NAME),
        Member::required("layerDigest", LAYER_DIGEST),
    ];
}

/// A URL. Who has it can read the layer until it expires, hence no `Debug`.
#[derive(Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GetDownloadUrlForLayerResponse {
    /// The URL.
    pub download_url: String,
    /// The layer's digest.
    pub layer_digest: String,
}

/// Begins the upload of a layer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InitiateLayerUploadRequest {
    /// The account; the caller's own if absent.
    pub registry_id: Option<String>,
    /// The repository's name.
    pub repository_name: String,
}

impl Request for InitiateLayerUploadRequest {
    const OPERATION: &'static str = "InitiateLayerUpload";
    const MEMBERS: &'static [Member] =
        &[Member::optional("registryId", REGISTRY_ID), Member::required("repositoryName", REPOSITORY_NAME)];
}

/// The upload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InitiateLayerUploadResponse {
    /// Its id.
    pub upload_id: String,
    /// How large parts should be.
    pub part_size: u64,
}

/// Sends the next part of a layer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UploadLayerPartRequest {
    /// The account; the caller's own if absent.
    pub registry_id: Option<String>,
    /// The repository's name.
    pub repository_name: String,
    /// The upload's id.
    pub upload_id: String,
    /// Position of the part's first byte in the layer.
    pub part_first_byte: u64,
    /// Position of its last byte.
    pub part_last_byte: u64,
    /// The bytes.
    #[serde(deserialize_with = "blob")]
    pub layer_part_blob: Vec<u8>,
}

impl Request for UploadLayerPartRequest {
    const OPERATION: &'static str = "UploadLayerPart";
    const MEMBERS: &'static [Member] = &[
        Member::optional("registryId", REGISTRY_ID),
        Member::required("repositoryName", REPOSITORY_NAME),
        Member::required("uploadId", UPLOAD_ID),
        Member::required("partFirstByte", PART_SIZE),
        Member::required("partLastByte", PART_SIZE),
        Member::required("layerPartBlob", Rule::Blob { max: MAX_LAYER_PART_BYTES }),
    ];
}

/// base64 with or without padding: some SDKs leave it out.
fn blob<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    const ENGINE: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    struct Base64;

    impl de::Visitor<'_> for Base64 {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bytes as base64")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<u8>, E> {
            ENGINE.decode(text).map_err(|error| de::Error::custom(format!("a blob is not base64: {error}")))
        }
    }

    // The text may be borrowed: a part is large, and not copied once more.
    deserializer.deserialize_str(Base64)
}

/// How far the upload is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UploadLayerPartResponse {
    /// The account.
    pub registry_id: String,
    /// The repository's name.
    pub repository_name: String,
    /// The upload's id.
    pub upload_id: String,
    /// Position of the last byte that has arrived.
    pub last_byte_received: u64,
}

/// Ends the upload of a layer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CompleteLayerUploadRequest {
    /// The account; the caller's own if absent.
    pub registry_id: Option<String>,
    /// The repository's name.
    pub repository_name: String,
    /// The upload's id.
    pub upload_id: String,
    /// Digests, of which the layer must have at least one.
    pub layer_digests: Vec<String>,
}

impl Request for CompleteLayerUploadRequest {
    const OPERATION: &'static str = "CompleteLayerUpload";
    const MEMBERS: &'static [Member] = &[
        Member::optional("registryId", REGISTRY_ID),
        Member::required("repositoryName", REPOSITORY_NAME),
        Member::required("uploadId", UPLOAD_ID),
        Member::required("layerDigests", Rule::List { of: &LAYER_DIGEST, min: 1, max: 100 }),
    ];
}

/// The layer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CompleteLayerUploadResponse {
    /// The account.
    pub registry_id: String,
    /// The repository's name.
    pub repository_name: String,
    /// The upload's id.
    pub upload_id: String,
    /// The layer's digest.
    pub layer_digest: String,
}
