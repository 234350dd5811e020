//! The query protocol of STS and IAM: a form comes in, XML goes out.

mod answer;
mod form;
pub mod request;
mod result;
mod violation;
mod xml;

pub use answer::{Fault, IAM, Namespace, STS, empty_response, error_response, response};
pub use form::{Fields, Form, FormError, MAX_PARAMETERS};
pub use request::FromForm;
pub use result::{Empty, List, One, Page, ToXml};
pub use violation::{Invalid, Violations};
pub use xml::Xml;

/// The `Content-Type` of answers.
pub const CONTENT_TYPE: &str = "text/xml";
