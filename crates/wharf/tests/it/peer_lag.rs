//! The lag of a destination, and the bytes that were sent to it, as an operator sees them.

use std::net::TcpListener;
use std::path::Path;

use serde_json::{Value, json};
use testkit::noise;

use crate::gc::push_image;
use crate::http::get;
use crate::peers::{HERE, Side, THERE, arrive, create, two_of};
use crate::process::{said, wait_for};

/// A port that is free now.
fn free() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("127.0.0.1:{}", listener.local_addr().unwrap().port())
}

/// The value of a metric with these labels.
fn metric(address: &str, name: &str, labels: &[&str]) -> Option<u64> {
    let (status, text) = get(&format!("http://{address}"), "/metrics");
    assert_eq!(status, 200, "{text}");
    let is_it = |line: &&str| {
        line.starts_with(&format!("{name}{{")) && labels.iter().all(|label| line.contains(label))
    };
    text.lines().find(is_it)?.rsplit(' ').next()?.parse().ok()
}

/// `wharf replication status --json`.
fn shown_by_command(side: &Side, folder: &Path) -> Value {
    let (client, mut command) = (side.client(), crate::process::wharf());
    let (id, secret) = client.credentials().key();
    command.env("AWS_ACCESS_KEY_ID", id).env("AWS_SECRET_ACCESS_KEY", secret).env("HOME", folder);
    command.env("AWS_REGION", HERE).env("AWS_ENDPOINT_URL_ECR", format!("http://{}", client.host()));
    serde_json::from_str(&said(command.args(["replication", "status", "--json"]))).unwrap()
}

#[test]
fn the_lag_grows_while_the_peer_is_away_and_ends() {
    let folder = testkit::memory_folder().unwrap();
    let metrics = free();
    let a = Side::with(folder.path(), "a", HERE, &[("WHARF__METRICS__LISTEN", &metrics)]);
    let (a, b, proxy) = two_of([a, Side::new(folder.path(), "b", THERE)], "8MiB");
    let (source, destination) = (format!("{}/{HERE}", a.account), format!("{}/{THERE}", b.account));
    let labels = [format!("source=\"{source}\""), format!("destination=\"{destination}\"")];
    let labels = [labels[0].as_str(), labels[1].as_str()];
    let lag = || a.call("WharfDescribeReplication", &json!({}))["destinations"][0].clone();
    let of = |name: &str| metric(&metrics, name, &labels);
    create(&a, "app");
    let layers = [noise(300_000, 1), noise(200_000, 2)];
    push_image(&a.client(), "app", "v1", &[&layers[0]]);
    arrive(&a, &b);
    assert_eq!((&lag()["lagSeconds"], &lag()["waitingCount"]), (&json!(0), &json!(0)));
    wait_for("the metric", || (of("wharf_replication_lag_seconds") == Some(0)).then_some(()));

    proxy.cut();
    push_image(&a.client(), "app", "v2", &[&layers[1]]);
    let behind = wait_for("the lag", || Some(lag()).filter(|lag| lag["lagSeconds"].as_u64().unwrap() >= 2));
    assert_eq!((&behind["waitingCount"], &behind["failedCount"]), (&json!(1), &json!(0)), "{behind}");
    // A busy store does not answer each scrape in time: the value before stays.
    let seconds = wait_for("the metric", || of("wharf_replication_lag_seconds").filter(|lag| *lag >= 2));
    assert!(seconds < 60, "{seconds}");
    wait_for("the metrics", || {
        let shown = (of("wharf_replication_waiting"), of("wharf_replication_failed"));
        (shown == (Some(1), Some(0))).then_some(())
    });
    let told = shown_by_command(&a, folder.path()).to_string();
    assert!(told.contains(THERE), "{told}");
    assert_eq!(b.images("app").len(), 1);

    proxy.mend();
    arrive(&a, &b);
    assert_eq!((&lag()["lagSeconds"], &lag()["waitingCount"]), (&json!(0), &json!(0)));
    for name in ["wharf_replication_lag_seconds", "wharf_replication_waiting"] {
        wait_for(name, || (of(name) == Some(0)).then_some(()));
    }
    assert_eq!(b.images("app"), a.images("app"));
    // What is counted is what went through the network: the bytes of the layers, beside the heads of the requests.
    let counted = metric(&metrics, "wharf_replication_sent_bytes", &["peer=\"b\""]).unwrap();
    let layers = layers.iter().map(Vec::len).sum::<usize>() as u64;
    let (configs, seen) = (100, proxy.parts());
    assert!((layers..layers + configs).contains(&counted), "{counted} bytes were counted");
    assert!(
        (counted..counted + seen.count * 2_000).contains(&seen.bytes),
        "{counted} were counted: {seen:?}"
    );
}
