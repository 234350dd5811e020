//! One span: a step of a request with its times and attributes.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::request::{CURRENT, Request};

/// The maximum length of a text. A longer one is cut.
const MOST_TEXT: usize = 256;
/// The maximum number of attributes.
const MOST_ATTRIBUTES: usize = 16;

/// What a span is in OpenTelemetry's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A step inside this process.
    Internal,
    /// The answer to a request.
    Server,
    /// A call to another server.
    Client,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(Box<str>),
    Number(i64),
    Flag(bool),
}

/// A span that has ended.
#[derive(Clone, Debug)]
pub struct Finished {
    pub(crate) trace: [u8; 16],
    pub(crate) id: u64,
    /// 0: none.
    pub(crate) parent: u64,
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Nanoseconds since 1970.
    pub(crate) started: u64,
    pub(crate) ended: u64,
    pub(crate) attributes: Vec<(&'static str, Value)>,
    pub(crate) has_failed: bool,
}

/// A span that has begun. It ends when it is dropped. What is not traced is empty.
#[derive(Debug)]
#[must_use = "the span ends when it is dropped"]
pub struct Open(Option<Box<Begun>>);

#[derive(Debug)]
struct Begun {
    request: Request,
    at: Instant,
    span: Finished,
}

/// Begins a span of the request, or of the run of background work, that this task runs.
pub fn begin(name: &'static str, kind: Kind) -> Open {
    CURRENT.try_with(|request| request.span(name, kind)).unwrap_or(Open::none())
}

impl Open {
    pub(crate) const fn none() -> Self {
        Self(None)
    }

    pub(crate) fn of(
        request: Request,
        name: &'static str,
        kind: Kind,
        (trace, id, parent): ([u8; 16], u64, u64),
    ) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let started = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        let (attributes, has_failed) = (Vec::new(), false);
        let span =
            Finished { trace, id, parent, name, kind, started, ended: started, attributes, has_failed };
        Self(Some(Box::new(Begun { request, at: Instant::now(), span })))
    }

    /// Gives it another name, which became known later.
    pub fn rename(&mut self, name: &'static str) {
        if let Some(begun) = &mut self.0 {
            begun.span.name = name;
        }
    }

    /// Marks it as failed.
    pub fn fail(&mut self) {
        if let Some(begun) = &mut self.0 {
            begun.span.has_failed = true;
        }
    }

    /// Adds a text. It must not be secret: a collector shows it to its users.
    pub fn text(&mut self, key: &'static str, text: &str) {
        let mut end = text.len().min(MOST_TEXT);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.add(key, || Value::Text(text.get(..end).unwrap_or_default().into()));
    }

    /// Adds a number.
    pub fn number(&mut self, key: &'static str, number: u64) {
        self.add(key, || Value::Number(i64::try_from(number).unwrap_or(i64::MAX)));
    }

    /// Adds a yes or no.
    pub fn flag(&mut self, key: &'static str, flag: bool) {
        self.add(key, || Value::Flag(flag));
    }

    fn add(&mut self, key: &'static str, value: impl FnOnce() -> Value) {
        if let Some(begun) = &mut self.0
            && begun.span.attributes.len() < MOST_ATTRIBUTES
        {
            begun.span.attributes.push((key, value()));
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let Some(begun) = self.0.take() else { return };
        let Begun { request, at, mut span } = *begun;
        let took = u64::try_from(at.elapsed().as_nanos()).unwrap_or(u64::MAX);
        span.ended = span.started.saturating_add(took);
        request.leave(span.id, span.parent);
        request.put(span);
    }
}
