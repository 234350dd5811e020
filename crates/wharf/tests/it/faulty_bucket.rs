//! The server with its layers in a bucket whose server fails, loses answers, damages bytes and sends too few.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use testkit::faulty_s3::{Fault, FaultyS3, Request};
use testkit::s3_server::{BUCKET, KEY_ID, SECRET, address};
use testkit::{Client, Reply, Started, Wharf, noise, sha256};

use crate::process::{said, wharf};

const MIB: usize = 1024 * 1024;
const BYTES: &str = "application/octet-stream";

/// A server whose bucket is behind a proxy.
struct Server {
    proxy: FaultyS3,
    process: Wharf,
    folder: tempfile::TempDir,
    settings: Vec<(&'static str, String)>,
}

/// None, with a printed reason, if there is no server for the bucket.
fn server() -> Option<Server> {
    let s3 = address().inspect_err(|reason| println!("not tested: {reason}")).ok()?;
    let (proxy, folder) = (FaultyS3::of(&s3), tempfile::tempdir().unwrap());
    let secret = folder.path().join("secret");
    fs::write(&secret, SECRET).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let prefix = folder.path().file_name().unwrap().to_str().unwrap().replace('.', "");
    let settings = vec![
        ("WHARF__BLOBS__URL", format!("s3://{BUCKET}/{prefix}")),
        ("WHARF__BLOBS__S3__ENDPOINT", format!("http://{}", proxy.address)),
        ("WHARF__BLOBS__S3__ACCESS_KEY_ID", KEY_ID.to_owned()),
        ("WHARF__BLOBS__S3__SECRET_ACCESS_KEY_FILE", secret.display().to_string()),
    ];
    let known: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let binary = env!("CARGO_BIN_EXE_wharf").as_ref();
    let data = folder.path().join("data");
    let started = Wharf::start_with(binary, &data, None, &known).unwrap();
    let Started::Ready(process) = started else {
        panic!("{}", fs::read_to_string(data.with_extension("log")).unwrap())
    };
    let client = process.client().unwrap();
    client.ecr("CreateRepository", r#"{"repositoryName":"app"}"#).unwrap().expect(200).unwrap();
    Some(Server { proxy, process, folder, settings })
}

fn location(reply: &Reply) -> String {
    let location = reply.header("location").unwrap();
    location[location.find("/v2/").unwrap()..].to_owned()
}

/// One attempt to push a blob, with POST and PUT: its status.
fn push_once(client: &Client, content: &[u8]) -> u16 {
    let begun = client.v2("POST", "/v2/app/blobs/uploads/", "", b"").unwrap();
    assert_eq!(begun.status, 202);
    let path = format!("{}?digest={}", location(&begun), sha256(content));
    // A server that refuses a body need not read all of it: the connection can break.
    let Ok(put) = client.v2("PUT", &path, BYTES, content) else { return 503 };
    checked(&put);
    put.status
}

/// An error of the bucket is 503 in the format of the specification, with the time of the next attempt.
fn checked(reply: &Reply) {
    if reply.status >= 400 {
        let text = String::from_utf8_lossy(&reply.body);
        assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")), "{text}");
        assert_eq!(reply.json().unwrap()["errors"][0]["code"], "UNAVAILABLE", "{text}");
        assert!(!text.contains(KEY_ID) && !text.contains("127.0.0.1"), "{text}");
    }
}

/// A pull: the whole blob, or None. A cut body is an error of the connection.
fn pull_once(client: &Client, digest: &str) -> Option<Vec<u8>> {
    let mut empty = std::io::empty();
    let path = format!("/v2/app/blobs/{digest}");
    let mut pulled = client.v2_stream("GET", &path, "", &mut empty, 0).unwrap();
    let mut body = Vec::new();
    let whole = pulled.read_to_end(&mut body);
    if pulled.status != 200 {
        assert_eq!(pulled.status, 503);
        return None;
    }
    let length: usize =
        pulled.headers.iter().find(|(name, _)| name == "content-length").unwrap().1.parse().unwrap();
    (whole.is_ok() && body.len() == length).then_some(body)
}

fn again<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    (0..20).find_map(|_| attempt()).expect("20 attempts failed")
}

/// The check of the stopped server's store.
fn fsck(server: Server) -> String {
    server.process.kill().unwrap();
    let data = server.folder.path().join("data");
    said(wharf().arg("fsck").arg("--data-dir").arg(data).envs(server.settings))
}

/// Every third request has a fault. What was acknowledged is there at the end.
#[test]
fn pushes_and_pulls_survive_a_faulty_bucket() {
    let Some(server) = server() else { return };
    let client = server.process.client().unwrap();
    let faults = [
        Fault::Status(500, "InternalError"),
        Fault::LoseAnswer,
        Fault::Status(503, "SlowDown"),
        Fault::ShortBody(1000),
        Fault::Reset,
        Fault::CutBody(1000),
        Fault::DamageAnswer,
        Fault::DamageRequest,
        Fault::WrongSize(7),
        Fault::Slow(Duration::from_millis(300)),
    ];
    for (at, fault) in faults.into_iter().enumerate() {
        let (number, is_damage) = (AtomicUsize::new(at), matches!(fault, Fault::DamageAnswer));
        server.proxy.inject(usize::MAX, fault, move |request| {
            number.fetch_add(1, Ordering::SeqCst) % 30 == 29 && (!is_damage || request.is("GetObject"))
        });
    }
    let mut acknowledged = BTreeMap::new();
    for seed in 0..6 {
        let content = noise(if seed % 2 == 0 { 9 * MIB } else { 70_000 }, seed);
        again(|| (push_once(&client, &content) == 201).then_some(()));
        acknowledged.insert(sha256(&content), content);
    }
    let layers: Vec<_> = acknowledged
        .iter()
        .map(|(digest, content)| json!({"mediaType": BYTES, "digest": digest, "size": content.len()}))
        .collect();
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({"schemaVersion": 2, "mediaType": kind, "config": layers[0], "layers": layers});
    let manifest = manifest.to_string();
    let put = client.v2("PUT", "/v2/app/manifests/v1", kind, manifest.as_bytes()).unwrap();
    put.expect(201).unwrap();
    for (digest, content) in &acknowledged {
        let pulled = again(|| pull_once(&client, digest));
        assert!(&pulled == content, "{digest}: other bytes were served as a whole answer");
    }
    server.proxy.heal();
    for (digest, content) in &acknowledged {
        assert!(pull_once(&client, digest).as_ref() == Some(content), "{digest}");
    }
    let checked = fsck(server);
    assert!(checked.contains("6 objects") && checked.contains("Problems: 0."), "{checked}");
}

#[test]
fn an_outage_of_the_bucket_is_503_and_ends() {
    let Some(server) = server() else { return };
    let client = server.process.client().unwrap();
    let (content, small) = (noise(9 * MIB, 1), noise(10_000, 2));
    assert_eq!((push_once(&client, &content), push_once(&client, &small)), (201, 201));
    server.proxy.inject(usize::MAX, Fault::Status(503, "SlowDown"), |_| true);
    assert_eq!(push_once(&client, &noise(70_000, 3)), 503);
    for digest in [sha256(&content), sha256(&small)] {
        let reply = client.v2("GET", &format!("/v2/app/blobs/{digest}"), "", b"").unwrap();
        checked(&reply);
        assert_eq!(reply.status, 503);
    }
    let head = client.v2("HEAD", &format!("/v2/app/blobs/{}", sha256(&content)), "", b"").unwrap();
    assert_eq!(head.status, 200, "HEAD needs no bucket");
    let upload = client.ecr("InitiateLayerUpload", r#"{"repositoryName":"app"}"#).unwrap().json().unwrap();
    let part = json!({
        "repositoryName": "app", "uploadId": upload["uploadId"], "partFirstByte": 0, "partLastByte": 3,
        "layerPartBlob": testkit::base64(b"part"),
    });
    let reply = client.ecr("UploadLayerPart", &part.to_string()).unwrap();
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));
    assert!(reply.json().unwrap()["__type"].as_str().unwrap().contains("ServerException"));
    server.proxy.heal();
    assert_eq!(push_once(&client, &noise(70_000, 3)), 201);
    client.ecr("UploadLayerPart", &part.to_string()).unwrap().expect(200).unwrap();
    assert!(pull_once(&client, &sha256(&content)).as_ref() == Some(&content));
}

