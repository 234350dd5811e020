//! What a target of a rule gets of an event: the event, a part of it, a fixed text, or a text with parts of it
//! (EventBridge User Guide, "Input transformation").

use std::collections::BTreeMap;

use aws::event_bridge::Target;
use serde_json::{Map, Value};

/// The longest text for a target, as for an event on AWS.
const MAX_BYTES: usize = 256 * 1024;

/// The names of the rule that a template can use.
#[derive(Clone, Copy)]
pub(crate) struct RuleNames<'a> {
    pub(crate) arn: &'a str,
    pub(crate) name: &'a str,
}

/// How the input of a target is made.
pub(crate) enum Input {
    Event,
    Part(Path),
    Fixed(String),
    Template { variables: BTreeMap<String, Path>, template: String },
}

/// A path into an event: `$.detail.tags[0]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    Element(usize),
}

impl Path {
    fn parse(text: &str) -> Option<Self> {
        let mut rest = text.strip_prefix('$')?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(['.', '[']).unwrap_or(after.len());
                let (name, left) = after.split_at_checked(end)?;
                if name.is_empty() {
                    return None;
                }
                steps.push(Step::Member(name.to_owned()));
                rest = left;
            } else {
                let (index, left) = rest.strip_prefix('[')?.split_once(']')?;
                let quoted = index.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
                steps.push(match quoted {
                    Some(name) => Step::Member(name.to_owned()),
                    None => Step::Element(index.parse().ok()?),
                });
                rest = left;
            }
        }
        Some(Self(steps))
    }

    fn find<'v>(&self, event: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(event, |value, step| match step {
            Step::Member(name) => value.get(name),
            Step::Element(index) => value.get(index),
        })
    }
}

impl Input {
    /// The input that a target has.
    pub(crate) fn of(target: &Target) -> Result<Self, String> {
        let path = |text: &str| Path::parse(text).ok_or_else(|| format!("Invalid path: {text}"));
        match (&target.input, &target.input_path, &target.input_transformer) {
            (None, None, None) => Ok(Self::Event),
            (Some(text), None, None) => match serde_json::from_str::<Value>(text) {
                Ok(_) => Ok(Self::Fixed(text.clone())),
                Err(_) => Err(format!("JSON syntax error in input for target {}", target.id)),
            },
            (None, Some(text), None) => path(text).map(Self::Part),
            (None, None, Some(transformer)) => {
                let variables = transformer.input_paths_map.iter();
                let variables = variables.map(|(name, text)| Ok((name.clone(), path(text)?)));
                let variables = variables.collect::<Result<_, String>>()?;
                Ok(Self::Template { variables, template: transformer.input_template.clone() })
            }
            _ => Err(format!(
                "Only one of Input, InputPath, or InputTransformer must be provided for target {}.",
                target.id
            )),
        }
    }

    /// The input for an event; None if it is too long.
    pub(crate) fn make(&self, event: &Value, rule: RuleNames<'_>) -> Option<String> {
        let made = match self {
            Self::Event => event.to_string(),
            Self::Part(path) => path.find(event).unwrap_or(&Value::Null).to_string(),
            Self::Fixed(text) => text.clone(),
            Self::Template { variables, template } => filled(template, |name| match name {
                "aws.events.rule-arn" => Some(rule.arn.into()),
                "aws.events.rule-name" => Some(rule.name.into()),
                "aws.events.event.ingestion-time" => Some(event.get("time")?.clone()),
                "aws.events.event.json" => Some(event.clone()),
                "aws.events.event" => Some(without_detail(event)),
                name => Some(variables.get(name)?.find(event).cloned().unwrap_or_default()),
            })?,
        };
        (made.len() <= MAX_BYTES).then_some(made)
    }
}

fn without_detail(event: &Value) -> Value {
    let members = event.as_object().into_iter().flatten().filter(|(name, _)| *name != "detail");
    Value::Object(members.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>())
}

