//! The filters of GetResources.

use access::error::Result;
use access::store::{TaggedKind, TaggedResource};
use aws::tagging::{GetResourcesInput, TagFilter};

use super::{invalid, type_of};

/// What resources must have.
pub(super) struct Filter {
    types: Vec<String>,
    tags: Vec<TagFilter>,
}

impl Filter {
    pub(super) fn of(input: &mut GetResourcesInput) -> Result<Self> {
        let tags = std::mem::take(&mut input.tag_filters);
        if tags.iter().any(|filter| filter.key.is_none()) {
            return Err(invalid("A tag filter must have a key."));
        }
        let types = std::mem::take(&mut input.resource_type_filters);
        let is_type = |text: &String| {
            let (service, kind) = text.split_once(':').unwrap_or((text, "*"));
            let fits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic());
            fits(service) && fits(kind)
        };
        if let Some(wrong) = types.iter().find(|text| !is_type(text)) {
            return Err(invalid(format!("{wrong} is not a resource type: use SERVICE or SERVICE:TYPE.")));
        }
        Ok(Self { types, tags })
    }

    /// Whether resources of a kind can match.
    pub(super) fn has_kind(&self, kind: TaggedKind) -> bool {
        let of_kind = type_of(kind);
        let is_kind = |text: &String| {
            text == of_kind || of_kind.split_once(':').is_some_and(|(service, _)| service == text)
        };
        self.types.is_empty() || self.types.iter().any(is_kind)
    }

    /// Whether a resource has a tag for every filter.
    pub(super) fn matches(&self, resource: &TaggedResource) -> bool {
        self.tags.iter().all(|filter| {
            resource.tags.iter().any(|(key, value)| {
                filter.key.as_ref() == Some(key)
                    && (filter.values.is_empty() || filter.values.contains(value))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(types: &[&str], tags: &[(&str, &[&str])]) -> Filter {
        let tag = |(key, values): &(&str, &[&str])| TagFilter {
            key: Some((*key).to_owned()),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        let mut input = GetResourcesInput {
            resource_type_filters: types.iter().map(|text| (*text).to_owned()).collect(),
            tag_filters: tags.iter().map(tag).collect(),
            ..GetResourcesInput::default()
        };
        Filter::of(&mut input).unwrap()
    }

    #[test]
    fn each_filter_needs_a_tag_with_one_of_its_values() {
        let tags = [("team", "a"), ("stage", "live")];
        let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        let resource = TaggedResource { path: String::new(), name: "app".to_owned(), tags };
        for (tags, expected) in [
            (&[][..], true),
            (&[("team", &[][..])], true),
            (&[("team", &["b", "a"][..])], true),
            (&[("team", &["b"][..])], false),
            (&[("team", &["a"][..]), ("stage", &["live"])], true),
            (&[("team", &["a"][..]), ("stage", &["test"])], false),
            (&[("Team", &[][..])], false),
        ] {
            assert_eq!(filter(&[], tags).matches(&resource), expected, "{tags:?}");
        }
    }

    #[test]
    fn a_type_is_a_service_or_one_of_its_kinds() {
        let kinds = |types: &[&str]| {
            let filter = filter(types, &[]);
            TaggedKind::ALL.into_iter().filter(|kind| filter.has_kind(*kind)).count()
        };
        assert_eq!(kinds(&[]), 6);
        assert_eq!(kinds(&["iam"]), 5);
        assert_eq!(kinds(&["ecr", "iam:role"]), 2);
        assert_eq!(kinds(&["ecr:repository"]), 1);
        assert_eq!(kinds(&["ec2:instance", "ecr:other"]), 0);
    }
}
