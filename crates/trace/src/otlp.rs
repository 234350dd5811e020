//! Spans in OTLP: the message `ExportTraceServiceRequest` in protobuf (opentelemetry-proto 1.x), of which Wharf needs one
//! small part. The numbers are those of its fields.

use crate::span::{Finished, Kind, Value};

/// What the process is: attributes of every span.
#[derive(Clone, Debug)]
pub struct Resource {
    attributes: Vec<(String, String)>,
    /// The version of this process.
    version: String,
}

impl Resource {
    /// A resource with these attributes, such as `service.name`.
    pub fn new(version: &str, attributes: Vec<(String, String)>) -> Self {
        Self { attributes, version: version.to_owned() }
    }

    /// The request that brings these spans to a collector.
    pub fn export(&self, spans: &[Finished]) -> Vec<u8> {
        let resource = message(|resource| {
            for (key, value) in &self.attributes {
                put(resource, 1, &attribute(key, &Value::Text(value.as_str().into())));
            }
        });
        let of_scope = message(|of_scope| {
            let scope = message(|scope| {
                put(scope, 1, b"wharf");
                put(scope, 2, self.version.as_bytes());
            });
            put(of_scope, 1, &scope);
            for span in spans {
                put(of_scope, 2, &encoded(span));
            }
        });
        let of_resource = message(|of_resource| {
            put(of_resource, 1, &resource);
            put(of_resource, 2, &of_scope);
        });
        message(|request| put(request, 1, &of_resource))
    }
}

fn encoded(span: &Finished) -> Vec<u8> {
    message(|to| {
        put(to, 1, &span.trace);
        put(to, 2, &span.id.to_be_bytes());
        if span.parent != 0 {
            put(to, 4, &span.parent.to_be_bytes());
        }
        put(to, 5, span.name.as_bytes());
        number(
            to,
            6,
            match span.kind {
                Kind::Internal => 1,
                Kind::Server => 2,
                Kind::Client => 3,
            },
        );
        fixed(to, 7, span.started);
        fixed(to, 8, span.ended);
        for (key, value) in &span.attributes {
            put(to, 9, &attribute(key, value));
        }
        if span.has_failed {
            put(to, 15, &message(|status| number(status, 3, 2)));
        }
    })
}

fn attribute(key: &str, value: &Value) -> Vec<u8> {
    let value = message(|any| match value {
        Value::Text(text) => put(any, 1, text.as_bytes()),
        Value::Flag(flag) => number(any, 2, u64::from(*flag)),
        Value::Number(value) => number(any, 3, value.cast_unsigned()),
    });
    message(|pair| {
        put(pair, 1, key.as_bytes());
        put(pair, 2, &value);
    })
}

fn message(fill: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    fill(&mut bytes);
    bytes
}

fn varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    to.push(value.to_le_bytes()[0]);
}

fn number(to: &mut Vec<u8>, field: u64, value: u64) {
    varint(to, field << 3);
    varint(to, value);
}

fn fixed(to: &mut Vec<u8>, field: u64, value: u64) {
    varint(to, (field << 3) | 1);
    to.extend_from_slice(&value.to_le_bytes());
}

fn put(to: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    varint(to, (field << 3) | 2);
    varint(to, bytes.len() as u64);
    to.extend_from_slice(bytes);
}

/// How many spans a collector refused although it took the request: `rejected_spans` in the `partial_success` of its
/// answer. An answer that cannot be read refused none.
pub fn rejected(answer: &[u8]) -> u64 {
    let part =
        field(answer, 1).and_then(|found| if let Field::Bytes(part) = found { Some(part) } else { None });
    match part.and_then(|part| field(part, 1)) {
        Some(Field::Number(rejected)) => rejected,
        _ => 0,
    }
}

enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// A field of a message.
fn field(mut from: &[u8], wanted: u64) -> Option<Field<'_>> {
    while !from.is_empty() {
        let key = read(&mut from)?;
        let found = match key & 7 {
            0 => Field::Number(read(&mut from)?),
            1 => Field::Bytes(take(&mut from, 8)?),
            2 => {
                let length = read(&mut from)?;
                Field::Bytes(take(&mut from, length)?)
            }
            5 => Field::Bytes(take(&mut from, 4)?),
            _ => return None,
        };
        if key >> 3 == wanted {
            return Some(found);
        }
    }
    None
}

fn take<'a>(from: &mut &'a [u8], length: u64) -> Option<&'a [u8]> {
    let (taken, rest) = from.split_at_checked(usize::try_from(length).ok()?)?;
    *from = rest;
    Some(taken)
}

fn read(from: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = from.split_first()?;
        *from = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejected_spans_are_read_from_an_answer() {
        // Field 1: { field 1: 300, field 2: "full" }.
        assert_eq!(rejected(&[10, 9, 8, 0xac, 2, 18, 4, b'f', b'u', b'l', b'l']), 300);
        assert_eq!(rejected(&[]), 0);
        assert_eq!(rejected(&[10, 200, 1]), 0, "it ends early");
        assert_eq!(rejected(&[0xff; 20]), 0);
    }
}
