//! Traces reach a collector in OTLP, and a collector that is away or slow harms nobody. The messages are decoded by the
//! numbers in OpenTelemetry's description of them (`trace.proto`, `common.proto`), independently of the code that writes
//! them.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::http::{answer, ask, basic, connect, get, send_head};
use crate::process::{Dev, wait_for};
use crate::receiver::{Answer, Receiver, Tls};

const KEY: (&str, &str) = crate::first_start::KEY;
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// A server that sends its traces to a receiver, and the address of its metrics.
struct Traced {
    dev: Dev,
    metrics: String,
}

fn traced(folder: &Path, receiver: &Receiver, change: impl FnOnce(&mut Command)) -> Traced {
    let metrics = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let dev = Dev::start_with(folder, |command| {
        let endpoint = format!("http://{}", receiver.address());
        command.env("WHARF__TELEMETRY__OTLP_ENDPOINT", endpoint);
        command.env("WHARF__OUTBOUND__INSECURE_HOSTS", r#"["127.0.0.1"]"#);
        command.env("WHARF__METRICS__LISTEN", metrics.to_string());
        command.env("WHARF_DEV_ACCESS_KEY_ID", KEY.0).env("WHARF_DEV_SECRET_ACCESS_KEY", KEY.1);
        change(command);
    });
    Traced { dev, metrics: format!("http://localhost:{}", metrics.port()) }
}

/// A decoded message: its fields in order, with their numbers.
struct Message(Vec<(u64, Field)>);

enum Field {
    Number(u64),
    Bytes(Vec<u8>),
}

impl Message {
    fn decode(mut bytes: &[u8]) -> Self {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let key = varint(&mut bytes);
            let field = match key % 8 {
                0 => Field::Number(varint(&mut bytes)),
                1 => Field::Number(u64::from_le_bytes(taken(&mut bytes, 8).try_into().unwrap())),
                2 => {
                    let length = varint(&mut bytes);
                    Field::Bytes(taken(&mut bytes, length).to_vec())
                }
                other => panic!("wire type {other}"),
            };
            fields.push((key / 8, field));
        }
        Self(fields)
    }

    fn all(&self, number: u64) -> impl Iterator<Item = &Field> {
        self.0.iter().filter(move |(known, _)| *known == number).map(|(_, field)| field)
    }

    fn bytes(&self, number: u64) -> &[u8] {
        match self.all(number).next() {
            Some(Field::Bytes(bytes)) => bytes,
            Some(Field::Number(_)) => panic!("field {number} is a number"),
            None => &[],
        }
    }

    fn text(&self, number: u64) -> String {
        String::from_utf8(self.bytes(number).to_vec()).unwrap()
    }

    fn number(&self, number: u64) -> Option<u64> {
        self.all(number).next().map(|field| match field {
            Field::Number(value) => *value,
            Field::Bytes(_) => panic!("field {number} is no number"),
        })
    }

    fn messages(&self, number: u64) -> Vec<Self> {
        let message = |field: &Field| match field {
            Field::Bytes(bytes) => Self::decode(bytes),
            Field::Number(_) => panic!("field {number} is a number"),
        };
        self.all(number).map(message).collect()
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let byte = taken(bytes, 1)[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}

fn taken<'a>(bytes: &mut &'a [u8], length: u64) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(usize::try_from(length).unwrap());
    *bytes = rest;
    taken
}

/// A span of `trace.proto`.
#[derive(Debug)]
struct Span {
    trace_id: String,
    id: String,
    parent_span_id: String,
    name: String,
    kind: u64,
    start_time_unix_nano: u64,
    end_time_unix_nano: u64,
    attributes: BTreeMap<String, String>,
}

impl Span {
    fn of(message: &Message) -> Self {
        Self {
            trace_id: hex(message.bytes(1)),
            id: hex(message.bytes(2)),
            parent_span_id: hex(message.bytes(4)),
            name: message.text(5),
            kind: message.number(6).unwrap(),
            start_time_unix_nano: message.number(7).unwrap(),
            end_time_unix_nano: message.number(8).unwrap(),
            attributes: attributes(message, 9),
        }
    }
}