/// The template with its variables replaced. In a string of JSON a text has no quotes of its own; elsewhere a value is
/// written as JSON. A variable without a value leaves a string empty.
fn filled(template: &str, value_of: impl Fn(&str) -> Option<Value>) -> Option<String> {
    let (mut made, mut rest, mut is_in_string) = (String::with_capacity(template.len()), template, false);
    while let Some(at) = rest.find(['<', '"', '\\']) {
        let (before, from) = rest.split_at_checked(at)?;
        made.push_str(before);
        let variable = from.strip_prefix('<').and_then(|after| after.split_once('>'));
        let found = variable.and_then(|(name, after)| Some((value_of(name)?, after)));
        if let Some((value, after)) = found {
            made.push_str(&written(&value, is_in_string));
            rest = after;
        } else {
            // A backslash and what it escapes stay together.
            let count = if from.starts_with('\\') { 2 } else { 1 };
            is_in_string ^= from.starts_with('"');
            made.extend(from.chars().take(count));
            rest = from.char_indices().nth(count).and_then(|(end, _)| from.get(end..)).unwrap_or_default();
        }
        if made.len() > MAX_BYTES {
            return None;
        }
    }
    made.push_str(rest);
    Some(made)
}

fn written(value: &Value, is_in_string: bool) -> String {
    if !is_in_string {
        return value.to_string();
    }
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let quoted = Value::String(text).to_string();
    quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use aws::event_bridge::InputTransformer;
    use serde_json::json;

    use super::*;

    const RULE: RuleNames<'_> = RuleNames { arn: "arn:rule", name: "pushes" };

    fn event() -> Value {
        json!({"time": "t", "detail": {"repository-name": "app", "tags": ["a", "b\"c"], "size": 7}})
    }

    fn transformed(paths: &[(&str, &str)], template: &str) -> String {
        let paths = paths.iter().map(|(name, path)| ((*name).to_owned(), (*path).to_owned())).collect();
        let transformer = InputTransformer { input_paths_map: paths, input_template: template.to_owned() };
        let target = Target { input_transformer: Some(transformer), ..Target::default() };
        Input::of(&target).unwrap().make(&event(), RULE).unwrap()
    }

    #[test]
    fn a_path_finds_a_part_of_an_event() {
        let part = |path: &str| {
            let target = Target { input_path: Some(path.to_owned()), ..Target::default() };
            Input::of(&target).unwrap().make(&event(), RULE).unwrap()
        };
        assert_eq!(part("$"), event().to_string());
        assert_eq!(part("$.detail.repository-name"), r#""app""#);
        assert_eq!(part("$.detail['repository-name']"), r#""app""#);
        assert_eq!(part("$.detail.tags[1]"), r#""b\"c""#);
        assert_eq!(part("$.detail.nothing"), "null");
        for bad in ["", "detail", "$.", "$..a", "$.a[", "$.a[x]"] {
            let target = Target { input_path: Some(bad.to_owned()), ..Target::default() };
            assert!(Input::of(&target).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_template_has_texts_in_strings_and_values_elsewhere() {
        let paths =
            [("name", "$.detail.repository-name"), ("tag", "$.detail.tags[1]"), ("size", "$.detail.size")];
        assert_eq!(transformed(&paths, r#""<name> has <tag> (<size>)""#), r#""app has b\"c (7)""#);
        assert_eq!(
            transformed(&paths, r#"{"n": <name>, "s": <size>, "x": "<x>"}"#),
            r#"{"n": "app", "s": 7, "x": "<x>"}"#
        );
        assert_eq!(
            transformed(&[("none", "$.a")], r#"{"a": <none>, "b": "<none>"}"#),
            r#"{"a": null, "b": ""}"#
        );
        assert_eq!(
            transformed(&[], r#"{"r": <aws.events.rule-name>, "e": <aws.events.event>}"#),
            r#"{"r": "pushes", "e": {"time":"t"}}"#
        );
        assert_eq!(transformed(&paths, r#"{"a": "\"<name>\" \\<tag>"}"#), r#"{"a": "\"app\" \\b\"c"}"#);
    }

    #[test]
    fn an_input_that_is_too_long_is_none() {
        let paths = BTreeMap::from([("all".to_owned(), Path(Vec::new()))]);
        let input = Input::Template { variables: paths, template: "<all>".repeat(20_000) };
        assert_eq!(input.make(&event(), RULE), None);
        let both =
            Target { input: Some("{}".to_owned()), input_path: Some("$".to_owned()), ..Target::default() };
        assert!(Input::of(&both).is_err());
        assert!(Input::of(&Target { input: Some("{".to_owned()), ..Target::default() }).is_err());
    }
}
