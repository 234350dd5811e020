//! Limits across two nodes on one PostgreSQL, as docs/operations.md states them: quotas are exact, storage quotas nearly, and
//! each node counts rates for itself.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use testkit::{Client, Wharf, noise, sha256};

use crate::crash_collect::binary;
use crate::events::{IMAGE, manifest};
use crate::postgres::Postgres;
use crate::two_versions::{another, node, same_account};

const IMAGES: usize = 12;
const TAGS: usize = 6;
const REPOSITORIES: usize = 9;
/// Requests of five seconds can come at once.
const RATE: usize = 5;
const SETTINGS: [(&str, &str); 4] = [
    ("WHARF__QUOTAS__IMAGES_PER_REPOSITORY", "12"),
    ("WHARF__QUOTAS__TAGS_PER_IMAGE", "6"),
    ("WHARF__QUOTAS__REPOSITORIES_PER_REGISTRY", "9"),
    ("WHARF__RATES__BATCH_CHECK_LAYER_AVAILABILITY", "5"),
];
/// Clients at the same time, half of them at each node.
const CLIENTS: usize = 6;
const LAYER: usize = 100_000;
const STORED: usize = 1_000_000;

/// Two nodes with the same settings.
struct Nodes {
    both: [Wharf; 2],
    _folder: tempfile::TempDir,
    _postgres: Postgres,
}

impl Nodes {
    fn start(settings: &[(&str, &str)]) -> Self {
        let (postgres, folder) = (Postgres::start(), tempfile::tempdir().unwrap());
        let start = |name| node(Path::new(binary()), folder.path(), name, &postgres.url(), settings);
        let one = start("one");
        same_account(folder.path(), "one", "two");
        Self { both: [one, start("two")], _folder: folder, _postgres: postgres }
    }

    fn clients(&self) -> [Client; 2] {
        self.both.each_ref().map(|node| node.client().unwrap())
    }
}

/// Sends so many requests through both nodes at the same time. Returns how many were accepted; the others were refused with
/// one of these statuses.
fn accepted(
    clients: &[Client; 2],
    count: usize,
    refused: &[u16],
    send: impl Fn(&Client, usize) -> u16 + Sync,
) -> usize {
    let (next, accepted) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for at in 0..CLIENTS {
            let (client, next, accepted, send) = (&clients[at % 2], &next, &accepted, &send);
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    let status = send(client, number);
                    let is_accepted = status < 300;
                    assert!(is_accepted || refused.contains(&status), "{status}");
                    accepted.fetch_add(usize::from(is_accepted), Ordering::Relaxed);
                }
            });
        }
    });
    accepted.into_inner()
}

#[test]
fn quotas_are_exact_across_nodes() {
    let nodes = Nodes::start(&SETTINGS);
    let clients = nodes.clients();
    let image = manifest(&clients[0]);
    let put = |client: &Client, reference: &str, body: &str| {
        let path = format!("/v2/app/manifests/{reference}");
        client.v2("PUT", &path, IMAGE, body.as_bytes()).unwrap().status
    };
    // The tags below are of an image that was accepted.
    let one = another(&image, 0);
    assert_eq!(put(&clients[0], &sha256(one.as_bytes()), &one), 201);
    let images = accepted(&clients, 4 * IMAGES, &[403], |client, number| {
        let body = another(&image, number + 1);
        put(client, &sha256(body.as_bytes()), &body)
    });
    assert_eq!(images, IMAGES - 1);
    let tags =
        accepted(&clients, 4 * TAGS, &[403], |client, number| put(client, &format!("t{number}"), &one));
    assert_eq!(tags, TAGS);
    let repositories = accepted(&clients, 4 * REPOSITORIES, &[400], |client, number| {
        let create = format!(r#"{{"repositoryName":"repository/{number}"}}"#);
        client.ecr("CreateRepository", &create).unwrap().status
    });
    // One more was there before.
    assert_eq!(repositories, REPOSITORIES - 1);
    each_node_counts_a_rate(&clients);
}

/// Each node accepts the requests of five seconds at once, and the rate from then on.
fn each_node_counts_a_rate(clients: &[Client; 2]) {
    for client in clients {
        let begun = Instant::now();
        let answers = (0..20 * RATE).map(|_| {
            let path = format!("/v2/app/blobs/sha256:{}", "0".repeat(64));
            client.v2("HEAD", &path, "", b"").unwrap().status
        });
        let answers: Vec<u16> = answers.collect();
        let within = answers.iter().filter(|status| **status == 404).count();
        let seconds = usize::try_from(begun.elapsed().as_secs()).unwrap() + 1;
        let most = (5 + seconds) * RATE + 1;
        assert!((5 * RATE..=most).contains(&within), "{within} of at most {most}");
        assert!(answers.iter().all(|status| [404, 429].contains(status)));
    }
}

#[test]
fn a_storage_quota_is_nearly_exact_across_nodes() {
    let quota = format!("[{{name = \"all\", bytes = {STORED}}}]");
    let nodes = Nodes::start(&[("WHARF__STORAGE_QUOTAS", &quota)]);
    let clients = nodes.clients();
    clients[0].ecr("CreateRepository", r#"{"repositoryName":"app"}"#).unwrap().expect(200).unwrap();
    let layers = accepted(&clients, 4 * STORED / LAYER, &[403], |client, number| {
        let layer = noise(LAYER, number as u64);
        let path = format!("/v2/app/blobs/uploads/?digest={}", sha256(&layer));
        client.v2("POST", &path, "application/octet-stream", &layer).unwrap().status
    });
    // Uploads that end at the same moment can exceed it by their own size.
    let most = STORED / LAYER + CLIENTS;
    assert!((STORED / LAYER - 1..=most).contains(&layers), "{layers} layers of at most {most}");
}