/// The spans that arrived, with the attributes of their process.
fn spans(receiver: &Receiver) -> Vec<(BTreeMap<String, String>, Span)> {
    let mut spans = Vec::new();
    for request in receiver.requests() {
        assert_eq!(request.line, "POST /v1/traces");
        assert_eq!(request.header("content-type"), "application/x-protobuf");
        for of_resource in Message::decode(&request.bytes).messages(1) {
            let resource = attributes(&of_resource.messages(1)[0], 1);
            for of_scope in of_resource.messages(2) {
                assert_eq!(of_scope.messages(1)[0].text(1), "wharf");
                spans.extend(of_scope.messages(2).iter().map(|span| (resource.clone(), Span::of(span))));
            }
        }
    }
    spans
}

/// The attributes in a field: pairs of a name and a value, which is a text, a flag or a number.
fn attributes(of: &Message, number: u64) -> BTreeMap<String, String> {
    let value = |value: &Message| match (value.number(2), value.number(3)) {
        (Some(flag), _) => (flag == 1).to_string(),
        (_, Some(number)) => number.to_string(),
        _ => value.text(1),
    };
    of.messages(number).iter().map(|pair| (pair.text(1), value(&pair.messages(2)[0]))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Pushes an image, with a client that traces its requests, or not.
fn push(dev: &Dev, traceparent: Option<&str>) {
    let basic = basic(&dev.endpoint, KEY);
    let send = |line: &str, body: &[u8]| {
        use std::io::Write as _;
        let length = body.len().to_string();
        let mut headers =
            vec![("host", "localhost"), ("authorization", &*basic), ("content-length", &*length)];
        headers.extend([("content-type", "application/vnd.oci.image.manifest.v1+json")]);
        headers.extend(traceparent.map(|traceparent| ("traceparent", traceparent)));
        let mut stream = connect(&dev.endpoint);
        send_head(&mut stream, line, &headers);
        stream.write_all(body).unwrap();
        let (status, text) = answer(&mut stream);
        assert!(status < 300, "{line}: {text}");
    };
    let layer = testkit::noise(1_300_000, 1);
    for bytes in [&b"{}"[..], &layer] {
        send(&format!("POST /v2/app/blobs/uploads/?digest={}", testkit::sha256(bytes)), bytes);
    }
    let (config, layer) = (testkit::sha256(b"{}"), testkit::sha256(&layer));
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config}","size":2}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{layer}","size":1300000}}]}}"#
    );
    send("PUT /v2/app/manifests/v1", manifest.as_bytes());
    send(&format!("GET /v2/app/blobs/{layer}"), b"");
}

