//! Answers of the server: XML of the query services, and errors of both protocols.

use anyhow::Context as _;
use bytes::Bytes;
use roxmltree::{Document, Node};
use serde_json::Value;

/// An error answer of the server. It is shown as the AWS CLI shows it.
#[derive(Debug, thiserror::Error)]
#[error("An error occurred ({code}) when calling the {operation} operation: {message}")]
pub(crate) struct Refusal {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) operation: String,
    pub(crate) status: u16,
}

impl Refusal {
    pub(super) fn of_json(body: &Value, operation: &str, status: u16) -> Self {
        let text =
            |names: [&str; 2]| names.iter().find_map(|name| body.get(*name)?.as_str()).unwrap_or_default();
        // Some services write the name with a namespace: `com.amazonaws…#AccessDeniedException`.
        let code = text(["__type", "code"]).rsplit('#').next().unwrap_or_default().to_owned();
        let message = text(["message", "Message"]).to_owned();
        Self { code, message, operation: operation.to_owned(), status }
    }
}

/// The answer of a query service. Elements are found by name at any depth: in the answers that commands read, no name
/// has two meanings.
#[derive(Debug)]
pub(crate) struct XmlAnswer(String);

impl XmlAnswer {
    pub(super) fn read(body: Bytes, status: u16) -> anyhow::Result<Self> {
        let not_xml = || format!("the server answered {status} without XML: is this a Wharf endpoint?");
        let text = String::from_utf8(body.into()).ok().with_context(not_xml)?;
        // The parser refuses document types, and so every kind of entity expansion.
        Document::parse(&text).ok().with_context(not_xml)?;
        Ok(Self(text))
    }

    /// The text of the first element with this name.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let document = Document::parse(&self.0).ok()?;
        let found = document.descendants().find(|node| node.tag_name().name() == name)?;
        Some(content(found))
    }

    /// The same for an element that must exist.
    pub(crate) fn require(&self, name: &str) -> anyhow::Result<String> {
        self.text(name).with_context(|| format!("the server's answer has no {name}"))
    }

    pub(super) fn refusal(&self, operation: &str, status: u16) -> Refusal {
        let text = |name: &str| self.text(name).unwrap_or_default();
        Refusal { code: text("Code"), message: text("Message"), operation: operation.to_owned(), status }
    }
}

fn content(node: Node<'_, '_>) -> String {
    node.descendants().filter(Node::is_text).filter_map(|text| text.text()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_both_protocols_look_as_in_the_aws_cli() {
        let xml = r#"<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
            <Code>AccessDenied</Code><Message>User: a &amp; b is not authorized</Message></Error></ErrorResponse>"#;
        let refusal = XmlAnswer::read(Bytes::from(xml), 403).unwrap().refusal("AssumeRole", 403);
        let shown = "An error occurred (AccessDenied) when calling the AssumeRole operation: \
                     User: a & b is not authorized";
        assert_eq!(refusal.to_string(), shown);
        let json =
            serde_json::json!({"__type": "x.y#AccessDenied", "Message": "User: a & b is not authorized"});
        assert_eq!(Refusal::of_json(&json, "AssumeRole", 400).to_string(), shown);
    }

    #[test]
    fn an_answer_of_another_server_is_reported() {
        for body in ["<html><p>", "404 page not found", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"] {
            let error = XmlAnswer::read(Bytes::from(body), 404).unwrap_err().to_string();
            assert!(error.contains("404") && error.contains("Wharf"), "{error}");
        }
    }
}
