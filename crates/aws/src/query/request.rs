//! Requests of the query services: parameters read from the form and held against their rules, with the texts that
//! IAM and STS have for those that break one.

use super::{Form, Invalid, Violations};
use crate::tag;

/// A request of a query service.
pub trait FromForm: Sized {
    /// Reads it, and notes what breaks a rule: then what is given back is not the request.
    fn read(form: &Form, found: &mut Violations) -> Self;

    /// Reads it, if it breaks no rule.
    fn from_form(form: &Form) -> Result<Self, Invalid> {
        let mut found = Violations::default();
        let request = Self::read(form, &mut found);
        found.none(request)
    }
}

/// A pattern as AWS's API reference has it, and whether a text fits it.
pub type Pattern = (&'static str, fn(&str) -> bool);

/// What a text parameter must be.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Fewest characters.
    pub min: usize,
    /// Most characters.
    pub max: usize,
    /// The pattern as AWS's API reference has it, and whether a text fits it.
    pub pattern: Option<Pattern>,
}

const NAME_PATTERN: Pattern = (r"[\w+=,.@-]+", is_name);

/// Names of users, roles: 64 characters of `[\w+=,.@-]`.
pub const NAME_64: Rule = Rule { min: 1, max: 64, pattern: Some(NAME_PATTERN) };
/// Names of groups, policies, instance profiles.
pub const NAME_128: Rule = Rule { min: 1, max: 128, pattern: Some(NAME_PATTERN) };
/// Names of sessions.
pub const SESSION_NAME: Rule = Rule { min: 2, max: 64, pattern: Some((r"[\w+=,.@-]*", is_name)) };
/// IAM paths.
pub const PATH: Rule =
    Rule { min: 1, max: 512, pattern: Some((r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)", is_path)) };
/// Prefixes of IAM paths.
pub const PATH_PREFIX: Rule =
    Rule { min: 1, max: 512, pattern: Some((r"\u002F[\u0021-\u007F]*", is_path_prefix)) };
/// ARNs.
pub const ARN: Rule = Rule { min: 20, max: 2048, pattern: None };
/// Paths of managed policies, which have fewer characters than other paths.
pub const POLICY_PATH: Rule =
    Rule { min: 1, max: 512, pattern: Some((r"((/[A-Za-z0-9\.,\+@=_-]+)*)/", is_policy_path)) };
/// Policy documents: the characters of Latin-1 alone.
pub const DOCUMENT: Rule =
    Rule { min: 1, max: 131_072, pattern: Some((r"[\u0009\u000A\u000D\u0020-\u00FF]+", is_latin)) };
/// Descriptions of roles.
pub const ROLE_DESCRIPTION: Rule = Rule {
    min: 0,
    max: 1000,
    pattern: Some((r"[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*", is_printable_latin)),
};
/// Access key ids.
pub const ACCESS_KEY_ID: Rule = Rule { min: 16, max: 128, pattern: Some((r"[\w]+", is_word)) };
/// Anything of a bounded length.
pub const fn text(min: usize, max: usize) -> Rule {
    Rule { min, max, pattern: None }
}

fn is_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Whether a text has only the characters of IAM names.
pub fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
}

fn is_policy_path(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".,+@=_-".contains(&byte);
    let between = text.strip_suffix('/').map(|rest| rest.split('/'));
    between.is_some_and(|mut parts| {
        parts.next() == Some("") && parts.all(|part| !part.is_empty() && part.bytes().all(is_plain))
    })
}

fn is_latin(text: &str) -> bool {
    text.chars().all(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}'))
}

fn is_printable_latin(text: &str) -> bool {
    is_latin(text) && !text.chars().any(|c| matches!(c, '\u{7f}'..='\u{a0}'))
}

fn is_path(text: &str) -> bool {
    text == "/"
        || (text.len() > 2
            && text.starts_with('/')
            && text.ends_with('/')
            && text.bytes().all(|byte| (0x21..=0x7e).contains(&byte)))
}

fn is_path_prefix(text: &str) -> bool {
    text.starts_with('/') && text.bytes().all(|byte| (0x21..=0x7f).contains(&byte))
}

impl Rule {
    /// The constraints that a text breaks.
    fn broken_by(&self, value: &str) -> Vec<String> {
        let length = value.chars().count();
        let mut broken = Vec::new();
        if length < self.min {
            broken.push(self.least());
        }
        if length > self.max {
            broken.push(self.most());
        }
        if self.pattern.is_some_and(|(_, fits)| !fits(value)) {
            broken.extend(self.shape());
        }
        broken
    }

    /// Every constraint, as the texts on members of a list name them.
    fn all(&self) -> String {
        let lengths = [self.most(), self.least()];
        lengths.into_iter().chain(self.shape()).collect::<Vec<_>>().join(", ")
    }

    fn least(&self) -> String {
        format!("Member must have length greater than or equal to {}", self.min)
    }

    fn most(&self) -> String {
        format!("Member must have length less than or equal to {}", self.max)
    }

    fn shape(&self) -> Option<String> {
        let (pattern, _) = self.pattern?;
        Some(format!("Member must satisfy regular expression pattern: {pattern}"))
    }
}

/// Holds a text against a rule.
pub fn check(rule: &Rule, at: &str, value: &str, found: &mut Violations) {
    for constraint in rule.broken_by(value) {
        found.add(at, value, &constraint);
    }
}

/// Holds the length of a list against its bound; `shown` is the list as the texts have it.
pub fn check_length(
    at: &str,
    length: usize,
    most: usize,
    shown: impl FnOnce() -> String,
    found: &mut Violations,
) {
    if length > most {
        found.add(at, &shown(), &format!("Member must have length less than or equal to {most}"));
    }
}

impl Form {
    /// A parameter that must be there.
    pub fn required(&self, name: &str, rule: &Rule, found: &mut Violations) -> String {
        if self.get(name).is_none() {
            found.add_null(name);
        }
        self.optional(name, rule, found).unwrap_or_default()
    }

    /// A parameter that may be left out.
    pub fn optional(&self, name: &str, rule: &Rule, found: &mut Violations) -> Option<String> {
        let value = self.get(name)?;
        check(rule, name, value, found);
        Some(value.to_owned())
    }

    /// A list of texts, of at most `most` members.
    pub fn texts(&self, name: &str, rule: &Rule, most: usize, found: &mut Violations) -> Vec<String> {
        let values = self.list(name);
        let shown = || format!("[{}]", values.join(", "));
        check_length(name, values.len(), most, shown, found);
        // Of lists of texts, the sentence shows the whole list and every constraint on its members.
        if values.iter().any(|value| !rule.broken_by(value).is_empty()) {
            found.add(name, &shown(), &format!("Member must satisfy constraint: [{}]", rule.all()));
        }
        values.into_iter().map(str::to_owned).collect()
    }

    /// A list must be there, though it may be empty: SDKs write an empty list as its bare name.
    fn check_there<T>(&self, name: &str, list: &[T], found: &mut Violations) {
        if list.is_empty() && self.get(name).is_none() {
            found.add_null(name);
        }
    }

    /// `texts` that must be there.
    pub fn required_texts(
        &self,
        name: &str,
        rule: &Rule,
        most: usize,
        found: &mut Violations,
    ) -> Vec<String> {
        let values = self.texts(name, rule, most, found);
        self.check_there(name, &values, found);
        values
    }

    /// `tags` that must be there.
    pub fn required_tags(&self, name: &str, found: &mut Violations) -> Vec<(String, String)> {
        let tags = self.tags(name, found);
        self.check_there(name, &tags, found);
        tags
    }

    /// A whole number.
    pub fn number(&self, name: &str, min: i64, max: i64, found: &mut Violations) -> Option<i64> {
        let text = self.get(name)?;
        let Ok(number) = text.parse::<i64>() else {
            let shown: String = text.chars().take(64).collect();
            found.add_malformed(format!("The value '{shown}' of {name} is not a whole number."));
            return None;
        };
        if number < min {
            found.add(name, text, &format!("Member must have value greater than or equal to {min}"));
        }
        if number > max {
            found.add(name, text, &format!("Member must have value less than or equal to {max}"));
        }
        Some(number)
    }

    /// A truth value; absent is false.
    pub fn flag(&self, name: &str, found: &mut Violations) -> bool {
        match self.get(name) {
            None => false,
            Some(text) if text.eq_ignore_ascii_case("true") => true,
            Some(text) if text.eq_ignore_ascii_case("false") => false,
            Some(text) => {
                found.add(name, text, "Member must be true or false");
                false
            }
        }
    }

    /// `Tags.member.N.Key` and `.Value`: at most 50, keys of 1 to 128 characters, values of up to 256.
    pub fn tags(&self, name: &str, found: &mut Violations) -> Vec<(String, String)> {
        let members = self.structures(name);
        let mut tags = Vec::with_capacity(members.len());
        for (index, tag) in members.iter().enumerate() {
            let mut part = |field: &str, at: &str, rule: &Rule| {
                let at = format!("{name}.{}.member.{at}", index + 1);
                match tag.get(field) {
                    Some(value) => check(rule, &at, value, found),
                    None => found.add_null(&at),
                }
                tag.get(field).unwrap_or_default().to_owned()
            };
            tags.push((part("Key", "key", &TAG_KEY), part("Value", "value", &TAG_VALUE)));
        }
        let shown = || {
            let each = tags.iter().map(|(key, value)| format!("Tag(key={key}, value={value})"));
            format!("[{}]", each.collect::<Vec<_>>().join(", "))
        };
        check_length(name, tags.len(), tag::MAX_TAGS, shown, found);
        tags
    }
}

const TAG_KEY: Rule = Rule {
    min: 1,
    max: tag::MAX_KEY_CHARACTERS,
    pattern: Some((r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+", tag::is_text)),
};
const TAG_VALUE: Rule = Rule {
    min: 0,
    max: tag::MAX_VALUE_CHARACTERS,
    pattern: Some((r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", tag::is_text)),
};

/// Declares requests: each field with how it is read.
#[macro_export]
macro_rules! query_requests {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $kind:ident $(($($argument:expr),*))? $from:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct $name {
            $(#[doc = concat!("`", $from, "`")] pub $field: $crate::query_requests!(@type $kind),)*
        }
        impl $crate::query::FromForm for $name {
            fn read(form: &$crate::query::Form, found: &mut $crate::query::Violations) -> Self {
                let _ = (form, &found);
                Self { $($field: $crate::query_requests!(@read form, found, $kind, $from $(, $($argument),*)?),)* }
            }
        }
    )*};
    (@type required) => { String };
    (@type optional) => { Option<String> };
    (@type texts) => { Vec<String> };
    (@type required_texts) => { Vec<String> };
    (@type required_tags) => { Vec<(String, String)> };
    (@type number) => { Option<i64> };
    (@type flag) => { bool };
    (@type tags) => { Vec<(String, String)> };
    (@read $form:ident, $found:ident, required, $from:literal, $rule:expr) => { $form.required($from, &$rule, $found) };
    (@read $form:ident, $found:ident, optional, $from:literal, $rule:expr) => { $form.optional($from, &$rule, $found) };
    (@read $form:ident, $found:ident, texts, $from:literal, $rule:expr, $most:expr) => {
        $form.texts($from, &$rule, $most, $found)
    };
    (@read $form:ident, $found:ident, required_texts, $from:literal, $rule:expr, $most:expr) => {
        $form.required_texts($from, &$rule, $most, $found)
    };
    (@read $form:ident, $found:ident, required_tags, $from:literal) => { $form.required_tags($from, $found) };
    (@read $form:ident, $found:ident, number, $from:literal, $min:expr, $max:expr) => {
        $form.number($from, $min, $max, $found)
    };
    (@read $form:ident, $found:ident, flag, $from:literal) => { $form.flag($from, $found) };
    (@read $form:ident, $found:ident, tags, $from:literal) => { $form.tags($from, $found) };
}

#[cfg(test)]
mod tests;
