//! The limit on nesting, checked before anything is parsed.

use super::{MAX_DEPTH, ManifestError};

/// Refuses JSON whose objects and arrays are inside each other more than [`MAX_DEPTH`] times.
///
/// One pass over the bytes; text that is not JSON gets some answer here and is refused by the parser.
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

/// Goes on to behind the quote that ends the string.
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
