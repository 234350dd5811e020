//! The Rust types of a service's shapes: structs and enums.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::{Result, bail, ensure};

use super::model::{Kind, Member, Model, Shape};
use super::names;
use super::overrides::{Overrides, Protocol, Service};

/// Writes the types of one service.
pub(super) struct Types<'a> {
    model: &'a Model,
    protocol: Protocol,
    overrides: &'a Overrides,
    of_requests: BTreeSet<&'a str>,
    of_answers: BTreeSet<&'a str>,
    outputs: BTreeSet<&'a str>,
}

/// The traits that a type derives, in addition to `Clone`.
#[derive(Clone, Copy)]
struct Traits {
    debug: bool,
    eq: bool,
    partial_eq: bool,
    copy: bool,
    default: bool,
}

impl Traits {
    const ALL: Self = Self { debug: true, eq: true, partial_eq: true, copy: true, default: true };

    fn and(self, other: Self) -> Self {
        Self {
            debug: self.debug && other.debug,
            eq: self.eq && other.eq,
            partial_eq: self.partial_eq && other.partial_eq,
            copy: self.copy && other.copy,
            default: self.default && other.default,
        }
    }

    /// Of a list or map.
    fn collected(self) -> Self {
        Self { copy: false, default: true, ..self }
    }
}

/// The representation of a member.
#[derive(Clone, Copy, PartialEq)]
enum Holding {
    /// Required.
    Plain,
    /// Absent means the empty list, map or blob, or `false`.
    Empty,
    /// Optional.
    Maybe,
}

impl<'a> Types<'a> {
    pub(super) fn new(model: &'a Model, service: &'a Service) -> Self {
        let outputs = model.operations.values().filter_map(|operation| operation.output.as_deref()).collect();
        let (of_requests, of_answers) = (model.of_requests(), model.of_answers());
        let Service { protocol, overrides, .. } = service;
        Self { model, protocol: *protocol, overrides, of_requests, of_answers, outputs }
    }

    /// The Rust name of a shape.
    fn name(&self, shape: &str) -> String {
        self.shared_name(shape).map_or_else(|| names::capitalised_first(shape), str::to_owned)
    }

