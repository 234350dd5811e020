//! `kill -9` amid backfills of hundreds of images, within a deployment and between two: they go on, each image arrives, and
//! each is counted once. `WHARF_BACKFILL_IMAGES` tries more.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use fault::Fault;
use serde_json::{Value, json};
use testkit::{Client, Credentials, Started, Wharf, noise, sha256};

use crate::crash_collect::{binary, ready};
use crate::gc::push_layer;
use crate::peers::{Dice, Side, THERE, create, two};
use crate::process::wait_for;

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const NAMES: [&str; 2] = ["app", "team/app"];
const LAYER: usize = 100_000;
const LIMIT: Duration = Duration::from_mins(2);

/// Images with their tags, by repository and digest.
type Images = BTreeMap<(String, String), Vec<String>>;

fn how_many() -> usize {
    std::env::var("WHARF_BACKFILL_IMAGES").map_or(400, |count| count.parse().unwrap())
}

fn call(client: &Client, operation: &str, input: &Value) -> Value {
    client.ecr(operation, &input.to_string()).unwrap().expect(200).unwrap().json().unwrap()
}

/// Pushes images of one layer. Every tenth has a second tag, and every eleventh one has none.
fn push_many(client: &Client) {
    let (layer, config) = (noise(LAYER, 1), b"{}");
    for name in NAMES {
        let digests = [push_layer(client, name, &layer), push_layer(client, name, config)];
        for number in 0..how_many() / 2 {
            let body = json!({"schemaVersion": 2, "mediaType": IMAGE, "annotations": {"n": format!("{name}{number}")},
                "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digests[1], "size": 2},
                "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digests[0], "size": LAYER}]})
            .to_string();
            let mut references = vec![format!("v{number}")];
            if number % 11 == 10 {
                references = vec![sha256(body.as_bytes())];
            } else if number % 10 == 9 {
                references.push(format!("also-{number}"));
            }
            for reference in references {
                let path = format!("/v2/{name}/manifests/{reference}");
                client.v2("PUT", &path, IMAGE, body.as_bytes()).unwrap().expect(201).unwrap();
            }
        }
    }
}

/// All pages of a list.
fn pages(client: &Client, operation: &str, mut input: Value, member: &str) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let mut page = call(client, operation, &input);
        all.extend(page[member].as_array().cloned().unwrap_or_default());
        match page["nextToken"].take() {
            Value::Null => return all,
            token => input["nextToken"] = token,
        }
    }
}

fn images(client: &Client) -> Images {
    let mut images = Images::new();
    for name in NAMES {
        let is_there = client.ecr("DescribeRepositories", &json!({"repositoryNames": [name]}).to_string());
        if is_there.unwrap().status != 200 {
            continue;
        }
        let input = json!({"repositoryName": name, "maxResults": 1000});
        for image in pages(client, "DescribeImages", input, "imageDetails") {
            let digest = image["imageDigest"].as_str().unwrap().to_owned();
            let tags = image["imageTags"].as_array().into_iter().flatten();
            let mut tags: Vec<String> = tags.map(|tag| tag.as_str().unwrap().to_owned()).collect();
            tags.sort();
            images.insert((name.to_owned(), digest), tags);
        }
    }
    images
}

fn start(client: &Client, account: &str) -> Value {
    let destination = json!({"region": THERE, "registryId": account});
    let started = call(client, "StartReplicationBackfill", &json!({"destination": destination}));
    json!({"replicationBackfillId": started["replicationBackfillId"], "maxResults": 1000})
}

fn status(client: &Client, backfill: &Value) -> Value {
    call(client, "DescribeReplicationBackfillResults", backfill)
}

/// The destination has all images of the source with their tags, and the backfill has counted each once.
fn all_arrived_once(source: &Client, destination: &Client, backfill: &Value) {
    let here = images(source);
    assert_eq!(here.len(), how_many());
    assert_eq!(images(destination), here);
    let pairs: Vec<(String, Value)> = here
        .iter()
        .flat_map(|((_, digest), tags)| {
            let tags =
                if tags.is_empty() { vec![Value::Null] } else { tags.iter().map(|tag| json!(tag)).collect() };
            tags.into_iter().map(|tag| (digest.clone(), tag))
        })
        .collect();
    let ended = status(source, backfill);
    assert_eq!(ended["status"], "COMPLETE", "{}", ended["progress"]);
    let count = |name: &str| ended["progress"][name].as_u64().unwrap();
    let counts = ["totalReplicationCount", "completedReplicationCount", "failedReplicationCount"].map(count);
    assert_eq!(counts, [pairs.len() as u64, pairs.len() as u64, 0]);
    let results = pages(source, "DescribeReplicationBackfillResults", backfill.clone(), "results");
    let mut shown: Vec<(String, Value)> = results
        .iter()
        .map(|result| {
            let id = &result["imageId"];
            (id["imageDigest"].as_str().unwrap().to_owned(), id["imageTag"].clone())
        })
        .collect();
    let mut pairs = pairs;
    let text = |(digest, tag): &(String, Value)| (digest.clone(), tag.to_string());
    shown.sort_by_key(text);
    pairs.sort_by_key(text);
    assert_eq!(shown, pairs);
    // Each tag was set once at the destination.
    for name in NAMES {
        let input = json!({"repositoryName": name, "maxResults": 1000});
        let moves = pages(destination, "WharfListTagHistory", input, "tagMoves").len();
        let tags = here.iter().filter(|((of, _), _)| of == name).map(|(_, tags)| tags.len()).sum::<usize>();
        assert_eq!(moves, tags, "{name}");
    }
}