#[test]
fn a_damaged_layer_is_a_cut_answer() {
    let Some(server) = server() else { return };
    let client = server.process.client().unwrap();
    let contents = [noise(3 * MIB, 1), noise(10_000, 2)];
    for content in &contents {
        assert_eq!(push_once(&client, content), 201);
    }
    let is_get = |request: &Request| request.is("GetObject");
    for content in &contents {
        let path = format!("/v2/app/blobs/{}", sha256(content));
        server.proxy.inject(1, Fault::DamageAnswer, is_get);
        let mut empty = std::io::empty();
        let mut pulled = client.v2_stream("GET", &path, "", &mut empty, 0).unwrap();
        let mut body = Vec::new();
        let whole = pulled.read_to_end(&mut body);
        let is_whole = pulled.status == 200 && whole.is_ok() && body.len() == content.len();
        // A second GET, if the first one was slow, has the right bytes.
        assert!(!is_whole || body == *content, "damaged bytes were served as a whole answer");
        assert!(pull_once(&client, &sha256(content)).as_ref() == Some(content));
    }
}

/// Many clients of one principal begin a layer and stop in the middle of it. The principal's share of the memory budget is
/// 96 MiB.
#[test]
fn slow_uploads_use_bounded_memory() {
    const UPLOADS: usize = 100;
    let Some(server) = server() else { return };
    let client = server.process.client().unwrap();
    assert_eq!(push_once(&client, &noise(9 * MIB, 1)), 201);
    let before = server.process.peak_memory_kib().unwrap();
    let content = noise(6 * MIB, 2);
    let open = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..UPLOADS {
            scope.spawn(|| {
                let begun = client.v2("POST", "/v2/app/blobs/uploads/", "", b"").unwrap();
                let mut stream = client.begin("PATCH", &location(&begun), BYTES, 20 * MIB as u64).unwrap();
                stream.set_write_timeout(Some(Duration::from_secs(3))).unwrap();
                // It stops where the server reads no more.
                let _ = stream.write_all(&content);
                open.lock().unwrap().push(stream);
            });
        }
    });
    let during = server.process.peak_memory_kib().unwrap();
    println!("{before} KiB before, {during} KiB with {UPLOADS} slow uploads");
    assert_eq!(client.v2("GET", "/v2/", "", b"").unwrap().status, 200);
    assert!(during < before + 150 * 1024, "{before} KiB before, {during} KiB with slow uploads");
    drop(open);
    assert_eq!(again(|| Some(push_once(&client, &content)).filter(|status| *status == 201)), 201);
}
