//! Codes and tokens of Service Quotas.

use super::consists_of;

fn is_code(text: &str, most: usize) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && (2..=most).contains(&text.len())
        && consists_of(text, "-", |byte| byte.is_ascii_alphanumeric())
}

pub(crate) fn is_service_code(text: &str) -> bool {
    is_code(text, 64)
}

pub(crate) fn is_quota_code(text: &str) -> bool {
    is_code(text, 129)
}

pub(crate) fn is_base64(text: &str) -> bool {
    let digits = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'/' || byte == b'+')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_begin_with_a_letter() {
        for good in ["ecr", "L-03A36CE1", "Wharf-tags-per-image"] {
            assert!(is_quota_code(good) && is_service_code(good), "{good}");
        }
        for bad in ["", "e", "1a", "-a", "a_b", "a b"] {
            assert!(!is_quota_code(bad) && !is_service_code(bad), "{bad}");
        }
        let long = "a".repeat(65);
        assert!(is_quota_code(&long) && !is_service_code(&long));
    }

    #[test]
    fn tokens_are_base64() {
        assert!(is_base64("") && is_base64("aB9+/") && is_base64("YQ==") && is_base64("YWI="));
        assert!(!is_base64("a-b") && !is_base64("a_b") && !is_base64("a===") && !is_base64("a=b"));
    }
}
