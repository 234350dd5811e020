//! The checks of a JSON schema, with the words of the validator that ECR's error texts come from.

use serde_json::{Map, Value};

use crate::document::Invalid;

/// The largest number in a document.
const MAXIMUM: u64 = 2_147_483_647;

pub(crate) type Object = Map<String, Value>;

/// An object that has all required members and no unknown ones.
pub(crate) fn object<'a>(
    value: &'a Value,
    required: &[&str],
    optional: &[&str],
) -> Result<&'a Object, Invalid> {
    let object = value.as_object().ok_or_else(|| wrong_type(value, "object"))?;
    let mut missing: Vec<&str> =
        required.iter().filter(|name| !object.contains_key(**name)).copied().collect();
    if !missing.is_empty() {
        missing.sort_unstable();
        return Err(Invalid::closed(&format!("object has missing required properties ({})", list(&missing))));
    }
    let unknown =
        object.keys().find(|name| !required.contains(&name.as_str()) && !optional.contains(&name.as_str()));
    match unknown {
        None => Ok(object),
        Some(name) => Err(Invalid::closed(&format!(
            "object instance has properties which are not allowed by the schema: ({})",
            list(&[name])
        ))),
    }
}

pub(crate) fn text(value: &Value) -> Result<&str, Invalid> {
    value.as_str().ok_or_else(|| wrong_type(value, "string"))
}

/// One of the known values; `shown` are the values that the error lists.
pub(crate) fn one_of<T: Copy>(value: &Value, known: &[(&str, T)], shown: &[&str]) -> Result<T, Invalid> {
    let text = text(value)?;
    known.iter().find(|(name, _)| *name == text).map(|(_, known)| *known).ok_or_else(|| {
        Invalid::closed(&format!(
            "instance value ({text}) not found in enum :(possible values: {})",
            list(shown)
        ))
    })
}

/// A number of at least 1.
pub(crate) fn positive(value: &Value) -> Result<u32, Invalid> {
    if !value.is_i64() && !value.is_u64() {
        return Err(wrong_type(value, "integer"));
    }
    match value.as_u64() {
        Some(number) if number > MAXIMUM => Err(Invalid::closed(&format!(
            "numeric instance is greater than the required maximum (maximum: {MAXIMUM}, found: {number})"
        ))),
        Some(number) if number > 0 => Ok(u32::try_from(number).unwrap_or(u32::MAX)),
        _ => Err(Invalid::open(&format!(
            "numeric instance is lower than the required minimum (minimum: 1, found: {value})"
        ))),
    }
}

/// A list with at least one text, none of them empty.
pub(crate) fn texts(value: &Value) -> Result<Vec<String>, Invalid> {
    let items = value.as_array().ok_or_else(|| wrong_type(value, "array"))?;
    if items.is_empty() {
        return Err(Invalid::closed(
            "array is too short: must have at least 1 elements but instance has 0 elements",
        ));
    }
    let items = items.iter().map(|item| match text(item)? {
        "" => Err(Invalid::closed("string \"\" is too short (length: 0, required minimum: 1)")),
        text => Ok(text.to_owned()),
    });
    items.collect()
}

pub(crate) fn wrong_type(value: &Value, allowed: &str) -> Invalid {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    Invalid::closed(&format!(
        "instance type ({found}) does not match any allowed primitive type (allowed: [\"{allowed}\"])"
    ))
}

fn list<T: AsRef<str>>(names: &[T]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("\"{}\"", name.as_ref())).collect();
    format!("[{}]", names.join(", "))
}