fn metric(endpoint: &str, name: &str) -> u64 {
    let (_, text) = get(endpoint, "/metrics");
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {text}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn a_request_is_a_trace_with_its_steps() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start());
    let Traced { dev, .. } = traced(folder.path(), &receiver, |command| {
        command.env("WHARF__TELEMETRY__SAMPLE_RATIO", "0.0");
        command.env("WHARF__TELEMETRY__SERVICE_NAME", "registry-a");
    });
    push(&dev, Some(&format!("00-{TRACE}-{CALLER}-01")));
    push(&dev, Some(&format!("00-{TRACE}-{CALLER}-00")));
    push(&dev, None);
    let bearer = basic(&dev.endpoint, KEY);
    // A node that stops sends what is left.
    dev.stop();
    let found = spans(&receiver);
    assert!(found.iter().all(|(_, span)| span.trace_id == TRACE), "only what the client traces");
    let resource = &found[0].0;
    assert_eq!(resource["service.name"], "registry-a");
    assert!(resource.contains_key("service.version") && resource.contains_key("service.instance.id"));
    let roots: Vec<&Span> =
        found.iter().map(|(_, span)| span).filter(|span| span.parent_span_id == CALLER).collect();
    assert_eq!(roots.len(), 4, "{roots:#?}");
    assert!(roots.iter().all(|root| root.kind == 2 && root.start_time_unix_nano < root.end_time_unix_nano));
    let children = |root: &Span| -> Vec<&Span> {
        found.iter().map(|(_, span)| span).filter(|span| span.parent_span_id == root.id).collect()
    };
    let named = |name: &str| {
        *roots.iter().find(|root| root.name == name).unwrap_or_else(|| panic!("{name}: {roots:#?}"))
    };
    let put = named("put_manifest");
    let attributes_of_put = &put.attributes;
    assert_eq!(attributes_of_put["url.path"], "/v2/app/manifests/v1");
    assert_eq!(attributes_of_put["http.response.status_code"], "201");
    let steps: Vec<&str> = children(put).iter().map(|span| span.name.as_str()).collect();
    for step in ["gate", "decision", "PutImage"] {
        assert!(steps.contains(&step), "{step} is not in {steps:?}");
    }
    let gate = children(put).into_iter().find(|span| span.name == "gate").unwrap();
    assert!(children(gate).iter().any(|span| span.name == "Resolve"), "the gate reads the store");
    let decision = children(put).into_iter().find(|span| span.name == "decision").unwrap();
    let decided = &decision.attributes;
    assert_eq!((&*decided["wharf.action"], &*decided["wharf.allowed"]), ("ecr:PutImage", "true"));
    let bytes_of = |root: &str, step: &str| {
        let found: Vec<u64> = roots
            .iter()
            .filter(|span| span.name == root)
            .flat_map(|root| children(root))
            .filter(|span| span.name == step)
            .map(|span| span.attributes["wharf.bytes"].parse().unwrap())
            .collect();
        found.into_iter().max().unwrap_or_else(|| panic!("{root} has no {step}: {roots:?}"))
    };
    assert_eq!(bytes_of("put_blob", "append bytes"), 1_300_000);
    assert_eq!(bytes_of("get_blob", "send bytes"), 1_300_000);
    // Nothing that opens a door is in what was sent.
    let secrets = [KEY.1, bearer.trim_start_matches("Basic ")];
    for request in receiver.requests() {
        let text = String::from_utf8_lossy(&request.bytes).into_owned();
        assert!(secrets.iter().all(|secret| !text.contains(secret)));
    }
}

