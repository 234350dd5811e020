//! Parses the JSON of a manifest with typed visitors: one pass, unknown values are skipped, no tree is built.
//!
//! A visitor can only return the deserialiser's own error. A visitor that refuses input therefore stores the real
//! reason in [`Refusals`] first, and [`Body::parse`] returns it.

mod descriptor;
mod keys;
mod scalar;

use std::{cell::Cell, collections::BTreeMap, fmt};

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::{Descriptor, MAX_KEPT, MAX_MEDIA_TYPE_LEN, ManifestError};
use descriptor::{AnnotationsSeed, DescriptorSeed, ListSeed, Place};
use keys::{Keys, Text};
use scalar::Scalar;

/// The known members of the top level. A member that is `null` counts as absent: Go writes nil pointers and slices in
/// this way.
#[derive(Default)]
pub(super) struct Body {
    pub(super) schema_version: Option<SchemaVersion>,
    pub(super) media_type: Option<String>,
    pub(super) artifact_type: Option<String>,
    pub(super) config: Option<Descriptor>,
    pub(super) layers: Option<Vec<Descriptor>>,
    pub(super) manifests: Option<Vec<Descriptor>>,
    pub(super) blobs: Option<Vec<Descriptor>>,
    pub(super) subject: Option<Descriptor>,
    pub(super) annotations: BTreeMap<String, String>,
}

/// The value of `schemaVersion`.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) enum SchemaVersion {
    One,
    Two,
    Other,
}

const KEYS: &[&str] = &[
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "manifests",
    "blobs",
    "subject",
    "annotations",
];

impl Body {
    /// Parses the whole text.
    pub(super) fn parse(json: &str) -> Result<Self, ManifestError> {
        let refusals = Refusals::default();
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let body = BodySeed(&refusals).deserialize(&mut deserializer);
        body.and_then(|body| deserializer.end().map(|()| body)).map_err(|error| refusals.explain(&error))
    }
}

/// Holds the real reason while the deserialiser's error is returned.
#[derive(Default)]
struct Refusals {
    reason: Cell<Option<ManifestError>>,
    kept: Cell<usize>,
}

impl Refusals {
    fn refuse<E: de::Error>(&self, reason: ManifestError) -> E {
        self.reason.set(Some(reason));
        E::custom("refused")
    }

    /// Counts one more descriptor, annotation or URL. Each uses much more memory than its JSON.
    fn keep<E: de::Error>(&self) -> Result<(), E> {
        let kept = self.kept.get() + 1;
        if kept > MAX_KEPT {
            return Err(self.refuse(ManifestError::TooManyItems));
        }
        self.kept.set(kept);
        Ok(())
    }

    fn explain(&self, error: &serde_json::Error) -> ManifestError {
        self.reason.take().unwrap_or_else(|| {
            let sentence = excerpt(&error.to_string());
            if error.is_data() {
                ManifestError::InvalidField(sentence)
            } else {
                ManifestError::NotJson(sentence)
            }
        })
    }
}

/// The beginning of a text from a client, short enough for an error message.
fn excerpt(text: &str) -> String {
    const MAX_CHARS: usize = 160;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

struct BodySeed<'a>(&'a Refusals);

impl<'de> DeserializeSeed<'de> for BodySeed<'_> {
    type Value = Body;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Body, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for BodySeed<'_> {
    type Value = Body;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a manifest, which is a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Body, A::Error> {
        let refusals = self.0;
        let mut keys = Keys::new(KEYS, refusals);
        let mut body = Body::default();
        while let Some(Text(key)) = map.next_key()? {
            let list = |name| ListSeed { name, refusals };
            let one = |name| DescriptorSeed { place: Place::Member(name), refusals };
            match keys.admit(key)? {
                Some("schemaVersion") => body.schema_version = schema_version(&map.next_value()?),
                Some(name @ "mediaType") => body.media_type = type_text(name, map.next_value()?, refusals)?,
                Some(name @ "artifactType") => {
                    body.artifact_type = type_text(name, map.next_value()?, refusals)?;
                }
                Some(name @ "config") => body.config = map.next_value_seed(one(name))?,
                Some(name @ "subject") => body.subject = map.next_value_seed(one(name))?,
                Some(name @ "layers") => body.layers = map.next_value_seed(list(name))?,
                Some(name @ "manifests") => body.manifests = map.next_value_seed(list(name))?,
                Some(name @ "blobs") => body.blobs = map.next_value_seed(list(name))?,
                Some("annotations") => {
                    body.annotations = map.next_value_seed(AnnotationsSeed { place: None, refusals })?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(body)
    }
}

fn schema_version(value: &Scalar<'_>) -> Option<SchemaVersion> {
    match value {
        Scalar::Null => None,
        Scalar::Whole(1) => Some(SchemaVersion::One),
        Scalar::Whole(2) => Some(SchemaVersion::Two),
        _ => Some(SchemaVersion::Other),
    }
}

/// A media or artifact type. An empty one counts as none: some writers cannot omit the member.
///
/// Only length and control characters are checked, because a registry must not refuse unknown types (image
/// specification, "Image Manifest").
fn type_text<E: de::Error>(
    what: impl fmt::Display,
    value: Scalar<'_>,
    refusals: &Refusals,
) -> Result<Option<String>, E> {
    let refuse = |rule: &str| Err(refusals.refuse(ManifestError::InvalidField(format!("`{what}` {rule}"))));
    match value {
        Scalar::Null => Ok(None),
        Scalar::Text(text) if text.is_empty() => Ok(None),
        Scalar::Text(text) if text.len() > MAX_MEDIA_TYPE_LEN => refuse("has more than 255 characters"),
        Scalar::Text(text) if text.chars().any(char::is_control) => refuse("has control characters"),
        Scalar::Text(text) => Ok(Some(text.into_owned())),
        _ => refuse("is not a string"),
    }
}
