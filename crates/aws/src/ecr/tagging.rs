//! TagResource, UntagResource and ListTagsForResource: AWS's resource tags, which are not image tags.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::Request;
use super::invalid::{Invalid, InvalidKind};
use super::validate::{Member, Rule};

/// Most tags of a resource.
pub const MAX_TAGS: usize = 50;
const MAX_KEY_CHARACTERS: usize = 128;
const MAX_VALUE_CHARACTERS: usize = 256;

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

/// The rules of AWS's tagging (ECR user guide, "Tagging a private repository"), which the model does not hold.
pub(super) fn check_tags(tags: &[Tag]) -> Result<(), Invalid> {
    if tags.len() > MAX_TAGS {
        return Err(Invalid {
            breach: super::Breach::Other,
            kind: InvalidKind::TooManyTags,
            message: format!(
                "A repository can have at most {MAX_TAGS} tags; the request holds {}",
                tags.len()
            ),
        });
    }
    let mut keys = HashSet::new();
    for tag in tags {
        check_key(&tag.key)?;
        if tag.value.chars().count() > MAX_VALUE_CHARACTERS {
            return Err(refused(
                &tag.key,
                &format!("has a value of more than {MAX_VALUE_CHARACTERS} characters"),
            ));
        }
        if tag.value.contains(char::is_control) {
            return Err(refused(&tag.key, "has a control character in its value"));
        }
        if !keys.insert(tag.key.as_str()) {
            return Err(refused(&tag.key, "is given more than once"));
        }
    }
    Ok(())
}

fn check_key(key: &str) -> Result<(), Invalid> {
    if key.is_empty() {
        return Err(Invalid::tag_parameter("Tag parameters are invalid"));
    }
    if key.chars().count() > MAX_KEY_CHARACTERS {
        return Err(refused(key, &format!("has more than {MAX_KEY_CHARACTERS} characters")));
    }
    if key.contains(char::is_control) {
        return Err(Invalid::tag_parameter("A tag key cannot hold control characters"));
    }
    if key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:")) {
        return Err(refused(key, "begins with 'aws:', which is reserved"));
    }
    Ok(())
}

fn refused(key: &str, why: &str) -> Invalid {
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
        self.tag_keys.iter().try_for_each(|key| check_key(key))
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
