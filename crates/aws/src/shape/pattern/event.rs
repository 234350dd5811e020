//! Names, ARNs and HTTP parameters of EventBridge.

use super::{consists_of, is_account_id};

pub(crate) fn is_event_name(text: &str) -> bool {
    consists_of(text, ".-_", |byte| byte.is_ascii_alphanumeric())
}

pub(crate) fn is_bus_name(text: &str) -> bool {
    consists_of(text, "/.-_", |byte| byte.is_ascii_alphanumeric())
}

pub(crate) fn is_bus_name_or_arn(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("arn:aws") else { return is_bus_name(text) };
    let mut parts = rest.splitn(5, ':');
    let mut next = || parts.next().unwrap_or_default();
    let (partition, service, region, account, resource) = (next(), next(), next(), next(), next());
    let is_part =
        |text: &str| text.is_empty() || consists_of(text, "-_", |byte| byte.is_ascii_alphanumeric());
    is_part(partition)
        && service == "events"
        && region.split('-').count() >= 3
        && is_part(region)
        && is_account_id(account)
        && resource.strip_prefix("event-bus/").is_some_and(is_bus_name)
}

pub(crate) fn is_connection_arn(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("arn:aws") else { return false };
    let mut parts = rest.splitn(5, ':');
    let mut next = || parts.next().unwrap_or_default();
    let (partition, service, region, account, resource) = (next(), next(), next(), next(), next());
    let is_small = |text: &str, digits: bool| {
        text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-' || digits && byte.is_ascii_digit())
    };
    let mut names = resource.split('/');
    let is_named = names.next() == Some("connection")
        && names.next().is_some_and(is_event_name)
        && names.next().is_some_and(|id| consists_of(id, "-", |byte| byte.is_ascii_alphanumeric()))
        && names.next().is_none();
    is_small(partition, false)
        && service == "events"
        && is_small(region, true)
        && (account.is_empty() || is_account_id(account))
        && is_named
}

/// `.*`: one line.
pub(crate) fn is_line(text: &str) -> bool {
    !text.contains('\n')
}

pub(crate) fn is_header_text(text: &str) -> bool {
    let has_text = text.chars().any(|c| c != ' ' && c != '\t');
    has_text && text.chars().all(|c| c == '\t' || !matches!(c, '\0'..='\u{1f}' | ':' | '\u{7f}'))
}

pub(crate) fn is_header_name(text: &str) -> bool {
    // The expression has the range from + to full stop.
    consists_of(text, "!#$%&'*+,-.^_`|~", |byte| byte.is_ascii_alphanumeric())
}

pub(crate) fn is_header_value(text: &str) -> bool {
    let has_text = text.bytes().any(|byte| byte != b'\t');
    has_text && text.bytes().all(|byte| byte == b'\t' || (0x20..=0x7e).contains(&byte))
}

pub(crate) fn is_endpoint(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_valid = match byte {
            b'%' => (0..2).all(|_| bytes.next().is_some_and(|digit| digit.is_ascii_hexdigit())),
            byte => byte.is_ascii_alphanumeric() || b"-()_.!~*';/?:@&=+$,".contains(&byte),
        };
        if !is_valid {
            return false;
        }
    }
    !text.is_empty()
}

pub(crate) fn is_path_key(text: &str) -> bool {
    consists_of(text, "_-", |byte| byte.is_ascii_alphanumeric())
}

pub(crate) fn is_path_parameter(text: &str) -> bool {
    !text.trim().is_empty() && is_line(text)
}

pub(crate) fn is_query_key(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(|c| matches!(c, '\0'..='\u{1f}' | '\u{7f}'))
}

pub(crate) fn is_query_value(text: &str) -> bool {
    let is_control = |c| matches!(c, '\0'..='\u{1f}' | '\u{7f}') && c != '\n' && c != '\r';
    !text.is_empty() && !text.chars().any(is_control)
}

pub(crate) fn is_key_identifier(text: &str) -> bool {
    text.is_empty() || consists_of(text, "_-/:", |byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_name_a_kind_a_name_and_an_id() {
        let arn = "arn:aws:events:eu-west-1:123456789012:connection/a.b-c_d/0e54b2bc-7b8a";
        assert!(is_connection_arn(arn));
        for bad in [
            "",
            "arn:aws:events:eu-west-1:123456789012:connection/a",
            "arn:aws:ecr:eu-west-1:1:connection/a/b",
        ] {
            assert!(!is_connection_arn(bad), "{bad}");
        }
        for good in ["default", "a/b.c", "arn:aws:events:eu-west-1:123456789012:event-bus/default"] {
            assert!(is_bus_name_or_arn(good), "{good}");
        }
        for bad in [
            "",
            "a b",
            "arn:aws:events:eu-west-1:123456789012:rule/default",
            "arn:aws:events:eu:1:event-bus/a",
        ] {
            assert!(!is_bus_name_or_arn(bad), "{bad}");
        }
    }

    #[test]
    fn http_parameters_have_no_control_characters() {
        assert!(
            is_header_text("x-api key")
                && !is_header_text("a:b")
                && !is_header_text(" ")
                && !is_header_text("é\n")
        );
        assert!(is_header_value("a: b") && !is_header_value("é") && !is_header_value(""));
        assert!(is_header_name("x-a") && !is_header_name("x a"));
        assert!(
            is_endpoint("https://a.example/b?c=%2F") && !is_endpoint("https://a b") && !is_endpoint("a%2")
        );
        assert!(is_query_value("a\nb") && !is_query_value("a\tb") && !is_query_key("a\nb"));
    }
}
