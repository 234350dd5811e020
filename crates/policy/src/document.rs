//! The text of a policy as a tree that preserves the order of members and the values of numbers, so its principals can
//! be replaced without other changes.
//!
//! Resource policies are stored with principals as unique IDs and shown with ARNs. This module converts in both
//! directions.

use std::collections::HashMap;

use crate::error::PolicyError;
use crate::json::Json;
use crate::policy::MAX_POLICY_BYTES;

/// A policy document. [`crate::Policy::parse`] decides whether it is a valid policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Document(Json);

impl Document {
    /// Parses a text.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        if text.len() > MAX_POLICY_BYTES {
            return Err(PolicyError::TooLong(text.len()));
        }
        let json: Json =
            serde_json::from_str(text).map_err(|error| PolicyError::NotJson(error.to_string()))?;
        match json.duplicate_member() {
            Some(name) => Err(PolicyError::DuplicateElement(name.to_owned())),
            None => Ok(Self(json)),
        }
    }

    /// The entries under `AWS` of all `Principal` and `NotPrincipal` elements, in order, each once.
    pub fn aws_principals(&self) -> Vec<&str> {
        let mut found: Vec<&str> = Vec::new();
        for entry in statements(&self.0).iter().flat_map(entries) {
            if let Json::Text(text) = entry
                && !found.contains(&text.as_str())
            {
                found.push(text);
            }
        }
        found
    }

    /// Replaces the principals that have a new name.
    pub fn replace_aws_principals(&mut self, names: &HashMap<String, String>) {
        let statements = match member_mut(&mut self.0, "Statement") {
            Some(Json::List(list)) => list.as_mut_slice(),
            Some(single) => std::slice::from_mut(single),
            None => return,
        };
        for statement in statements {
            for element in ["Principal", "NotPrincipal"] {
                match member_mut(statement, element).and_then(|map| member_mut(map, "AWS")) {
                    Some(Json::List(list)) => list.iter_mut().for_each(|entry| replace(entry, names)),
                    Some(single) => replace(single, names),
                    None => {}
                }
            }
        }
    }

    /// Whether it has a version.
    pub(crate) fn has_version(&self) -> bool {
        member(&self.0, "Version").is_some()
    }

    /// The positions of statements with `${` where version 2012-10-17 has a variable.
    pub(crate) fn statements_with_variables(&self) -> Vec<usize> {
        let has_variable = |statement| {
            ["Resource", "NotResource", "Condition"]
                .iter()
                .filter_map(|element| member(statement, element))
                .any(mentions_variable)
        };
        let indexed = statements(&self.0).iter().enumerate();
        indexed.filter(|(_, statement)| has_variable(statement)).map(|(index, _)| index).collect()
    }

    /// The text without white space.
    pub fn to_json(&self) -> String {
        let mut text = String::new();
        compact(&self.0, &mut text);
        text
    }

    /// The text as ECR shows policies: indented by two, `"k" : v`, lists on one line.
    pub fn to_pretty_json(&self) -> String {
        let mut text = String::new();
        pretty(&self.0, 0, &mut text);
        text
    }
}

fn member<'a>(json: &'a Json, name: &str) -> Option<&'a Json> {
    match json {
        Json::Object(members) => members.iter().find(|(known, _)| known == name).map(|(_, value)| value),
        _ => None,
    }
}

fn member_mut<'a>(json: &'a mut Json, name: &str) -> Option<&'a mut Json> {
    match json {
        Json::Object(members) => members.iter_mut().find(|(known, _)| known == name).map(|(_, value)| value),
        _ => None,
    }
}

fn statements(json: &Json) -> &[Json] {
    match member(json, "Statement") {
        Some(Json::List(list)) => list,
        Some(single) => std::slice::from_ref(single),
        None => &[],
    }
}

fn entries(statement: &Json) -> impl Iterator<Item = &Json> {
    ["Principal", "NotPrincipal"].into_iter().flat_map(move |element| {
        match member(statement, element).and_then(|map| member(map, "AWS")) {
            Some(Json::List(list)) => list.as_slice(),
            Some(single) => std::slice::from_ref(single),
            None => &[],
        }
    })
}

