//! The violations in a request: all in one text, as IAM and STS write them.

/// How many violations the text lists; the number before them counts all.
const MOST_LISTED: usize = 50;
/// Characters of a value that are repeated.
const MOST_SHOWN: usize = 256;

/// An invalid request; the services return `ValidationError`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Invalid {
    /// The sentence for the client.
    pub message: String,
}

/// The violations, in the order in which the request was parsed.
#[derive(Clone, Debug, Default)]
pub struct Violations {
    count: usize,
    listed: Vec<String>,
    /// A value of a wrong type: no constraint can be checked, and it is reported alone.
    malformed: Option<String>,
}

impl Violations {
    /// A value that breaks a rule.
    pub fn add(&mut self, at: &str, value: &str, constraint: &str) {
        self.note(&format!(" '{}'", value.chars().take(MOST_SHOWN).collect::<String>()), at, constraint);
    }

    /// An invalid value that must not be repeated, because it is a secret.
    pub fn add_secret(&mut self, at: &str, constraint: &str) {
        self.note("", at, constraint);
    }

    /// A value that is not there.
    pub fn add_null(&mut self, at: &str) {
        self.note(" null", at, "Member must not be null");
    }

    /// A value that is none of its type.
    pub fn add_malformed(&mut self, message: String) {
        self.malformed.get_or_insert(message);
    }

    fn note(&mut self, value: &str, at: &str, constraint: &str) {
        self.count += 1;
        if self.listed.len() < MOST_LISTED {
            let at = member(at);
            self.listed.push(format!("Value{value} at '{at}' failed to satisfy constraint: {constraint}"));
        }
    }

    /// The request, if nothing was found in it.
    pub fn none<T>(self, request: T) -> Result<T, Invalid> {
        if let Some(message) = self.malformed {
            return Err(Invalid { message });
        }
        if self.count == 0 {
            return Ok(request);
        }
        let errors = if self.count == 1 { "error" } else { "errors" };
        let message = format!("{} validation {errors} detected: {}", self.count, self.listed.join("; "));
        Err(Invalid { message })
    }
}

/// The parameter name in the texts: `UserName` is `userName`.
fn member(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_violations_are_in_one_text() {
        let mut found = Violations::default();
        found.add("UserName", "a/b", "Member must be good");
        found.add_null("Tags");
        found.add_secret("WebIdentityToken", "Member must be longer");
        assert_eq!(
            found.none(()).unwrap_err().message,
            "3 validation errors detected: Value 'a/b' at 'userName' failed to satisfy constraint: Member must be \
             good; Value null at 'tags' failed to satisfy constraint: Member must not be null; Value at \
             'webIdentityToken' failed to satisfy constraint: Member must be longer"
        );
        assert_eq!(Violations::default().none(7), Ok(7));
    }

    #[test]
    fn a_sentence_has_an_end() {
        let mut found = Violations::default();
        for _ in 0..10_000 {
            found.add("a", &"x".repeat(1_000), "Member must be good");
        }
        let message = found.none(()).unwrap_err().message;
        assert!(message.starts_with("10000 validation errors detected: Value 'xxx"));
        assert!(message.len() < 20_000, "{}", message.len());
    }

    #[test]
    fn a_value_that_is_not_a_number_is_reported_alone() {
        let mut found = Violations::default();
        found.add_null("a");
        found.add_malformed("'x' is not a whole number.".to_owned());
        assert_eq!(found.none(()).unwrap_err().message, "'x' is not a whole number.");
    }
}
