//! Parses the JSON of descriptors, lists of them, and annotations.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt,
};

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{
    Refusals, excerpt,
    keys::{Keys, Text},
    scalar::Scalar,
    type_text,
};
use crate::{
    digest::Digest,
    manifest::{Descriptor, ManifestError},
};

/// The place of a descriptor, for messages: `config` or `layers[3]`.
#[derive(Copy, Clone)]
pub(super) enum Place {
    Member(&'static str),
    Item(&'static str, usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member(name) => f.write_str(name),
            Self::Item(name, index) => write!(f, "{name}[{index}]"),
        }
    }
}

/// A seed that parses with itself as the visitor.
macro_rules! seed_is_visitor {
    ($seed:ident -> $value:ty) => {
        impl<'de> DeserializeSeed<'de> for $seed<'_> {
            type Value = $value;

            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<$value, D::Error> {
                deserializer.deserialize_any(self)
            }
        }
    };
}

seed_is_visitor!(ListSeed -> Option<Vec<Descriptor>>);
seed_is_visitor!(DescriptorSeed -> Option<Descriptor>);
seed_is_visitor!(AnnotationsSeed -> BTreeMap<String, String>);
seed_is_visitor!(UrlsSeed -> Vec<String>);

/// Parses an array of descriptors; `null` means none.
pub(super) struct ListSeed<'a> {
    pub(super) name: &'static str,
    pub(super) refusals: &'a Refusals,
}

impl<'de> Visitor<'de> for ListSeed<'_> {
    type Value = Option<Vec<Descriptor>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` to be an array of descriptors", self.name)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Option<Vec<Descriptor>>, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Option<Vec<Descriptor>>, A::Error> {
        let Self { name, refusals } = self;
        let mut descriptors = Vec::new();
        loop {
            let place = Place::Item(name, descriptors.len());
            match seq.next_element_seed(DescriptorSeed { place, refusals })? {
                None => return Ok(Some(descriptors)),
                Some(Some(descriptor)) => {
                    refusals.keep()?;
                    descriptors.push(descriptor);
                }
                Some(None) => {
                    let reason = format!("`{place}` is null");
                    return Err(refusals.refuse(ManifestError::InvalidDescriptor(reason)));
                }
            }
        }
    }
}

/// Parses a descriptor; `null` means none.
pub(super) struct DescriptorSeed<'a> {
    pub(super) place: Place,
    pub(super) refusals: &'a Refusals,
}

/// Only clients use `data` and `platform`. They are listed here so that similar keys are found.
const KEYS: &[&str] =
    &["mediaType", "digest", "size", "artifactType", "annotations", "urls", "data", "platform"];

impl<'de> Visitor<'de> for DescriptorSeed<'_> {
    type Value = Option<Descriptor>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` to be a descriptor, which is a JSON object", self.place)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Option<Descriptor>, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<Descriptor>, A::Error> {
        let Self { place, refusals } = self;
        let mut keys = Keys::new(KEYS, refusals);
        let (mut digest, mut size) = (None, None);
        let (mut media_type, mut artifact_type) = (None, None);
        let (mut annotations, mut urls) = (BTreeMap::new(), Vec::new());
        while let Some(Text(key)) = map.next_key()? {
            match keys.admit(key)? {
                Some("digest") => digest = self.digest(&map.next_value()?)?,
                Some("size") => size = self.size(&map.next_value()?)?,
                Some("mediaType") => {
                    media_type = type_text(format_args!("{place}.mediaType"), map.next_value()?, refusals)?;
                }
                Some("artifactType") => {
                    artifact_type =
                        type_text(format_args!("{place}.artifactType"), map.next_value()?, refusals)?;
                }
                Some("annotations") => {
                    annotations = map.next_value_seed(AnnotationsSeed { place: Some(place), refusals })?;
                }
                Some("urls") => urls = map.next_value_seed(UrlsSeed { place, refusals })?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let digest = digest.ok_or_else(|| self.invalid("has no `digest`"))?;
        let size = size.ok_or_else(|| self.invalid("has no `size`"))?;
        Ok(Some(Descriptor { media_type, digest, size, artifact_type, annotations, urls }))
    }
}

impl DescriptorSeed<'_> {
    fn invalid<E: de::Error>(&self, rule: impl fmt::Display) -> E {
        self.refusals.refuse(ManifestError::InvalidDescriptor(format!("`{}` {rule}", self.place)))
    }

    fn digest<E: de::Error>(&self, value: &Scalar<'_>) -> Result<Option<Digest>, E> {
        let text = match value {
            Scalar::Null => return Ok(None),
            Scalar::Text(text) => text,
            _ => return Err(self.invalid("has a `digest` that is not a string")),
        };
        text.parse().map(Some).map_err(|error| self.invalid(format_args!("has a bad `digest`: {error}")))
    }

    /// The specification's type is int64, and so is the type of the column.
    fn size<E: de::Error>(&self, value: &Scalar<'_>) -> Result<Option<u64>, E> {
        match value {
            Scalar::Null => Ok(None),
            Scalar::Whole(size) if i64::try_from(*size).is_ok() => Ok(Some(*size)),
            _ => Err(self.invalid("has a `size` that is not a whole number from 0 to 9223372036854775807")),
        }
    }
}

/// Parses annotations, of the manifest or of the descriptor at a place.
pub(super) struct AnnotationsSeed<'a> {
    pub(super) place: Option<Place>,
    pub(super) refusals: &'a Refusals,
}

impl<'de> Visitor<'de> for AnnotationsSeed<'_> {
    type Value = BTreeMap<String, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`annotations` to be a JSON object")
    }

    fn visit_unit<E: de::Error>(self) -> Result<BTreeMap<String, String>, E> {
        Ok(BTreeMap::new())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<BTreeMap<String, String>, A::Error> {
        let mut annotations = BTreeMap::new();
        while let Some(Text(key)) = map.next_key()? {
            let Scalar::Text(value) = map.next_value()? else {
                return Err(self.refusals.refuse(self.not_a_string(&key)));
            };
            self.refusals.keep()?;
            match annotations.entry(key.into_owned()) {
                Entry::Vacant(entry) => entry.insert(value.into_owned()),
                Entry::Occupied(entry) => {
                    return Err(self.refusals.refuse(ManifestError::DuplicateKey(excerpt(entry.key()))));
                }
            };
        }
        Ok(annotations)
    }
}

impl AnnotationsSeed<'_> {
    fn not_a_string(&self, key: &str) -> ManifestError {
        let key = excerpt(key);
        match self.place {
            None => ManifestError::InvalidField(format!("the annotation `{key}` is not a string")),
            Some(place) => ManifestError::InvalidDescriptor(format!(
                "`{place}` has the annotation `{key}`, which is not a string"
            )),
        }
    }
}

/// Parses `urls`.
struct UrlsSeed<'a> {
    place: Place,
    refusals: &'a Refusals,
}

impl<'de> Visitor<'de> for UrlsSeed<'_> {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}.urls` to be an array of strings", self.place)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Vec<String>, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<String>, A::Error> {
        let mut urls = Vec::new();
        while let Some(value) = seq.next_element()? {
            let Scalar::Text(url) = value else {
                let reason = format!("`{}` has a URL that is not a string", self.place);
                return Err(self.refusals.refuse(ManifestError::InvalidDescriptor(reason)));
            };
            self.refusals.keep()?;
            urls.push(url.into_owned());
        }
        Ok(urls)
    }
}