fn mentions_variable(json: &Json) -> bool {
    match json {
        Json::Text(text) => text.contains("${"),
        Json::List(items) => items.iter().any(mentions_variable),
        Json::Object(members) => members.iter().any(|(_, value)| mentions_variable(value)),
        _ => false,
    }
}

fn replace(entry: &mut Json, names: &HashMap<String, String>) {
    if let Json::Text(text) = entry
        && let Some(name) = names.get(text)
    {
        name.clone_into(text);
    }
}

fn quoted(text: &str, out: &mut String) {
    // A text always has a JSON form.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

fn scalar(json: &Json, out: &mut String) {
    match json {
        Json::Null => out.push_str("null"),
        Json::Bool(true) => out.push_str("true"),
        Json::Bool(false) => out.push_str("false"),
        Json::Number(number) => out.push_str(number),
        Json::Text(text) => quoted(text, out),
        Json::List(_) | Json::Object(_) => {}
    }
}

fn compact(json: &Json, out: &mut String) {
    match json {
        Json::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                compact(item, out);
            }
            out.push(']');
        }
        Json::Object(members) => {
            out.push('{');
            for (index, (name, value)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                quoted(name, out);
                out.push(':');
                compact(value, out);
            }
            out.push('}');
        }
        json => scalar(json, out),
    }
}

fn pretty(json: &Json, depth: usize, out: &mut String) {
    match json {
        Json::List(items) if items.is_empty() => out.push_str("[ ]"),
        Json::List(items) => {
            out.push_str("[ ");
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                pretty(item, depth, out);
            }
            out.push_str(" ]");
        }
        Json::Object(members) if members.is_empty() => out.push_str("{ }"),
        Json::Object(members) => {
            out.push('{');
            for (index, (name, value)) in members.iter().enumerate() {
                out.push_str(if index > 0 { ",\n" } else { "\n" });
                out.push_str(&"  ".repeat(depth + 1));
                quoted(name, out);
                out.push_str(" : ");
                pretty(value, depth + 1, out);
            }
            out.push('\n');
            out.push_str(&"  ".repeat(depth));
            out.push('}');
        }
        json => scalar(json, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"{"Version":"2008-10-17","Statement":[{"Sid":"a \"b\"","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:root","444455556666"],"Service":"x"},"Action":"ecr:*","Condition":{"NumericLessThan":{"a:b":[1.50,2]}}},{"NotPrincipal":{"AWS":"444455556666"}},{"Principal":"*"}]}"#;

    #[test]
    fn a_printed_document_equals_its_source() {
        assert_eq!(Document::parse(POLICY).unwrap().to_json(), POLICY.replace("1.50", "1.5"));
    }

    #[test]
    fn principals_are_found_and_replaced_in_order() {
        let mut document = Document::parse(POLICY).unwrap();
        assert_eq!(document.aws_principals(), ["arn:aws:iam::111122223333:root", "444455556666"]);
        let names = HashMap::from([("444455556666".to_owned(), "AIDA1".to_owned())]);
        document.replace_aws_principals(&names);
        assert_eq!(document.aws_principals(), ["arn:aws:iam::111122223333:root", "AIDA1"]);
        assert!(document.to_json().contains(r#"{"NotPrincipal":{"AWS":"AIDA1"}}"#));
    }

    #[test]
    fn the_shown_form_is_ecrs() {
        let text =
            r#"{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Action":["a:b","a:c"]},{"Sid":"2"}]}"#;
        let shown = "{\n  \"Version\" : \"2008-10-17\",\n  \"Statement\" : [ {\n    \"Effect\" : \"Allow\",\n    \
                     \"Action\" : [ \"a:b\", \"a:c\" ]\n  }, {\n    \"Sid\" : \"2\"\n  } ]\n}";
        let document = Document::parse(text).unwrap();
        assert_eq!(document.to_pretty_json(), shown);
        assert_eq!(Document::parse(shown).unwrap(), document);
    }
}