    /// The name of the type that the shape shares with others.
    fn shared_name(&self, shape: &str) -> Option<&'static str> {
        self.overrides.same.iter().find(|(model, _)| *model == shape).map(|(_, rust)| *rust)
    }

    /// Every struct and enum, by name.
    pub(super) fn write(&self) -> Result<String> {
        let mut written = BTreeMap::new();
        let mut repeated = Vec::new();
        for shape in self.of_requests.union(&self.of_answers) {
            let Some(text) = self.definition(shape)? else { continue };
            let name = self.name(shape);
            if self.shared_name(shape).is_some() {
                repeated.push(format!("pub type {shape} = {name};\n"));
            }
            if let Some(earlier) = written.insert(name.clone(), text.clone()) {
                ensure!(earlier == text, "{shape} is not the same as {name}");
            }
        }
        Ok(written.into_values().chain(repeated).collect::<Vec<_>>().join("\n"))
    }

    fn definition(&self, name: &str) -> Result<Option<String>> {
        let shape = self.model.shape(name)?;
        Ok(match shape.kind {
            Kind::Structure => Some(self.structure(name, shape)?),
            Kind::String if !shape.choices.is_empty() => Some(self.choice(name, shape)?),
            _ => None,
        })
    }

    /// Whether a set contains any shape of a Rust type: a type needs everything that one of its shapes needs.
    fn has(&self, name: &str, set: &BTreeSet<&'a str>) -> bool {
        set.iter().any(|shape| self.name(shape) == self.name(name))
    }

    /// Whether a type is in requests and in answers. Such types are also kept in the store, as JSON.
    fn is_both(&self, name: &str) -> bool {
        self.has(name, &self.of_requests) && self.has(name, &self.of_answers)
    }

    fn derives(&self, name: &str, traits: Traits) -> String {
        let name = self.name(name);
        let eq = traits.partial_eq && traits.eq;
        let derives = [
            (true, "Clone"),
            (traits.copy, "Copy"),
            (traits.debug, "Debug"),
            (traits.default, "Default"),
            (traits.partial_eq, "PartialEq"),
            (eq, "Eq"),
            (self.overrides.hash.contains(&name.as_str()), "Hash"),
            (self.has(&name, &self.of_answers), "Serialize"),
            (self.is_both(&name), "Deserialize"),
        ];
        let chosen: Vec<_> = derives.into_iter().filter_map(|(is_in, name)| is_in.then_some(name)).collect();
        format!("#[derive({})]\n", chosen.join(", "))
    }

    fn choice(&self, name: &str, shape: &Shape) -> Result<String> {
        let default = self.default_of(name);
        if let Some(default) = default {
            ensure!(shape.choices.iter().any(|choice| choice == default), "{name} has no {default}");
        }
        let traits = Traits { default: default.is_some(), ..Traits::ALL };
        let mut text = self.derives(name, traits);
        writeln!(text, "pub enum {} {{", self.name(name))?;
        for choice in &shape.choices {
            if default == Some(choice) {
                text += "#[default]\n";
            }
            let variant = names::variant(choice);
            if variant != *choice && self.has(name, &self.of_answers) {
                writeln!(text, "#[serde(rename = {choice:?})]")?;
            }
            writeln!(text, "{variant},")?;
        }
        text = text + "}\n\n" + &self.texts_of_choice(name, shape)?;
        if self.has(name, &self.of_requests) {
            writeln!(
                text,
                "\nimpl Read for {} {{\nfn read(tree: Tree<'_>) -> Result<Self, Mismatch> {{\n\
                 tree.choice(Self::parse)\n}}\n}}",
                self.name(name)
            )?;
        }
        Ok(text)
    }

    /// The text of each value, and back.
    fn texts_of_choice(&self, name: &str, shape: &Shape) -> Result<String> {
        let name = self.name(name);
        let (mut to, mut from) = (String::new(), String::new());
        for choice in &shape.choices {
            let variant = names::variant(choice);
            writeln!(to, "Self::{variant} => {choice:?},")?;
            writeln!(from, "{choice:?} => Some(Self::{variant}),")?;
        }
        Ok(format!(
            "impl {name} {{\npub const fn as_str(self) -> &'static str {{\nmatch self {{\n{to}}}\n}}\n\n\
             pub fn parse(text: &str) -> Option<Self> {{\nmatch text {{\n{from}_ => None,\n}}\n}}\n}}\n"
        ))
    }

    fn default_of(&self, name: &str) -> Option<&'static str> {
        let name = self.name(name);
        self.overrides.defaults.iter().find(|(known, _)| self.name(known) == name).map(|(_, choice)| *choice)
    }

    fn structure(&self, name: &str, shape: &Shape) -> Result<String> {
        let mut members: Vec<&Member> = shape.members.iter().collect();
        if let Some((_, order)) = self.overrides.order.iter().find(|(known, _)| *known == name) {
            members.sort_by_key(|member| order.iter().position(|other| *other == member.name));
        }
        let fields: Vec<String> = members.iter().map(|member| names::field(&member.name)).collect();
        let pairs = || members.iter().copied().zip(&fields);
        let fits =
            |case: fn(&str) -> String| pairs().filter(|(member, field)| case(field) == member.name).count();
        let is_pascal = fits(names::pascal) > fits(names::camel);
        let (case, cased): (_, fn(&str) -> String) =
            if is_pascal { ("PascalCase", names::pascal) } else { ("camelCase", names::camel) };
        let mut text = self.derives(name, self.traits_of(name)?);
        let is_written = self.has(name, &self.of_answers);
        if is_written && !fields.is_empty() {
            writeln!(text, "#[serde(rename_all = {case:?})]")?;
        }
        writeln!(text, "pub struct {} {{", self.name(name))?;
        for (member, field) in pairs() {
            let mut attributes = self.attributes(name, member)?;
            if is_written && cased(field) != member.name {
                attributes.push(format!("rename = {:?}", member.name));
            }
            if !attributes.is_empty() {
                writeln!(text, "#[serde({})]", attributes.join(", "))?;
            }
            writeln!(text, "pub {field}: {},", self.type_of_member(name, member)?)?;
        }
        text += "}\n";
        if self.has(name, &self.of_requests) {
            text += &self.reading(name, &members, &fields)?;
        }
        Ok(text)
    }

    /// How a struct takes the values of a request.
    fn reading(&self, name: &str, members: &[&Member], fields: &[String]) -> Result<String> {
        let mut text = format!(
            "\nimpl Read for {} {{\nfn read(tree: Tree<'_>) -> Result<Self, Mismatch> {{\n",
            self.name(name)
        );
        if fields.is_empty() {
            text += "tree.members()?;\nOk(Self {";
        } else {
            text += "let mut members = tree.members()?;\nOk(Self {\n";
        }
        for (member, field) in members.iter().zip(fields) {
            let is_blob = self.model.shape(&member.shape)?.kind == Kind::Blob;
            let how = match self.holding(name, member)? {
                Holding::Plain if is_blob => "required_blob",
                Holding::Empty if is_blob => "blob",
                Holding::Maybe if is_blob => bail!("{name}.{} is a blob that can be absent", member.name),
                Holding::Plain => "required",
                Holding::Empty => "or_empty",
                Holding::Maybe => "optional",
            };
            writeln!(text, "{field}: members.{how}({:?})?,", member.name)?;
        }
        Ok(text + "})\n}\n}\n")
    }

    fn attributes(&self, name: &str, member: &Member) -> Result<Vec<String>> {
        let is_written = self.has(name, &self.of_answers);
        let is_read = self.is_both(name);
        let holding = self.holding(name, member)?;
        let kind = self.model.shape(&member.shape)?.kind;
        let mut attributes = Vec::new();
        if is_read && holding != Holding::Plain {
            attributes.push("default".to_owned());
        }
        if is_written && holding == Holding::Maybe {
            attributes.push("skip_serializing_if = \"Option::is_none\"".to_owned());
        }
        if is_written && holding == Holding::Empty && self.is_left_out_if_empty(name, member) {
            match kind {
                Kind::List => attributes.push("skip_serializing_if = \"Vec::is_empty\"".to_owned()),
                Kind::Map => attributes.push("skip_serializing_if = \"BTreeMap::is_empty\"".to_owned()),
                _ => {}
            }
        }
        if let Some((_, function)) = self.overrides.encoded.iter().find(|(known, _)| *known == member.shape)
            && is_written
        {
            let maybe = if holding == Holding::Maybe { "_if_any" } else { "" };
            attributes.push(format!("serialize_with = \"{function}{maybe}\""));
        }
        if kind == Kind::Blob && self.type_override(name, member).is_none() {
            ensure!(!is_written, "{name}.{} is a blob of an answer", member.name);
        }
        Ok(attributes)
    }

    /// A list of a page is written even if it is empty; a nested list is not.
    fn is_left_out_if_empty(&self, name: &str, member: &Member) -> bool {
        let full = format!("{}.{}", self.name(name), member.name);
        let is_in = |list: &[&str]| list.contains(&full.as_str());
        is_in(self.overrides.empty_is_left_out)
            || !(self.outputs.contains(name) || is_in(self.overrides.empty_is_written))
    }

    fn holding(&self, name: &str, member: &Member) -> Result<Holding> {
        let name = self.name(name);
        let mut of_type =
            self.overrides.present.iter().filter(|(known, _)| [name.as_str(), "*"].contains(known));
        let is_present = of_type.any(|(_, members)| members.contains(&member.name.as_str()));
        if member.required || is_present {
            return Ok(Holding::Plain);
        }
        let kind = self.model.shape(&member.shape)?.kind;
        let is_flag = kind == Kind::Boolean
            && self.has(&name, &self.of_requests)
            && self.type_override(&name, member).is_none();
        let is_collection =
            matches!(kind, Kind::List | Kind::Map) && self.type_override(&name, member).is_none();
        let is_bytes = kind == Kind::Blob && self.type_override(&name, member).is_none();
        let is_empty = is_flag || is_collection || is_bytes;
        Ok(if is_empty { Holding::Empty } else { Holding::Maybe })
    }

    fn type_override(&self, name: &str, member: &Member) -> Option<&'static str> {
        let full = format!("{}.{}", self.name(name), member.name);
        self.overrides.types.iter().find(|(known, _)| *known == full).map(|(_, rust)| *rust)
    }

    fn type_of_member(&self, name: &str, member: &Member) -> Result<String> {
        let inner = match self.type_override(name, member) {
            Some(rust) => rust.to_owned(),
            None => self.type_of(&member.shape)?,
        };
        Ok(if self.holding(name, member)? == Holding::Maybe { format!("Option<{inner}>") } else { inner })
    }

    fn type_of(&self, name: &str) -> Result<String> {
        let shape = self.model.shape(name)?;
        Ok(match (shape.kind, &shape.member, &shape.value) {
            (Kind::List, Some(member), _) => format!("Vec<{}>", self.type_of(member)?),
            // Keys are texts, even if they are an enum.
            (Kind::Map, _, Some(value)) => format!("BTreeMap<String, {}>", self.type_of(value)?),
            (Kind::String, ..) if shape.choices.is_empty() => "String".to_owned(),
            (Kind::Structure | Kind::String, ..) => self.name(name),
            (Kind::Boolean, ..) => "bool".to_owned(),
            (Kind::Integer, ..) if shape.min.is_some_and(|min| min >= 0) => "u32".to_owned(),
            (Kind::Integer, ..) => "i32".to_owned(),
            // All of them are sizes or positions.
            (Kind::Long, ..) => "u64".to_owned(),
            // In JSON a timestamp is a number of seconds since 1970 with a fraction.
            (Kind::Timestamp, ..) if self.protocol == Protocol::Query => "Time".to_owned(),
            (Kind::Double | Kind::Timestamp, ..) => "f64".to_owned(),
            (Kind::Blob, ..) => "Vec<u8>".to_owned(),
            (Kind::List | Kind::Map, ..) => bail!("{name} does not say what it holds"),
        })
    }

    fn traits_of(&self, name: &str) -> Result<Traits> {
        let shape = self.model.shape(name)?;
        let mut traits = match (shape.kind, &shape.member, &shape.value) {
            (Kind::Structure, ..) => self.traits_of_structure(name, shape)?,
            (Kind::List, Some(inner), _) | (Kind::Map, _, Some(inner)) => self.traits_of(inner)?.collected(),
            (Kind::String, ..) if !shape.choices.is_empty() => {
                Traits { default: self.default_of(name).is_some(), ..Traits::ALL }
            }
            (Kind::String | Kind::Blob, ..) => Traits { copy: false, ..Traits::ALL },
            (Kind::Timestamp, ..) if self.protocol == Protocol::Query => Traits::ALL,
            (Kind::Double | Kind::Timestamp, ..) => Traits { eq: false, ..Traits::ALL },
            _ => Traits::ALL,
        };
        traits.debug &= !shape.sensitive && !self.overrides.secret.contains(&self.name(name).as_str());
        Ok(traits)
    }

    fn traits_of_structure(&self, name: &str, shape: &Shape) -> Result<Traits> {
        let mut traits = Traits::ALL;
        for member in &shape.members {
            let of_type = match self.type_override(name, member) {
                // They can be neither compared nor left empty.
                Some("Box<RawValue>" | "SecretKey") => {
                    Traits { eq: false, partial_eq: false, copy: false, default: false, ..Traits::ALL }
                }
                Some(_) => Traits { copy: false, ..Traits::ALL },
                None => self.traits_of(&member.shape)?,
            };
            let is_maybe = self.holding(name, member)? == Holding::Maybe;
            traits = traits.and(Traits { default: is_maybe || of_type.default, ..of_type });
        }
        Ok(traits)
    }
}