#[test]
fn background_work_is_a_trace_if_it_did_something() {
    use std::os::unix::fs::PermissionsExt as _;
    const SECRET: &str = "a-secret-of-the-test-0123456789";
    let (folder, receiver, hook) = (tempfile::tempdir().unwrap(), Receiver::start(), Receiver::start());
    let secret = folder.path().join("secret");
    std::fs::write(&secret, SECRET).unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    let Traced { dev, metrics } = traced(folder.path(), &receiver, |command| {
        let (url, secret) = (hook.url(), secret.display());
        let sinks = format!(r#"[{{ name = "hook", url = "{url}?key={SECRET}", secret_file = "{secret}" }}]"#);
        command.env("WHARF__EVENTS__SINKS", sinks).env("WHARF__TELEMETRY__SAMPLE_RATIO", "1");
    });
    push(&dev, None);
    // Every reconciler runs at the start. Nothing expires here.
    let idle = "expire-uploads";
    wait_for("an idle run", || {
        let ended = format!("wharf_reconciler_ended_seconds{{reconciler=\"{idle}\"}} ");
        let (_, text) = get(&metrics, "/metrics");
        let at = text.lines().find_map(|line| line.strip_prefix(&ended))?;
        (at.parse::<f64>().unwrap() > 0.0).then_some(())
    });
    let (run, call) = wait_for("the delivery", || {
        let mut found: Vec<Span> = spans(&receiver).into_iter().map(|(_, span)| span).collect();
        let call = found.iter().position(|span| span.name == "outgoing request")?;
        let call = found.swap_remove(call);
        let is_root = |span: &Span| span.trace_id == call.trace_id && span.parent_span_id.is_empty();
        let run = found.iter().position(is_root)?;
        Some((found.swap_remove(run), call))
    });
    dev.stop();
    let found: Vec<Span> = spans(&receiver).into_iter().map(|(_, span)| span).collect();
    assert_eq!((&*run.name, run.kind, call.kind), ("deliver-events", 1, 3));
    assert!(run.attributes["wharf.done"].parse::<u64>().unwrap() > 0, "{run:?}");
    assert!(run.attributes.contains_key("wharf.has_more"));
    assert_eq!(call.attributes["http.request.method"], "POST");
    assert_eq!(call.attributes["server.address"], "127.0.0.1");
    assert!(call.attributes.contains_key("http.response.status_code"));
    let stored = |span: &&Span| span.attributes.contains_key("db.system.name");
    let children = found.iter().filter(|span| span.parent_span_id == run.id);
    assert!(children.filter(stored).count() > 0, "{found:#?}");
    // What is no request did something.
    let runs = found.iter().filter(|span| span.parent_span_id.is_empty() && span.kind == 1);
    for run in runs {
        assert_ne!(run.name, idle);
        assert_ne!(run.attributes["wharf.done"], "0", "{run:?}");
    }
    let mut sent = receiver.requests().into_iter();
    assert!(sent.all(|request| !String::from_utf8_lossy(&request.bytes).contains(SECRET)));
}

#[test]
fn a_collector_that_is_away_costs_spans_only() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start());
    receiver.answer(Answer::Silent);
    let Traced { dev, metrics } = traced(folder.path(), &receiver, |command| {
        command.env("WHARF__TELEMETRY__SAMPLE_RATIO", "1");
    });
    let basic = basic(&dev.endpoint, KEY);
    let slowest = (0..2500)
        .map(|_| {
            let began = Instant::now();
            assert_eq!(ask(&dev.endpoint, "GET /v2/app/tags/list", &basic).0, 404);
            began.elapsed()
        })
        .max()
        .unwrap();
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    // More spans than the queue and a batch can hold.
    wait_for("the drops", || {
        (metric(&metrics, "wharf_trace_dropped_spans_total{reason=\"queue\"}") > 0).then_some(())
    });
    receiver.answer(Answer::Takes);
    wait_for("the rest", || (metric(&metrics, "wharf_trace_sent_spans_total") > 0).then_some(()));
    dev.stop();
}

#[test]
fn a_collector_gets_headers_over_tls_of_its_authority() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, tls) = (tempfile::tempdir().unwrap(), Tls::new());
    let receiver = Receiver::with_tls(&tls, None);
    let (headers, ca) = (folder.path().join("headers"), folder.path().join("ca.pem"));
    std::fs::write(&headers, "authorization: Bearer of-the-collector\n").unwrap();
    std::fs::set_permissions(&headers, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&ca, &tls.pem).unwrap();
    let Traced { dev, .. } = traced(folder.path(), &receiver, |command| {
        let port = receiver.address().port();
        command.env("WHARF__TELEMETRY__OTLP_ENDPOINT", format!("https://localhost:{port}/"));
        command.env("WHARF__TELEMETRY__SAMPLE_RATIO", "1").env("WHARF__TELEMETRY__HEADERS_FILE", &headers);
        command.env("WHARF__TELEMETRY__CA_FILE", &ca);
    });
    assert_eq!(get(&dev.endpoint, "/v2/").0, 401);
    // A run of background work can be there before it.
    let root = wait_for("the trace", || {
        let mut found = spans(&receiver).into_iter().map(|(_, span)| span);
        found.find(|span| span.attributes.contains_key("http.response.status_code"))
    });
    assert_eq!(receiver.requests()[0].header("authorization"), "Bearer of-the-collector");
    assert!(!dev.running.log().contains("of-the-collector"));
    assert_eq!(root.attributes["http.response.status_code"], "401");
}
