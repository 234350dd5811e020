//! The rules for resource tags, with ECR's texts. Resource tags are not image tags.

use super::Tag;
use super::invalid::{Invalid, InvalidKind};
use crate::tag::{self, Fault};

pub use crate::tag::MAX_TAGS;

/// Checks tags against the rules, which the model does not contain.
pub(super) fn check_tags(tags: &[Tag]) -> Result<(), Invalid> {
    let checked = tag::check(tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())));
    checked.map_err(|(at, fault)| match fault {
        Fault::TooMany => Invalid {
            breach: super::Breach::Other,
            kind: InvalidKind::TooManyTags,
            message: format!("A repository can have at most {MAX_TAGS} tags; the request has {}", tags.len()),
        },
        other => refused(tags.get(at).map(|tag| tag.key.as_str()).unwrap_or_default(), other),
    })
}

fn refused(key: &str, fault: Fault) -> Invalid {
    let why = match fault {
        Fault::NoKey => return Invalid::tag_parameter("Tag parameters are invalid"),
        Fault::KeyCharacters => {
            let message =
                "Tag parameters are invalid: a key can contain letters, digits, spaces and _.:/=+-@";
            return Invalid::tag_parameter(message);
        }
        Fault::TwiceInDifferentCase => {
            let message = "Two tags of a repository cannot have keys that differ only in case.";
            return Invalid::tag_parameter(message);
        }
        Fault::LongKey => format!("has more than {} characters", tag::MAX_KEY_CHARACTERS),
        Fault::Reserved => "begins with 'aws:', which is reserved".to_owned(),
        Fault::LongValue => format!("has a value of more than {} characters", tag::MAX_VALUE_CHARACTERS),
        Fault::ValueCharacters => {
            "has a value with other characters than letters, digits, spaces and _.:/=+-@".to_owned()
        }
        Fault::Twice | Fault::TooMany => "is given more than once".to_owned(),
    };
    Invalid::tag_parameter(format!("Tag parameters are invalid: the key '{key}' {why}"))
}

/// Checks tag keys against the rules.
pub(super) fn check_keys(keys: &[String]) -> Result<(), Invalid> {
    keys.iter().try_for_each(|key| tag::check_key(key).map_err(|fault| refused(key, fault)))
}
