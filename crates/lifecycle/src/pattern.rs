//! Prefixes and patterns of tags. In a pattern, `*` stands for any characters, also none.

/// The maximum number of `*` in one pattern (user guide, "Lifecycle policy properties").
pub(crate) const MOST_WILDCARDS: usize = 4;

/// A prefix or a pattern, ready to match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The text between the wildcards; the last part of a prefix is empty.
    parts: Vec<String>,
}

impl Pattern {
    /// A prefix: `*` in it is a character like any other.
    pub fn prefix(text: &str) -> Self {
        Self { parts: vec![text.to_owned(), String::new()] }
    }

    /// A pattern with `*`.
    pub fn wildcard(text: &str) -> Self {
        Self { parts: text.split('*').map(str::to_owned).collect() }
    }

    /// Whether it matches a tag. Parts in the middle are taken at their first place, which leaves the most for the rest.
    pub fn matches(&self, tag: &str) -> bool {
        let [first, middle @ .., last] = self.parts.as_slice() else {
            return self.parts.first().is_some_and(|only| only == tag);
        };
        let Some(mut rest) =
            tag.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str()))
        else {
            return false;
        };
        for part in middle {
            match rest.split_once(part.as_str()) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn patterns_match_as_documented() {
        for (pattern, tags, others) in [
            ("prod*", &["prod", "prod1", "production-team1"][..], &["a-prod", "pro"][..]),
            ("*prod*", &["repo-production", "prod-team", "prod"], &["prd"]),
            ("v*.*.0", &["v1.2.0", "v10.0.0"], &["v1.0", "v1.2.01"]),
            ("latest", &["latest"], &["latest1", "alatest", ""]),
            ("*", &["", "x"], &[]),
            ("a*a", &["aa", "aba"], &["a"]),
            ("*ab*ab", &["abab", "xabyab"], &["ab", "aab"]),
        ] {
            let compiled = Pattern::wildcard(pattern);
            assert!(tags.iter().all(|tag| compiled.matches(tag)), "{pattern}");
            assert!(!others.iter().any(|tag| compiled.matches(tag)), "{pattern}");
        }
    }

    #[test]
    fn a_prefix_takes_a_star_literally() {
        assert!(Pattern::prefix("3.9").matches("3.9-slim"));
        assert!(Pattern::prefix("a*").matches("a*b") && !Pattern::prefix("a*").matches("ab"));
    }
}
