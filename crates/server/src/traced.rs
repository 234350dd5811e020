//! The trace of a request, from its head to the end of its answer.

use http::{HeaderMap, HeaderName};
use trace::{Kind, Open, Request, Tracer};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The trace of one request; empty if it is not traced.
#[derive(Default)]
pub(crate) struct Traced(Option<Box<Spans>>);

struct Spans {
    request: Request,
    /// Of the whole request.
    whole: Option<Open>,
    /// Of the bytes of its answer, if they are a stream.
    sending: Option<Open>,
}

impl Traced {
    pub(crate) fn begin(tracer: &Tracer, headers: &HeaderMap) -> Self {
        let request = tracer.begin(|| traceparent(headers));
        Self(request.map(|request| {
            let whole = Some(request.span("request", Kind::Server));
            Box::new(Spans { request, whole, sending: None })
        }))
    }

    /// The trace, for the steps of the request.
    pub(crate) fn request(&self) -> Option<Request> {
        self.0.as_ref().map(|spans| spans.request.clone())
    }

    /// The bytes of the answer are being sent, until the request ends.
    pub(crate) fn send(&mut self) {
        if let Some(spans) = &mut self.0 {
            spans.sending = Some(spans.request.span("send bytes", Kind::Internal));
        }
    }

    /// Ends the steps. The span of the request ends with what is returned.
    pub(crate) fn end(&mut self, sent: u64) -> Option<Open> {
        let mut spans = self.0.take()?;
        if let Some(mut sending) = spans.sending.take() {
            sending.number("wharf.bytes", sent);
        }
        spans.whole.take()
    }
}

/// The header, if there is exactly one.
fn traceparent(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let value = values.next()?;
    if values.next().is_some() { None } else { value.to_str().ok() }
}
