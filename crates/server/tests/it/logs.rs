//! The log: one line for each request with its ID, and no secrets.

use std::io;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tracing_subscriber::fmt::MakeWriter;

use crate::client::Client;
use crate::image::{at, push_blob};
use crate::node::Node;

#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// The log of this process from now on, with the lines of all its tests.
    pub(crate) fn of_this_process() -> Self {
        static LINES: OnceLock<Lines> = OnceLock::new();
        LINES
            .get_or_init(|| {
                let lines = Self::default();
                // For the whole process: other tests can disable the log calls of a subscriber for one thread.
                let subscriber = tracing_subscriber::fmt().json().with_max_level(tracing::Level::DEBUG);
                tracing::subscriber::set_global_default(subscriber.with_writer(lines.clone()).finish())
                    .unwrap();
                lines
            })
            .clone()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

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

#[tokio::test]
async fn a_request_has_one_log_line_with_its_id_and_no_secrets() {
    let lines = Lines::of_this_process();
    let node = Node::start_with(|options| {
        options.limits.body_idle = Duration::from_secs(1);
        options.metrics_listen = Some("127.0.0.1:0".parse().unwrap());
    })
    .await;
    let reply = node.client().get("/v2/team/app/tags/list?n=1").await.expect(200);
    Client::new(node.address).get("/wharf/layers/sealed-secret").await.expect(403);
    Client::new(node.address)
        .authorization(Some("Basic c2VjcmV0OnNlY3JldA==".into()))
        .get("/v2/")
        .await
        .expect(401);
    let digest = push_blob(&node.client(), &vec![b'l'; 12 << 20]).await;
    let line = format!("GET {}", at(&format!("blobs/{digest}")));
    let never_read = node.client().raw(&line, "").await;
    // This one is handed to the socket in one piece, and most of it is never read.
    let small = push_blob(&node.client(), &vec![b'l'; 250 << 10]).await;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut hardly_read = socket.connect(node.address).await.unwrap();
    let head = format!(
        "GET {} HTTP/1.1\r\nhost: test\r\nauthorization: Basic {}\r\n\r\n",
        at(&format!("blobs/{small}")),
        node.password
    );
    tokio::io::AsyncWriteExt::write_all(&mut hardly_read, head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    drop((never_read, hardly_read));

    let text = lines.text();
    let id = reply.header("x-amzn-requestid");
    let ours: Vec<serde_json::Value> = text
        .lines()
        .filter(|line| line.contains(id))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (audit, ours): (Vec<_>, Vec<_>) = ours.into_iter().partition(|line| line["target"] == "wharf::audit");
    assert_eq!(audit.len(), 1, "{audit:?}");
    assert_eq!(audit[0]["fields"]["action"], "ecr:ListImages");
    assert_eq!(audit[0]["fields"]["resource"], "arn:aws:ecr:us-east-1:123456789012:repository/team/app");
    assert_eq!(audit[0]["fields"]["allowed"], true);
    assert_eq!(ours.len(), 1, "{text}");
    let fields = &ours[0]["fields"];
    assert_eq!(fields["request_id"], id);
    assert_eq!(fields["status"], 200);
    assert_eq!(fields["operation"], "list_tags");
    assert_eq!(fields["path"], "/v2/team/app/tags/list");
    assert_eq!(fields["caller"], "arn:aws:iam::123456789012:user/admin");
    assert_eq!(fields["ended"], "whole");
    // Other tests of this process log too: these blobs are used only here.
    let ours = |line: &&str| line.contains(&digest) || line.contains(&small);
    let cut: Vec<_> = text.lines().filter(ours).filter(|line| line.contains("get_blob")).collect();
    assert_eq!(cut.len(), 2, "{text}");
    for line in cut {
        assert!(line.contains("\"ended\":\"cut\""), "{line}");
        assert!(line.contains("\"reason\":\"the client took nothing for 1 s\""), "{line}");
    }
    let metrics = Client::new(node.metrics.unwrap()).get("/metrics").await.body;
    let counted = "wharf_http_cut_answers_total{reason=\"stalled\"} 2";
    assert!(String::from_utf8_lossy(&metrics).contains(counted), "{counted}");
    let password = String::from_utf8(STANDARD.decode(&node.password).unwrap()).unwrap();
    let password = password.split_once(':').unwrap().1;
    for secret in [node.password.as_str(), password, "sealed-secret", "c2VjcmV0OnNlY3JldA"] {
        assert!(!text.contains(secret), "a secret is in the log: {secret}");
    }
}
