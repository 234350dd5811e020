//! One line of the log as a flat JSON object: time, level, the fields of the event, target. It is written directly into
//! the buffer of the line: for a request this is most of the cost of the log.

use std::fmt::{self, Debug, Write};

use jiff::Timestamp;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::clock;

/// The format.
pub(super) struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        out.write_str("{\"timestamp\":\"")?;
        clock::write(&mut out, Timestamp::now())?;
        out.write_str(level(*event.metadata().level()))?;
        let mut fields = Fields { out, outcome: Ok(()) };
        event.record(&mut fields);
        let Fields { mut out, outcome } = fields;
        outcome?;
        out.write_str(",\"target\":\"")?;
        escape(&mut out, event.metadata().target())?;
        out.write_str("\"}\n")
    }
}

/// The end of the time and the whole level.
fn level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\",\"level\":\"ERROR\"",
        Level::WARN => "\",\"level\":\"WARN\"",
        Level::INFO => "\",\"level\":\"INFO\"",
        Level::DEBUG => "\",\"level\":\"DEBUG\"",
        Level::TRACE => "\",\"level\":\"TRACE\"",
    }
}

struct Fields<'a> {
    out: Writer<'a>,
    outcome: fmt::Result,
}

impl Fields<'_> {
    fn field(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        if self.outcome.is_ok() {
            self.outcome = self.key(field).and_then(|()| value(&mut self.out));
        }
    }

    /// Names of fields are in the source and need no escapes.
    fn key(&mut self, field: &Field) -> fmt::Result {
        self.out.write_str(",\"")?;
        self.out.write_str(field.name())?;
        self.out.write_str("\":")
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no NaN and no infinity.
        self.field(
            field,
            |out| if value.is_finite() { write!(out, "{value}") } else { out.write_str("null") },
        );
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.field(field, |out| write!(out, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.field(field, |out| write!(out, "{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.field(field, |out| out.write_str(if value { "true" } else { "false" }));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.field(field, |out| {
            out.write_char('"')?;
            escape(out, value)?;
            out.write_char('"')
        });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.field(field, |out| {
            out.write_char('"')?;
            write!(Escaping(out), "{value:?}")?;
            out.write_char('"')
        });
    }
}

/// Writes the content of a JSON string.
struct Escaping<'a, W>(&'a mut W);

impl<W: Write> Write for Escaping<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(self.0, text)
    }
}

/// A character that a JSON string cannot contain as it is.
fn is_special(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

/// Writes text as the content of a JSON string (RFC 8259 §7).
fn escape(out: &mut impl Write, text: &str) -> fmt::Result {
    // Almost no text has one. Without an early end the compiler tests many bytes at once.
    if !text.bytes().fold(false, |found, byte| found | is_special(byte)) {
        return out.write_str(text);
    }
    let mut rest = text;
    while let Some(at) = rest.bytes().position(is_special) {
        let (plain, special) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.write_str(plain)?;
        let mut chars = special.chars();
        match chars.next() {
            Some('"') => out.write_str("\\\"")?,
            Some('\\') => out.write_str("\\\\")?,
            Some('\n') => out.write_str("\\n")?,
            Some('\r') => out.write_str("\\r")?,
            Some('\t') => out.write_str("\\t")?,
            Some(other) => write!(out, "\\u{:04x}", u32::from(other))?,
            None => {}
        }
        rest = chars.as_str();
    }
    out.write_str(rest)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Lines {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    /// The events as JSON, without their times.
    fn lines(events: impl Fn(), ours: bool) -> Vec<serde_json::Value> {
        let lines = Lines::default();
        let builder = tracing_subscriber::fmt().with_writer(lines.clone());
        if ours {
            tracing::subscriber::with_default(builder.event_format(Json).finish(), events);
        } else {
            let theirs = builder.json().flatten_event(true).with_current_span(false).with_span_list(false);
            tracing::subscriber::with_default(theirs.finish(), events);
        }
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let parsed = text.lines().map(|line| {
            let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
            let time = line["timestamp"].take();
            assert!(time.as_str().unwrap().parse::<Timestamp>().is_ok(), "{time}");
            line
        });
        parsed.collect()
    }

    #[test]
    fn lines_are_those_of_the_library() {
        let events = || {
            let none: Option<&str> = None;
            tracing::info!(
                target: "wharf::access",
                text = "a \"quoted\" \\ \u{1}\n\r\t\u{7f} ü€𝄞 text",
                shown = %"path/\"\n",
                debugged = ?["x", "\""],
                int = -5,
                unsigned = u64::MAX,
                yes = true,
                half = 0.5,
                none,
                "message with {}",
                "\"arguments\""
            );
            tracing::error!(error = &io::Error::other("no \"disk\"") as &dyn std::error::Error, "failed");
            tracing::warn!("only a message");
        };
        let (ours, theirs) = (lines(events, true), lines(events, false));
        assert_eq!(ours.len(), 3);
        assert_eq!(ours, theirs);
    }
}
