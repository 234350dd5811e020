//! Names by pattern: `*` is any text. Everything else is the text itself.

/// A pattern for names of repositories or tags.
#[derive(Clone, Debug)]
pub(crate) struct Pattern(String);

impl Pattern {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The name, if the pattern is a name.
    pub(crate) fn name(&self) -> Option<&str> {
        (!self.0.contains('*')).then_some(self.0.as_str())
    }

    /// Whether a name has the form. Linear in both texts for each `*`, without recursion.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let Some((start, rest)) = self.0.split_once('*') else { return self.0 == name };
        let Some(mut name) = name.strip_prefix(start) else { return false };
        let mut parts: Vec<&str> = rest.split('*').collect();
        let end = parts.pop().unwrap_or_default();
        for part in parts {
            match name.split_once(part) {
                Some((_, after)) => name = after,
                None => return false,
            }
        }
        name.ends_with(end)
    }
}

/// The patterns that are names, and the others, which need a list of all names.
pub(crate) fn names_and_others(patterns: &[Pattern]) -> (Vec<String>, Vec<Pattern>) {
    let (names, others): (Vec<&Pattern>, Vec<&Pattern>) =
        patterns.iter().partition(|pattern| pattern.name().is_some());
    (names.into_iter().map(|name| name.0.clone()).collect(), others.into_iter().cloned().collect())
}

/// Whether one of the patterns matches. No pattern means every name.
pub(crate) fn chosen(patterns: &[Pattern], name: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text() {
        for (pattern, matching, other) in [
            ("team/*", &["team/", "team/app", "team/a/b"][..], &["team", "ateam/app"][..]),
            ("*", &["", "a", "a/b"], &[]),
            ("v1.*-rc*", &["v1.2-rc", "v1.-rc1"], &["v1.2", "xv1.2-rc"]),
            ("*app", &["app", "team/app", "appapp"], &["apps"]),
            ("a*a", &["aa", "aba"], &["a"]),
            ("a", &["a"], &["ab", ""]),
        ] {
            let of = Pattern::new(pattern);
            assert!(matching.iter().all(|name| of.matches(name)), "{pattern}");
            assert!(!other.iter().any(|name| of.matches(name)), "{pattern}");
        }
        assert!(chosen(&[], "x"));
        assert!(!chosen(&[Pattern::new("a"), Pattern::new("b")], "x"));
        assert_eq!(Pattern::new("a*").name(), None);
    }
}
