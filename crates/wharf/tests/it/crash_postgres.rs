//! PostgreSQL is killed while uploads begin: each upload that a client was told about is still there, and so no file is left
//! without a row.

use std::time::{Duration, Instant};

use testkit::{Client, Cluster, ClusterOptions, noise};

use crate::crash_collect::binary;

/// PostgreSQL writes what need not be synced after a fifth of a second at the latest: so many uploads begin within that time.
const UPLOADS: u64 = 24;
const CLIENTS: u64 = 4;
const KILLS: u64 = 3;
const RESTARTED: Duration = Duration::from_mins(1);

#[test]
fn an_upload_outlives_a_kill_of_postgresql() {
    let options = ClusterOptions {
        binary: binary(),
        nodes: 1,
        store: "versitygw",
        serve: "stream",
        folder: None,
        settings: &[],
        standby: false,
        links: None,
    };
    let cluster = Cluster::start(&options).unwrap();
    let client = &cluster.client;
    client.ecr("CreateRepository", r#"{"repositoryName":"app"}"#).unwrap().expect(200).unwrap();
    let mut lost = Vec::new();
    for kill in 0..KILLS {
        let begun = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..CLIENTS)
                .map(|number| scope.spawn(move || begin_uploads(client, kill * 10 + number)))
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        cluster.kill(&cluster.primary().unwrap()).unwrap();
        let since = Instant::now();
        while !cluster.is_ready(0) {
            assert!(since.elapsed() < RESTARTED, "PostgreSQL does not come back");
            std::thread::sleep(Duration::from_millis(20));
        }
        let is_lost = |upload: &String| client.v2("GET", upload, "", b"").unwrap().status != 204;
        lost.extend(begun.into_iter().filter(is_lost));
    }
    let checked = cluster.command(&["fsck", "--json"]).unwrap().output().unwrap();
    let report = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success(), "fsck, with {} lost uploads: {report}", lost.len());
    assert!(lost.is_empty(), "{} of {} uploads are lost", lost.len(), UPLOADS * KILLS);
}

/// Begins uploads, each with its first bytes; returns their paths.
fn begin_uploads(client: &Client, seed: u64) -> Vec<String> {
    let begin = |number| {
        let start = client.v2("POST", "/v2/app/blobs/uploads/", "", b"").unwrap().expect(202).unwrap();
        let path = start.header("location").unwrap().to_owned();
        client.patch(&path, 0, &noise(1_000, seed << 8 | number)).unwrap().expect(202).unwrap();
        path
    };
    (0..UPLOADS / CLIENTS).map(begin).collect()
}
