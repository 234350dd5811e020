//! The regular expressions of the models, as functions. Each stands once, for all services. They decide what a request
//! may contain; the stricter grammars of the OCI specification are checked elsewhere.

mod arn;
mod event;
mod id;
mod quota;
mod repository;
mod secret;
mod text;

pub(crate) use arn::*;
pub(crate) use event::*;
pub(crate) use id::*;
pub(crate) use quota::*;
pub(crate) use repository::*;
pub(crate) use secret::*;
pub(crate) use text::*;

fn consists_of(text: &str, others: &str, is_member: fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(|b| is_member(b) || others.as_bytes().contains(&b))
}

fn is_hyphenated(text: &str) -> bool {
    consists_of(text, "-", |b| b.is_ascii_lowercase() || b.is_ascii_digit())
}
