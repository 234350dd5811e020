//! Bytes in JSON: base64.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::shape::{Mismatch, Tree};

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// base64 with or without padding: some SDKs omit it. The text is not copied: a part of a layer is large.
pub(crate) fn blob(tree: &Tree<'_>) -> Result<Vec<u8>, Mismatch> {
    let Tree::Text(text) = tree else { return Err(Mismatch::new("a blob is not a string")) };
    ENGINE.decode(text.as_ref()).map_err(|error| Mismatch::new(format!("a blob is not base64: {error}")))
}
