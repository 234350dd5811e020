//! A service's model in `crates/aws/model`: the facts of AWS's service models, without prose.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// A service's API.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Model {
    pub(super) version: String,
    pub(super) operations: BTreeMap<String, Operation>,
    pub(super) shapes: BTreeMap<String, Shape>,
}

/// An operation: the names of its input and output shapes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Operation {
    pub(super) input: Option<String>,
    pub(super) output: Option<String>,
    pub(super) errors: Vec<String>,
}

/// The type of a value.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Structure,
    List,
    Map,
    String,
    Boolean,
    Integer,
    Long,
    Double,
    Timestamp,
    Blob,
}

/// A type with its rules.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shape {
    #[serde(rename = "type")]
    pub(super) kind: Kind,
    #[serde(default)]
    pub(super) members: Vec<Member>,
    pub(super) member: Option<String>,
    pub(super) key: Option<String>,
    pub(super) value: Option<String>,
    pub(super) min: Option<i64>,
    pub(super) max: Option<i64>,
    pub(super) pattern: Option<String>,
    #[serde(rename = "enum", default)]
    pub(super) choices: Vec<String>,
    #[serde(default)]
    pub(super) sensitive: bool,
    /// The code of an exception on the wire.
    pub(super) exception: Option<String>,
    pub(super) status: Option<u16>,
}

/// A member of a structure.
#[derive(Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) shape: String,
    #[serde(default)]
    pub(super) required: bool,
}

impl Shape {
    fn without_members() -> Self {
        Self {
            kind: Kind::Structure,
            members: Vec::new(),
            member: None,
            key: None,
            value: None,
            min: None,
            max: None,
            pattern: None,
            choices: Vec::new(),
            sensitive: false,
            exception: None,
            status: None,
        }
    }
}

impl Model {
    /// Reads a service's model, and Wharf's own additions to it.
    pub(super) fn read(folder: &Path, service: &str) -> Result<Self> {
        let mut model = Self::file(&folder.join(format!("{service}.json")))?;
        let own = folder.join(format!("{service}.wharf.json"));
        if own.exists() {
            let own = Self::file(&own)?;
            model.operations.extend(own.operations);
            for (name, shape) in own.shapes {
                match model.shapes.entry(name) {
                    Entry::Occupied(mut known) => {
                        known.get_mut().members.extend(shape.members);
                        known.get_mut().choices.extend(shape.choices);
                    }
                    Entry::Vacant(new) => {
                        new.insert(shape);
                    }
                }
            }
        }
        // The model has no shape for a request without members.
        for (name, operation) in &mut model.operations {
            let input = operation.input.get_or_insert_with(|| format!("{name}Request"));
            model.shapes.entry(input.clone()).or_insert_with(Shape::without_members);
        }
        Ok(model)
    }

    fn file(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        serde_json::from_str(&text).with_context(|| path.display().to_string())
    }

    /// The shape with this name.
    pub(super) fn shape(&self, name: &str) -> Result<&Shape> {
        self.shapes.get(name).with_context(|| format!("the model has no shape {name}"))
    }

    /// The shapes of requests.
    pub(super) fn of_requests(&self) -> BTreeSet<&str> {
        self.reachable(self.operations.values().filter_map(|operation| operation.input.as_deref()))
    }

    /// The shapes of answers.
    pub(super) fn of_answers(&self) -> BTreeSet<&str> {
        self.reachable(self.operations.values().filter_map(|operation| operation.output.as_deref()))
    }

    fn reachable<'a>(&'a self, from: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
        let mut waiting: Vec<&str> = from.collect();
        let mut found = BTreeSet::new();
        while let Some(name) = waiting.pop() {
            if let Some(shape) = self.shapes.get(name).filter(|_| found.insert(name)) {
                let inner = [&shape.member, &shape.key, &shape.value];
                waiting.extend(inner.into_iter().filter_map(Option::as_deref));
                waiting.extend(shape.members.iter().map(|member| member.shape.as_str()));
            }
        }
        found
    }
}
