//! TagResource, UntagResource and ListTagsForResource: AWS's resource tags, which are not image tags.

use serde::{Deserialize, Serialize};

use super::Request;
use super::invalid::{Invalid, InvalidKind};
use super::validate::{Member, Rule};
use crate::tag::{self, Fault};

pub use crate::tag::MAX_TAGS;

/// A resource tag. Alone among ECR's members its two begin with a capital.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

pub(super) const TAG_LIST: Rule = Rule::List {
    of: &Rule::Structure(&[
        Member::required("Key", Rule::ANY_TEXT),
        Member::required("Value", Rule::ANY_TEXT),
    ]),
    min: 0,
    max: usize::MAX,
};

/// Holds tags against the rules, which the model does not have.
pub(super) fn check_tags(tags: &[Tag]) -> Result<(), Invalid> {
    let checked = tag::check(tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())));
    checked.map_err(|(at, fault)| match fault {
        Fault::TooMany => Invalid {
            breach: super::Breach::Other,
            kind: InvalidKind::TooManyTags,
            message: format!(
                "A repository can have at most {MAX_TAGS} tags; the request holds {}",
                tags.len()
            ),
        },
        other => refused(tags.get(at).map(|tag| tag.key.as_str()).unwrap_or_default(), other),
    })
}

fn refused(key: &str, fault: Fault) -> Invalid {
    let why = match fault {
        Fault::NoKey => return Invalid::tag_parameter("Tag parameters are invalid"),
        Fault::KeyCharacters => {
            let message = "Tag parameters are invalid: a key can hold letters, digits, spaces and _.:/=+-@";
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

/// Adds tags to a repository or changes their values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TagResourceRequest {
    /// The repository's ARN.
    pub resource_arn: String,
    /// The tags.
    pub tags: Vec<Tag>,
}

impl Request for TagResourceRequest {
    const OPERATION: &'static str = "TagResource";
    const MEMBERS: &'static [Member] =
        &[Member::required("resourceArn", Rule::ANY_TEXT), Member::required("tags", TAG_LIST)];

    fn validate(&self) -> Result<(), Invalid> {
        check_tags(&self.tags)
    }
}

/// Nothing to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TagResourceResponse {}

/// Takes tags off a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UntagResourceRequest {
    /// The repository's ARN.
    pub resource_arn: String,
    /// Keys of the tags.
    pub tag_keys: Vec<String>,
}

impl Request for UntagResourceRequest {
    const OPERATION: &'static str = "UntagResource";
    const MEMBERS: &'static [Member] = &[
        Member::required("resourceArn", Rule::ANY_TEXT),
        Member::required("tagKeys", Rule::List { of: &Rule::ANY_TEXT, min: 0, max: usize::MAX }),
    ];

    fn validate(&self) -> Result<(), Invalid> {
        self.tag_keys.iter().try_for_each(|key| tag::check_key(key).map_err(|fault| refused(key, fault)))
    }
}

/// Nothing to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UntagResourceResponse {}

/// Lists a repository's tags.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListTagsForResourceRequest {
    /// The repository's ARN.
    pub resource_arn: String,
}

impl Request for ListTagsForResourceRequest {
    const OPERATION: &'static str = "ListTagsForResource";
    const MEMBERS: &'static [Member] = &[Member::required("resourceArn", Rule::ANY_TEXT)];
}

/// A repository's tags.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListTagsForResourceResponse {
    /// The tags.
    pub tags: Vec<Tag>,
}
