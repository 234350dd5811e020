//! The targets that the operator chose.

use std::path::PathBuf;
use std::sync::Arc;

use access::settings::{EventSink, SinkKind};
use pattern::Pattern;
use serde_json::Value;

use crate::lines;

/// What the keys of sinks begin with.
pub(crate) const PREFIX: &str = "sink/";

/// A sink that is ready to use.
pub(crate) struct Sink {
    /// Its key in the store.
    pub(crate) key: String,
    pattern: Option<Pattern>,
    pub(crate) kind: Kind,
}

/// Where the events go.
#[derive(Clone)]
pub(crate) enum Kind {
    File(PathBuf),
    StandardOutput,
    Http { url: String, secret: Arc<[u8]> },
}

/// Why a sink cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSink {
    /// The name is not usable as a key.
    #[error("a name has 1 to 64 letters, digits, dots, hyphens and underscores")]
    Name,
    /// The pattern does not parse.
    #[error("the event pattern is not valid: {0}")]
    Pattern(#[from] pattern::Invalid),
    /// The file is a pipe, a device or a folder.
    #[error("{0} is not a regular file; stdout = true writes to standard output")]
    NotAFile(PathBuf),
    /// The URL is invalid.
    #[error("the URL does not begin with https:// or http://, or has no host")]
    Url,
}

/// Whether a sink can be used.
pub fn check(sink: &EventSink) -> Result<(), InvalidSink> {
    Sink::new(sink).map(|_| ())
}

impl Sink {
    pub(crate) fn new(sink: &EventSink) -> Result<Self, InvalidSink> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        if !(1..=64).contains(&sink.name.len()) || !sink.name.bytes().all(is_name) {
            return Err(InvalidSink::Name);
        }
        let pattern = sink.pattern.as_deref().map(Pattern::parse).transpose()?;
        let kind = match &sink.to {
            SinkKind::File(path) if lines::is_something_else(path) => {
                return Err(InvalidSink::NotAFile(path.clone()));
            }
            SinkKind::File(path) => Kind::File(path.clone()),
            SinkKind::StandardOutput => Kind::StandardOutput,
            SinkKind::Http { url, secret } => {
                let parsed = url.parse::<http::Uri>().map_err(|_| InvalidSink::Url)?;
                if !matches!(parsed.scheme_str(), Some("https" | "http")) || parsed.host().is_none() {
                    return Err(InvalidSink::Url);
                }
                Kind::Http { url: url.clone(), secret: Arc::clone(secret) }
            }
        };
        Ok(Self { key: format!("{PREFIX}{}", sink.name), pattern, kind })
    }

    /// Whether the sink gets an event. An event that is too complex for the pattern is delivered: the operator chose it.
    pub(crate) fn wants(&self, event: &Value) -> bool {
        self.pattern.as_ref().is_none_or(|pattern| pattern.matches(event).unwrap_or(true))
    }
}
