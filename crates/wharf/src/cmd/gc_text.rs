//! The text of `wharf gc why` and `wharf gc dry-run`.

use serde_json::Value;

use super::status::time;

fn list<'a>(answer: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    answer.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn texts(value: &Value, name: &str) -> String {
    list(value, name).filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}

fn number(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or_default()
}

fn repository(holder: &Value) -> String {
    format!("{}/{} in {}", text(holder, "AccountId"), text(holder, "RepositoryName"), text(holder, "Region"))
}

pub(super) fn why(digest: &str, answer: &Value) -> String {
    let mut lines = Vec::new();
    if answer.get("Bytes").is_some() {
        lines.push(format!("{digest} is stored: {} bytes.", number(answer, "Bytes")));
    }
    lines.extend(list(answer, "Layers").map(layer));
    lines.extend(list(answer, "Images").map(image));
    let is_linked = list(answer, "Layers").next().is_some();
    if answer.get("ReviewedAt").is_some() && !is_linked {
        lines.push(format!("No repository has it. It is removed after {}.", time(answer, "ReviewedAt")));
    }
    for copy in list(answer, "Doomed") {
        let (bytes, at) = (number(copy, "Bytes"), time(copy, "RemovedAfter"));
        lines.push(format!("{bytes} bytes of an earlier copy are removed after {at}."));
    }
    if lines.is_empty() {
        lines.push(format!("{digest} is not stored, and nothing waits for its removal."));
    }
    lines.join("\n")
}

fn layer(holder: &Value) -> String {
    let repository = repository(holder);
    let images = texts(holder, "NeededBy");
    if holder.get("Deleted").and_then(Value::as_bool) == Some(true) {
        return format!("A deleted repository still has it: {repository}. Its rows are being removed.");
    }
    if !images.is_empty() {
        return format!("Images of {repository} need it: {images}.");
    }
    match time(holder, "ReviewedAt").as_str() {
        "-" => format!("{repository} has it without an image. It is not queued; the next walk queues it."),
        at => format!("{repository} has it without an image. It is removed from there after {at}."),
    }
}

fn image(holder: &Value) -> String {
    let (repository, tags, lists) = (repository(holder), texts(holder, "Tags"), texts(holder, "NeededBy"));
    let tags = if tags.is_empty() { "without a tag".to_owned() } else { format!("with the tags {tags}") };
    let lists = if lists.is_empty() { String::new() } else { format!(", listed by {lists}") };
    format!("It is an image of {repository}, {tags}{lists}. Images stay until they are deleted.")
}

pub(super) fn preview(answer: &Value) -> String {
    let mut lines: Vec<String> = list(answer, "Layers")
        .map(|layer| {
            let (account, name) = (text(layer, "AccountId"), text(layer, "RepositoryName"));
            format!("layer   {}  {:>12}  {account}/{name}", text(layer, "Digest"), number(layer, "Bytes"))
        })
        .collect();
    lines.extend(
        list(answer, "Objects")
            .map(|object| format!("object  {}  {:>12}", text(object, "Digest"), number(object, "Bytes"))),
    );
    if lines.is_empty() {
        return "Nothing would end now.".to_owned();
    }
    if answer.get("HasMore").and_then(Value::as_bool) == Some(true) {
        lines.push("There is more.".to_owned());
    }
    lines.join("\n")
}
