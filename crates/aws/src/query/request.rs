//! Requests of the query services: parameters read from the form and held against their rules, with the texts that
//! IAM and STS have for those that break one.

use super::Form;
use crate::tag;

/// A parameter that breaks a rule; the services answer `ValidationError`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Invalid {
    /// The sentence for the client.
    pub message: String,
}

/// A request of a query service.
pub trait FromForm: Sized {
    /// Reads it.
    fn from_form(form: &Form) -> Result<Self, Invalid>;
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

/// A parameter's name as the texts have it: `UserName` is `userName`.
fn member(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(characters).collect()
}

/// The sentence for a value that breaks a rule.
pub fn invalid(name: &str, value: Option<&str>, constraint: &str) -> Invalid {
    let shown = match value {
        None => "null".to_owned(),
        Some(value) => format!("'{}'", value.chars().take(256).collect::<String>()),
    };
    let member = member(name);
    Invalid {
        message: format!(
            "1 validation error detected: Value {shown} at '{member}' failed to satisfy constraint: {constraint}"
        ),
    }
}

/// Holds a text against a rule.
pub fn check(rule: &Rule, name: &str, value: &str) -> Result<(), Invalid> {
    let length = value.chars().count();
    if length < rule.min {
        let constraint = format!("Member must have length greater than or equal to {}", rule.min);
        return Err(invalid(name, Some(value), &constraint));
    }
    if length > rule.max {
        let constraint = format!("Member must have length less than or equal to {}", rule.max);
        return Err(invalid(name, Some(value), &constraint));
    }
    match rule.pattern {
        Some((pattern, fits)) if !fits(value) => Err(invalid(
            name,
            Some(value),
            &format!("Member must satisfy regular expression pattern: {pattern}"),
        )),
        _ => Ok(()),
    }
}

impl Form {
    /// A parameter that must be there.
    pub fn required(&self, name: &str, rule: &Rule) -> Result<String, Invalid> {
        self.optional(name, rule)?.ok_or_else(|| invalid(name, None, "Member must not be null"))
    }

    /// A parameter that may be left out.
    pub fn optional(&self, name: &str, rule: &Rule) -> Result<Option<String>, Invalid> {
        let Some(value) = self.get(name) else { return Ok(None) };
        check(rule, name, value)?;
        Ok(Some(value.to_owned()))
    }

    /// A list of texts, of at most `most` members.
    pub fn texts(&self, name: &str, rule: &Rule, most: usize) -> Result<Vec<String>, Invalid> {
        let values = self.list(name);
        if values.len() > most {
            let constraint = format!("Member must have length less than or equal to {most}");
            return Err(invalid(name, Some(""), &constraint));
        }
        for value in &values {
            check(rule, name, value)?;
        }
        Ok(values.into_iter().map(str::to_owned).collect())
    }

    /// A list that must be there, though it may be empty: SDKs write an empty list as its bare name.
    fn there<T>(&self, name: &str, list: Vec<T>) -> Result<Vec<T>, Invalid> {
        if list.is_empty() && self.get(name).is_none() {
            return Err(invalid(name, None, "Member must not be null"));
        }
        Ok(list)
    }

    /// `texts` that must be there.
    pub fn required_texts(&self, name: &str, rule: &Rule, most: usize) -> Result<Vec<String>, Invalid> {
        self.there(name, self.texts(name, rule, most)?)
    }

    /// `tags` that must be there.
    pub fn required_tags(&self, name: &str) -> Result<Vec<(String, String)>, Invalid> {
        self.there(name, self.tags(name)?)
    }

    /// A whole number.
    pub fn number(&self, name: &str, min: i64, max: i64) -> Result<Option<i64>, Invalid> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let number: i64 = text.parse().map_err(|_| Invalid {
            message: format!(
                "The value '{}' of {name} is not a whole number.",
                text.chars().take(64).collect::<String>()
            ),
        })?;
        if number < min {
            let constraint = format!("Member must have value greater than or equal to {min}");
            return Err(invalid(name, Some(text), &constraint));
        }
        if number > max {
            let constraint = format!("Member must have value less than or equal to {max}");
            return Err(invalid(name, Some(text), &constraint));
        }
        Ok(Some(number))
    }

    /// A truth value; absent is false.
    pub fn flag(&self, name: &str) -> Result<bool, Invalid> {
        match self.get(name) {
            None => Ok(false),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(text) => Err(invalid(name, Some(text), "Member must be true or false")),
        }
    }

