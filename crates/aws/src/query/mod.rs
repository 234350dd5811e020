//! The query protocol of STS and IAM: forms as requests, XML as answers, or JSON if the client asks for it.

mod answer;
mod form;
pub mod request;
mod result;
mod violation;
mod writer;

pub use answer::{Fault, empty_response, error_response, response};
pub use form::{Fields, Form, FormError, MAX_PARAMETERS};
pub use request::FromForm;
pub use result::{Empty, List, One, Output, Page};
pub use violation::{Invalid, Violations};
pub use writer::{Format, Writer};
