//! Bytes in JSON: base64.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserializer, de};

/// The maximum number of decoded bytes in one part of a layer.
pub const MAX_LAYER_PART_BYTES: usize = 20_971_520;

/// base64 with or without padding: some SDKs omit it.
pub(crate) fn blob<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
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

    // The text can be borrowed: a part is large and is not copied again.
    deserializer.deserialize_str(Base64)
}
