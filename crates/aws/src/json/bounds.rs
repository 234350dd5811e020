//! Limits on JSON from a client, checked before it is parsed: one pass over the bytes, nothing is stored.

/// The maximum number of values: a hundred times the longest lists of the models.
const MAX_VALUES: usize = 32 * 1024;
/// The maximum nesting of lists and objects.
const MAX_DEPTH: usize = 64;
/// The maximum length of a member name, in bytes as written.
const MAX_NAME_BYTES: usize = 1024;

/// Checks the limits. The parser checks whether the text is JSON.
pub(crate) fn check(text: &[u8]) -> Result<(), &'static str> {
    let (mut values, mut depth, mut last_string) = (1_usize, 0_usize, 0_usize);
    let mut rest = text;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        match byte {
            b'"' => {
                last_string = string_length(rest);
                rest = rest.get(last_string + 1..).unwrap_or_default();
            }
            b':' if last_string > MAX_NAME_BYTES => {
                return Err("The request body has a member with a name that is too long.");
            }
            b'{' | b'[' => {
                depth += 1;
                values += 1;
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' => values += 1,
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err("The request body is nested too deeply.");
        }
        if values > MAX_VALUES {
            return Err("The request body has too many values.");
        }
    }
    Ok(())
}

/// The length of a string up to its closing quote.
fn string_length(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_depth_and_names_have_limits() {
        let list = |count: usize| format!("[{}]", vec!["1"; count].join(","));
        assert_eq!(check(list(MAX_VALUES - 1).as_bytes()), Ok(()));
        assert!(check(list(MAX_VALUES).as_bytes()).is_err());
        assert!(check("[".repeat(MAX_DEPTH).as_bytes()).is_ok());
        assert!(check("[".repeat(MAX_DEPTH + 1).as_bytes()).is_err());
        let named = |length: usize| format!("{{\"{}\": 1}}", "a".repeat(length));
        assert!(check(named(MAX_NAME_BYTES).as_bytes()).is_ok());
        assert!(check(named(MAX_NAME_BYTES + 1).as_bytes()).is_err());
    }

    #[test]
    fn the_content_of_strings_does_not_count() {
        let text = format!(r#"{{"a": "{}\\", "b": "\"[{{,"}}"#, "[,{".repeat(MAX_VALUES));
        assert_eq!(check(text.as_bytes()), Ok(()));
    }
}
