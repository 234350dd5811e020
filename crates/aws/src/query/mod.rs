//! The query protocol of STS and IAM: a form comes in, XML goes out.

mod answer;
mod form;
pub mod request;
mod result;
mod xml;

pub use answer::{Fault, IAM, Namespace, STS, empty_response, error_response, response};
pub use form::{Fields, Form, FormError, MAX_PARAMETERS};
pub use request::{FromForm, Invalid};
pub use result::{Empty, List, One, Page, ToXml};
pub use xml::Xml;

/// The `Content-Type` of answers.
pub const CONTENT_TYPE: &str = "text/xml";
