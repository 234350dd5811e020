//! The query protocol of STS and IAM: forms as requests, XML as answers, or JSON if the client asks for it.

mod answer;
mod decode;
mod encode;
mod form;
mod format;
pub mod request;
mod result;
mod time;
mod violation;
mod violations;
mod writer;
mod xml;

pub use answer::{Fault, answer, empty_response, error_response, response};
pub use decode::decode;
pub(crate) use encode::{document, document_if_any, secret};
pub use form::{Fields, Form, FormError, MAX_PARAMETERS};
pub use format::Format;
pub use request::FromForm;
pub use result::{Empty, List, One, Output, Page};
pub use time::Time;
pub use violation::{Invalid, Violations};
pub use writer::Writer;
pub use xml::WriteError;
