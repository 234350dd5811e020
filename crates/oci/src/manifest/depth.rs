//! The limit on nesting, checked before parsing.

use super::{MAX_DEPTH, ManifestError};

/// Refuses JSON whose objects and arrays are nested more than [`MAX_DEPTH`] deep.
///
/// It passes over the bytes once. Text that is not JSON gets some answer here, and the parser refuses it later.
pub(super) fn check(json: &str) -> Result<(), ManifestError> {
    let mut depth = 0_usize;
    let mut bytes = json.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => skip_string(&mut bytes),
            b'{' | b'[' => {
                depth = depth.saturating_add(1);
                if depth > MAX_DEPTH {
                    return Err(ManifestError::TooDeep);
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// Advances to the byte after the quote that ends the string.
fn skip_string(bytes: &mut std::str::Bytes<'_>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
}
