//! Reads requests of the JSON protocol: one pass over the body builds the members that the shape has, and skips all others
//! without building them. Strings are borrowed from the body where possible.

use std::borrow::Cow;
use std::fmt;
use std::ops::ControlFlow;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::bounds;
use crate::dialect::Dialect;
use crate::shape::{
    Constraint, Invalid, Member, Mismatch, Path, Report, Request, Rule, Tree, Violation, check,
};

/// Reads a request body and checks every constraint of its shape. Members that the shape does not have are ignored and
/// `null` is the same as absent, as in AWS's own JSON services. An empty body is `{}`.
///
/// This is the only way to a request: it has every required member, and nothing exceeds its limits. Whether a repository
/// exists, or whether a manifest is valid, is not checked here.
pub fn decode<T: Request>(body: &[u8]) -> Result<T, Invalid> {
    Ok(decode_with(body, &[])?.0)
}

/// The same, with the text of the first of these members that the request has.
pub fn decode_with<T: Request>(body: &[u8], names: &[&str]) -> Result<(T, Option<String>), Invalid> {
    let tree = checked(body, T::MEMBERS)?;
    let text = names.iter().find_map(|name| tree.text_of(name).map(str::to_owned));
    let request = T::read(tree).map_err(|error| unreadable(&error))?;
    request.validate()?;
    Ok((request, text))
}

/// The part that is the same for each request.
fn checked<'a>(body: &'a [u8], members: &'static [Member]) -> Result<Tree<'a>, Invalid> {
    let values = if body.is_empty() { Vec::new() } else { parse(body, members)? };
    let mut first = First(None);
    check(&values, members, &mut first);
    first.0.map_or(Ok(Tree::Structure(values)), Err)
}

fn unreadable(error: &Mismatch) -> Invalid {
    Invalid::serialization(format!("The request body cannot be read: {error}"))
}

fn parse<'a>(body: &'a [u8], members: &'static [Member]) -> Result<Vec<(&'static str, Tree<'a>)>, Invalid> {
    bounds::check(body).map_err(Invalid::serialization)?;
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let read = Reader(&Rule::Structure { name: "", members }).deserialize(&mut deserializer);
    let read = read.and_then(|tree| deserializer.end().map(|()| tree));
    match read {
        Ok(Tree::Structure(values)) => Ok(values),
        Ok(other) => {
            Err(Invalid::serialization(format!("{} can not be converted to a Structure", found(&other))))
        }
        Err(error) => Err(Invalid::serialization(format!("The request body is not JSON: {error}"))),
    }
}

/// The first thing that is wrong, in ECR's words.
struct First(Option<Invalid>);

impl Report for First {
    const LISTS_ARE_WHOLE: bool = false;

    fn violation(&mut self, violation: Violation<'_>) -> ControlFlow<()> {
        let Violation { path, rule, constraint, .. } = violation;
        // ECR checks top-level strings itself, and its text has no subject.
        let is_plain = matches!(rule, Rule::Text { .. }) || constraint == Constraint::Required;
        let subject = if is_plain && !path.is_nested() { "" } else { "Member " };
        let sentence = constraint.sentence(Dialect::Json);
        let invalid = Invalid::parameter(&path.to_string(), &format!("{subject}{sentence}"));
        self.0 = Some(Invalid { constraint: Some(constraint), ..invalid });
        ControlFlow::Break(())
    }

    fn wrong_type(&mut self, path: &Path, rule: &'static Rule, value: &Tree<'_>) -> ControlFlow<()> {
        let found = match (rule, value) {
            (Rule::Integer { .. }, Tree::Number(number)) if number.is_f64() => "DECIMAL_VALUE",
            (Rule::Integer { .. }, Tree::Number(_)) => "BIG_INTEGER_VALUE",
            (_, value) => found(value),
        };
        let text = format!("{found} can not be converted to {} at '{path}'", rule.type_name());
        self.0 = Some(Invalid::serialization(text));
        ControlFlow::Break(())
    }
}

fn found(value: &Tree<'_>) -> &'static str {
    match value {
        Tree::Null => "NULL_VALUE",
        Tree::Flag(_) => "BOOLEAN_VALUE",
        Tree::Number(_) => "NUMBER_VALUE",
        Tree::Text(_) => "STRING_VALUE",
        Tree::List(_) => "START_OF_LIST",
        Tree::Map(_) | Tree::Structure(_) => "START_OF_STRUCTURE",
    }
}

/// Reads a value as its rule describes it.
#[derive(Clone, Copy)]
struct Reader<'r>(&'r Rule);

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Tree<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Tree<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Tree<'de>, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Tree<'de>, E> {
        Ok(Tree::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Tree<'de>, E> {
        Ok(Tree::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Tree<'de>, E> {
        Ok(Tree::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Tree<'de>, E> {
        Ok(serde_json::Number::from_f64(number).map_or(Tree::Null, Tree::Number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Tree<'de>, E> {
        Ok(Tree::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree<'de>, E> {
        Ok(Tree::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree<'de>, A::Error> {
        let mut items = Vec::new();
        if let Rule::List { of, max, .. } = self.0 {
            // One more than is allowed shows that there are too many.
            while items.len() <= *max {
                let Some(item) = seq.next_element_seed(Reader(of))? else { return Ok(Tree::List(items)) };
                items.push(item);
            }
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree<'de>, A::Error> {
        if let Rule::Map { of, max, .. } = self.0 {
            return entries(map, of, *max);
        }
        let members: &[Member] = if let Rule::Structure { members, .. } = self.0 { members } else { &[] };
        let mut found: Vec<(&'static str, Tree<'de>)> = Vec::new();
        while let Some(name) = map.next_key_seed(Name(members))? {
            let Some(member) = name else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let value = map.next_value_seed(Reader(&member.rule))?;
            found.retain(|(known, _)| *known != member.name);
            if !value.is_null() {
                found.push((member.name, value));
            }
        }
        Ok(Tree::Structure(found))
    }
}

/// The entries of a map; one more than is allowed shows that there are too many.
fn entries<'de, A: MapAccess<'de>>(mut map: A, of: &Rule, max: usize) -> Result<Tree<'de>, A::Error> {
    let mut found: Vec<(String, Tree<'de>)> = Vec::new();
    while let Some(name) = map.next_key::<String>()? {
        if found.len() > max {
            map.next_value::<IgnoredAny>()?;
            continue;
        }
        let value = map.next_value_seed(Reader(of))?;
        found.retain(|(known, _)| *known != name);
        found.push((name, value));
    }
    Ok(Tree::Map(found))
}

/// Reads the name of a member that the shape has; others are not kept.
struct Name<'r>(&'r [Member]);

impl<'de, 'r> DeserializeSeed<'de> for Name<'r> {
    type Value = Option<&'r Member>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'r> Visitor<'_> for Name<'r> {
    type Value = Option<&'r Member>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().find(|member| member.name == name))
    }
}
