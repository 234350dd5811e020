//! The rules of a service's requests: one constant for each shape, and the members of each request.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};

use super::model::{Kind, Member, Model, Shape};
use super::names;
use super::overrides::{Protocol, Service};
use super::patterns;

/// Limits that have one constant for all services: the shape, the limit in the model, and the constant.
const NAMED: [(&str, i64, &str); 5] = [
    ("ImageManifest", 4_194_304, "crate::MAX_MANIFEST_CHARACTERS"),
    ("tagListType", 50, "crate::tag::MAX_TAGS"),
    ("tagKeyListType", 50, "crate::tag::MAX_TAGS"),
    ("TagKeys", 50, "crate::tag::MAX_TAGS"),
    ("Tags", 50, "crate::tag::MAX_TAGS"),
];

/// Writes the rules of one service.
pub(super) struct Rules<'a> {
    pub(super) model: &'a Model,
    pub(super) service: &'a Service,
}

impl Rules<'_> {
    /// Writes a constant for each shape that requests use.
    pub(super) fn constants(&self) -> Result<String> {
        let mut text = String::new();
        let inputs: Vec<_> = self.model.operations.values().filter_map(|o| o.input.as_deref()).collect();
        for name in self.model.of_requests() {
            let shape = self.model.shape(name)?;
            if inputs.contains(&name) || is_free(shape) {
                continue;
            }
            writeln!(
                text,
                "const {}: Rule = {};",
                names::constant(name),
                self.rule(name, shape, self.limit(name))?
            )?;
        }
        Ok(text)
    }

    /// `impl Request` for each request.
    pub(super) fn requests(&self) -> Result<String> {
        let mut text = String::new();
        for (operation, shapes) in &self.model.operations {
            let name = shapes.input.as_deref().with_context(|| format!("{operation} has no request"))?;
            let members = self.members(name, self.model.shape(name)?)?;
            let response = shapes.output.as_deref().unwrap_or("()");
            writeln!(text, "impl Request for {name} {{")?;
            writeln!(text, "type Response = {response};")?;
            writeln!(text, "const OPERATION: &'static str = {operation:?};")?;
            writeln!(text, "const MEMBERS: &'static [Member] = &[{members}];")?;
            if shapes.output.is_none() {
                text += "const HAS_RESULT: bool = false;\n";
            }
            // Written here and not in the trait, so that the code is compiled once, with `aws`.
            text += "\nfn to_json(answer: &Self::Response) -> Result<Vec<u8>, WriteError> {\ncrate::json::write(answer)\n}\n";
            if self.service.protocol == Protocol::Query {
                text += "\nfn to_xml(answer: &Self::Response, element: &str, out: &mut String) -> Result<(), WriteError> {\n\
                         crate::query::write(out, element, answer)\n}\n";
            }
            if let Some((_, function)) =
                self.service.overrides.validate.iter().find(|(known, _)| *known == name)
            {
                text += "\nfn validate(&self) -> Result<(), Invalid> {\n";
                writeln!(text, "rules::{function}(self)\n}}")?;
            }
            text += "}\n\n";
        }
        Ok(text)
    }

    fn members(&self, name: &str, shape: &Shape) -> Result<String> {
        let members = shape.members.iter().map(|member| self.member(name, member));
        Ok(members.collect::<Result<Vec<_>>>()?.join(", "))
    }

    fn member(&self, name: &str, member: &Member) -> Result<String> {
        let full = format!("{name}.{}", member.name);
        let rule = match self.service.overrides.rules.iter().find(|(known, _)| *known == full) {
            Some((_, rule)) => format!("rules::{rule}"),
            None => match self.limit(&full) {
                Some(limit) => self.rule(&member.shape, self.model.shape(&member.shape)?, Some(limit))?,
                None => self.reference(&member.shape)?,
            },
        };
        let kind = if member.required { "required" } else { "optional" };
        let sensitive = if self.model.shape(&member.shape)?.sensitive { ".sensitive()" } else { "" };
        Ok(format!("Member::{kind}({:?}, {rule}){sensitive}", member.name))
    }

    /// The expression for a shape's rule in another rule.
    fn reference(&self, name: &str) -> Result<String> {
        let shape = self.model.shape(name)?;
        Ok(match shape.kind {
            Kind::Boolean => "Rule::Flag".to_owned(),
            _ if is_free(shape) => "Rule::ANY_TEXT".to_owned(),
            _ => names::constant(name),
        })
    }

    /// The limit of a shape or a member that the model does not have.
    fn limit(&self, name: &str) -> Option<i64> {
        let limits = self.service.overrides.limits.iter();
        limits
            .flat_map(|(limit, names)| names.iter().map(|name| (name, *limit)))
            .find(|(known, _)| **known == name)
            .map(|(_, limit)| limit)
    }

    fn rule(&self, name: &str, shape: &Shape, limit: Option<i64>) -> Result<String> {
        let limit = limit.or(shape.max);
        let named = NAMED.iter().find(|(known, value, _)| *known == name && Some(*value) == limit);
        let most = match named {
            Some((_, _, constant)) => (*constant).to_owned(),
            None => limit.map_or("usize::MAX".to_owned(), grouped),
        };
        Ok(match shape.kind {
            Kind::String if !shape.choices.is_empty() => {
                format!("Rule::Choice(&{:?})", self.choices(name, shape))
            }
            Kind::String => self.text(name, shape, &most)?,
            Kind::Integer | Kind::Long => {
                let bound = |bound: Option<i64>, open: &str| bound.map_or(open.to_owned(), grouped);
                let (min, max) = (bound(shape.min, "i64::MIN"), bound(limit, "i64::MAX"));
                format!("Rule::Integer {{ min: {min}, max: {max} }}")
            }
            Kind::Blob => format!("Rule::Blob {{ max: {most} }}"),
            Kind::List => {
                let member = shape.member.as_deref().context("a list without members")?;
                let of = self.reference(member)?;
                format!("Rule::List {{ of: &{of}, min: {}, max: {most} }}", least(shape))
            }
            Kind::Map => {
                let key = shape.key.as_deref().context("a map without keys")?;
                let value = shape.value.as_deref().context("a map without values")?;
                let (key, of) = (self.reference(key)?, self.reference(value)?);
                format!("Rule::Map {{ key: &{key}, of: &{of}, max: {most} }}")
            }
            Kind::Structure => {
                let members = self.members(name, shape)?;
                format!("Rule::Structure {{ name: {name:?}, members: &[{members}] }}")
            }
            kind => bail!("a request holds {name}, a {kind:?}: rules have no such kind"),
        })
    }

    fn choices<'s>(&self, name: &str, shape: &'s Shape) -> Vec<&'s str> {
        let mut choices: Vec<&str> = shape.choices.iter().map(String::as_str).collect();
        if let Some((_, order)) = self.service.overrides.order.iter().find(|(known, _)| *known == name) {
            choices.retain(|choice| order.contains(choice));
            choices.sort_by_key(|choice| order.iter().position(|other| other == choice));
        }
        choices
    }

    fn text(&self, name: &str, shape: &Shape, max: &str) -> Result<String> {
        let min = least(shape);
        let Some(pattern) = &shape.pattern else { return Ok(format!("Rule::text({min}, {max})")) };
        let function = patterns::function(pattern).with_context(|| format!("no function for {pattern}"))?;
        let is_quoted = !self.service.overrides.unquoted.contains(&name);
        let pattern = match self.service.protocol {
            // ECR's texts do not escape the slash where the model escapes it.
            Protocol::Json => pattern.replace(r"\/", "/"),
            Protocol::Query => pattern.clone(),
        };
        let literal =
            if pattern.contains('\\') { format!("r\"{pattern}\"") } else { format!("\"{pattern}\"") };
        Ok(format!(
            "Rule::Text {{ min: {min}, max: {max}, pattern: Some(Pattern {{ text: {literal}, is_quoted: {is_quoted}, matches: pattern::{function} }}) }}"
        ))
    }
}

/// Whether a shape has no rule.
fn is_free(shape: &Shape) -> bool {
    let is_text = shape.kind == Kind::String
        && shape.choices.is_empty()
        && (shape.min, shape.max, &shape.pattern) == (None, None, &None);
    is_text || shape.kind == Kind::Boolean
}

fn least(shape: &Shape) -> String {
    shape.min.map_or("0".to_owned(), grouped)
}

/// `4194304` → `4_194_304`.
fn grouped(number: i64) -> String {
    let digits = number.to_string();
    if digits.len() < 5 {
        return digits;
    }
    let groups: Vec<&[u8]> = digits.as_bytes().rchunks(3).rev().collect();
    let groups = groups.into_iter().map(|group| String::from_utf8_lossy(group).into_owned());
    groups.collect::<Vec<_>>().join("_")
}
