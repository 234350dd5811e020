//! The query protocol of STS and IAM: forms as requests, XML as answers, or JSON if the client asks for it.

mod answer;
mod decode;
mod encode;
mod form;
mod format;
mod time;
mod violations;
mod xml;

pub use answer::{Fault, answer, error_response};
pub use decode::decode;
pub(crate) use encode::{document, document_if_any, secret};
pub use form::{Form, FormError, MAX_PARAMETERS};
pub use format::Format;
pub use time::Time;
pub(crate) use xml::value as write;