/// The client of the administrator in another Region.
fn in_region(client: &Client, data: &Path, region: &str) -> Client {
    let credentials = Credentials::of_dev_folder(data).unwrap();
    let (id, secret) = credentials.key();
    Client::login(client.address(), client.host(), Credentials::new(id, secret, region)).unwrap()
}

#[test]
fn a_backfill_in_a_deployment_outlives_kills() {
    let folder = testkit::memory_folder().unwrap();
    let data = folder.path().join("data");
    let server = ready(&data, &[]).unwrap();
    let client = server.client().unwrap();
    for name in NAMES {
        call(&client, "CreateRepository", &json!({"repositoryName": name}));
    }
    push_many(&client);
    let account = call(&client, "DescribeRegistry", &json!({}))["registryId"].as_str().unwrap().to_owned();
    let rules = json!([{"destinations": [{"region": THERE, "registryId": account}]}]);
    call(&client, "PutReplicationConfiguration", &json!({"replicationConfiguration": {"rules": rules}}));
    let backfill = start(&client, &account);
    server.kill().unwrap();
    // While the first images are put, and amid the first page and the second one, which have 200 images each.
    for (fault, n) in [
        (Fault::BeforePutImage, 1),
        (Fault::AfterPutImage, 150),
        (Fault::BeforePutImage, 260),
        (Fault::AfterPutImage, 90),
    ] {
        let armed = format!("{}:{n}", fault.name());
        match Wharf::start_with(binary(), &data, Some(&armed), &[]).unwrap() {
            Started::Ended => {}
            Started::Ready(mut server) => {
                assert!(server.ends_within(Duration::from_secs(30)).unwrap(), "it never came to {armed}");
            }
        }
    }
    let server = ready(&data, &[]).unwrap();
    let client = server.client().unwrap();
    let began = Instant::now();
    while status(&client, &backfill)["status"] != "COMPLETE" {
        assert!(began.elapsed() < LIMIT, "{}", status(&client, &backfill));
        std::thread::sleep(Duration::from_millis(50));
    }
    all_arrived_once(&client, &in_region(&client, &data, THERE), &backfill);
    server.kill().unwrap();
}

/// Both sides, with what was there before the configuration, and the backfill.
fn prepared(folder: &Path) -> (Side, Side, crate::proxy::Proxy, Value) {
    let (a, b, proxy) = two(folder, "8MiB");
    a.replicates(&json!([]));
    for name in NAMES {
        create(&a, name);
    }
    push_many(&a.client());
    a.replicates(&json!([{"destinations": [{"region": THERE, "registryId": b.account}]}]));
    let backfill = start(&a.client(), &b.account);
    (a, b, proxy, backfill)
}

#[test]
fn a_backfill_to_a_peer_outlives_kills_of_both() {
    let folder = testkit::memory_folder().unwrap();
    let (mut a, mut b, proxy, backfill) = prepared(folder.path());
    let (mut dice, began) = (Dice(3), Instant::now());
    let (mut kills, mut amid) = (0, 0);
    wait_for("the first image", || (!images(&b.client()).is_empty()).then_some(()));
    while status(&a.client(), &backfill)["status"] != "COMPLETE" {
        assert!(began.elapsed() < LIMIT, "{}\n{}\n{}", status(&a.client(), &backfill), a.log(), b.log());
        let longest = if kills < 3 { 150 } else { 500 };
        std::thread::sleep(Duration::from_millis(50 + dice.below(longest)));
        if kills == 8 {
            continue;
        }
        kills += 1;
        let arrived = images(&b.client()).len();
        amid += usize::from((1..how_many()).contains(&arrived));
        if kills % 2 == 0 {
            a.restart();
        } else {
            b.restart();
            proxy.lead_to(Some(b.address()));
        }
    }
    assert!(amid > 1, "{amid} of {kills} kills were amid the images");
    println!("{} images in {:?} with {kills} kills; {:?}", how_many(), began.elapsed(), proxy.parts());
    all_arrived_once(&a.client(), &b.client(), &backfill);
    let sent = proxy.parts();
    assert!(sent.bytes - sent.lost < 2 * LAYER as u64, "one layer is sent once: {sent:?}");
    wait_for("the end of what waits", || {
        let shown = a.call("WharfDescribeReplication", &json!({}));
        (shown["destinations"][0]["waitingCount"] == 0).then_some(())
    });
}
