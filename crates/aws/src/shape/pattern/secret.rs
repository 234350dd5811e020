//! Regions and filters of Secrets Manager.

/// `^([a-z]+-)+\d+$`
pub(crate) fn is_replica_region(text: &str) -> bool {
    let Some((words, number)) = text.rsplit_once('-') else { return false };
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    words.split('-').all(is_word) && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// `^\!?[a-zA-Z0-9 :_@\/\+\=\.\-\!]*$`
pub(crate) fn is_filter_value(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" :_@/+=.-!".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_and_filters_have_their_characters() {
        assert!(is_replica_region("us-gov-west-1") && is_replica_region("eu-west-12"));
        assert!(!is_replica_region("eu-west-") && !is_replica_region("eu--1") && !is_replica_region("1"));
        assert!(is_filter_value("!ecr-pullthroughcache/a b") && is_filter_value(""));
        assert!(!is_filter_value("a*"));
    }
}
