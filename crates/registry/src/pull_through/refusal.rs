//! The errors of upstream registries as errors of this registry. The texts say which registry answered what.

use access::error::{Code, Error};
use upstream::UpstreamError;

use crate::image::manifest_unknown;
use crate::layer::blob_unknown;

/// All places are taken, and too many wait for one.
pub(super) fn too_many() -> Error {
    Error::new(Code::UpstreamUnavailable, "Too much is arriving from upstream registries. Try again.")
}

/// The error of a pull whose upstream registry gave no image.
pub(super) fn refusal(error: &UpstreamError) -> Error {
    let text = capitalised(&error.to_string());
    match error {
        UpstreamError::NotFound(_) => manifest_unknown(),
        UpstreamError::AccessDenied { .. } | UpstreamError::Forbidden(_) => {
            Error::new(Code::UpstreamAccessDenied, format!("{text}."))
        }
        UpstreamError::TooManyRequests { .. } => {
            Error::new(Code::UpstreamTooManyRequests, format!("{text}."))
        }
        UpstreamError::Unavailable(_) | UpstreamError::Invalid { .. } => {
            Error::new(Code::UpstreamUnavailable, format!("{text}."))
        }
    }
}

/// The same of a pull of a layer.
pub(super) fn layer_refusal(error: &UpstreamError) -> Error {
    if matches!(error, UpstreamError::NotFound(_)) { blob_unknown() } else { refusal(error) }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}