    /// `Tags.member.N.Key` and `.Value`: at most 50, keys of 1 to 128 characters, values of up to 256.
    pub fn tags(&self, name: &str) -> Result<Vec<(String, String)>, Invalid> {
        let members = self.structures(name);
        if members.len() > tag::MAX_TAGS {
            return Err(invalid(name, Some(""), "Member must have length less than or equal to 50"));
        }
        let mut tags = Vec::with_capacity(members.len());
        for (index, tag) in members.iter().enumerate() {
            let at = |field: &str| format!("{}.{}.member.{field}", member(name), index + 1);
            let there = |field: &str, name: &str| {
                tag.get(field).ok_or_else(|| invalid(&at(name), None, "Member must not be null"))
            };
            let (key, value) = (there("Key", "key")?, there("Value", "value")?);
            check(&TAG_KEY, &at("key"), key)?;
            check(&TAG_VALUE, &at("value"), value)?;
            tags.push((key.to_owned(), value.to_owned()));
        }
        Ok(tags)
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
            fn from_form(form: &$crate::query::Form) -> Result<Self, $crate::query::Invalid> {
                let _ = form;
                Ok(Self { $($field: $crate::query_requests!(@read form, $kind, $from $(, $($argument),*)?),)* })
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
    (@read $form:ident, required, $from:literal, $rule:expr) => { $form.required($from, &$rule)? };
    (@read $form:ident, optional, $from:literal, $rule:expr) => { $form.optional($from, &$rule)? };
    (@read $form:ident, texts, $from:literal, $rule:expr, $most:expr) => { $form.texts($from, &$rule, $most)? };
    (@read $form:ident, required_texts, $from:literal, $rule:expr, $most:expr) => {
        $form.required_texts($from, &$rule, $most)?
    };
    (@read $form:ident, required_tags, $from:literal) => { $form.required_tags($from)? };
    (@read $form:ident, number, $from:literal, $min:expr, $max:expr) => { $form.number($from, $min, $max)? };
    (@read $form:ident, flag, $from:literal) => { $form.flag($from)? };
    (@read $form:ident, tags, $from:literal) => { $form.tags($from)? };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(body: &str) -> Form {
        Form::parse(body.as_bytes()).unwrap()
    }

    #[test]
    fn a_broken_rule_is_told_as_iam_tells_it() {
        for (body, message) in [
            (
                "",
                "1 validation error detected: Value null at 'userName' failed to satisfy constraint: Member must not be null",
            ),
            (
                "UserName=a%2Fb",
                r"1 validation error detected: Value 'a/b' at 'userName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]+",
            ),
            (
                "UserName=",
                "1 validation error detected: Value '' at 'userName' failed to satisfy constraint: Member must have length greater than or equal to 1",
            ),
        ] {
            assert_eq!(form(body).required("UserName", &NAME_64).unwrap_err().message, message);
        }
        let long = format!("UserName={}", "a".repeat(65));
        assert!(form(&long).required("UserName", &NAME_64).is_err());
    }

    #[test]
    fn paths_begin_and_end_with_a_slash() {
        for (path, good) in [
            ("/", true),
            ("/a/", true),
            ("/a/b/", true),
            ("", false),
            ("a/", false),
            ("//", false),
            ("/a", false),
            ("/a b/", false),
        ] {
            assert_eq!(check(&PATH, "Path", path).is_ok(), good, "{path}");
        }
    }

    #[test]
    fn paths_of_policies_have_fewer_characters() {
        for (path, good) in [
            ("/", true),
            ("/a/", true),
            ("/a.b/c,d+e@f=g_h-1/", true),
            ("", false),
            ("//", false),
            ("a/", false),
            ("/a", false),
            ("/a!/", false),
            ("/a//b/", false),
        ] {
            assert_eq!(check(&POLICY_PATH, "Path", path).is_ok(), good, "{path}");
        }
    }

    #[test]
    fn documents_and_descriptions_are_latin() {
        for (text, document, description) in [
            ("{ é }\r\n\t", true, true),
            ("\u{a0}", true, false),
            ("\u{7f}", true, false),
            ("\u{100}", false, false),
            ("\u{1}", false, false),
        ] {
            assert_eq!(check(&DOCUMENT, "PolicyDocument", text).is_ok(), document, "{text:?}");
            assert_eq!(check(&ROLE_DESCRIPTION, "Description", text).is_ok(), description, "{text:?}");
        }
    }

    #[test]
    fn tags_are_bounded() {
        let tags = form("Tags.member.1.Key=k&Tags.member.1.Value=v%20w").tags("Tags").unwrap();
        assert_eq!(tags, [("k".to_owned(), "v w".to_owned())]);
        assert!(form("Tags.member.1.Value=v").tags("Tags").is_err());
        assert!(form("Tags.member.1.Key=%00").tags("Tags").is_err());
        let many: Vec<String> =
            (1..=51).map(|n| format!("Tags.member.{n}.Key={n}&Tags.member.{n}.Value=")).collect();
        assert!(form(&many.join("&")).tags("Tags").is_err());
        assert_eq!(
            form("Tags.member.1.Key=k").tags("Tags").unwrap_err().message,
            "1 validation error detected: Value null at 'tags.1.member.value' failed to satisfy constraint: Member \
             must not be null"
        );
    }

    #[test]
    fn a_list_that_must_be_there_may_be_empty_but_not_missing() {
        let rule = text(1, 128);
        assert_eq!(form("TagKeys=").required_texts("TagKeys", &rule, 50), Ok(Vec::new()));
        assert_eq!(form("Tags=").required_tags("Tags"), Ok(Vec::new()));
        let keys = form("TagKeys.member.1=a").required_texts("TagKeys", &rule, 50);
        assert_eq!(keys, Ok(vec!["a".to_owned()]));
        let null = |member: &str| {
            format!(
                "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not \
                 be null"
            )
        };
        let missing = form("").required_texts("TagKeys", &rule, 50).unwrap_err();
        assert_eq!(missing.message, null("tagKeys"));
        assert_eq!(form("").required_tags("Tags").unwrap_err().message, null("tags"));
    }

    #[test]
    fn numbers_have_bounds() {
        assert_eq!(form("MaxItems=5").number("MaxItems", 1, 1000), Ok(Some(5)));
        for bad in ["MaxItems=0", "MaxItems=1001", "MaxItems=x", "MaxItems="] {
            assert!(form(bad).number("MaxItems", 1, 1000).is_err(), "{bad}");
        }
    }
}
