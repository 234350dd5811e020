//! An upstream registry for tests: it serves what a test puts into it, counts requests, and can be slow, limited or
//! broken.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oci::digest::Digest;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::world::sha256;

pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";

/// How the registry answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    /// Every request has this status.
    Status(u16),
    /// Each blob stops after so many bytes for so long.
    Stalls(usize, Duration),
    /// Of each blob so many bytes come, and so many again after each of these times.
    Drips(usize, Duration),
    /// Each blob has one other byte.
    Lies,
    /// The last byte of each blob is another one, and comes after this time.
    LiesLate(Duration),
    /// Blobs have this status.
    Blobs(u16),
    /// Connections are closed without an answer.
    Silent,
}

#[derive(Default)]
struct Contents {
    /// By path: media type and bytes.
    files: HashMap<String, (String, Vec<u8>)>,
    mood: Option<Mood>,
    requests: Vec<String>,
}

/// A registry at loopback, until it is dropped.
pub(crate) struct TestUpstream {
    pub(crate) address: SocketAddr,
    contents: Arc<Mutex<Contents>>,
    _tasks: JoinSet<()>,
}

impl TestUpstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let contents = Arc::<Mutex<Contents>>::default();
        let shared = Arc::clone(&contents);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(answer(stream, Arc::clone(&shared)));
            }
        });
        Self { address, contents, _tasks: tasks }
    }

    pub(crate) fn put(&self, path: String, media_type: &str, bytes: &[u8]) {
        self.contents.lock().unwrap().files.insert(path, (media_type.to_owned(), bytes.to_vec()));
    }

    /// Adds a manifest under its digest and a tag.
    pub(crate) fn manifest(&self, name: &str, tag: &str, media_type: &str, body: &[u8]) -> Digest {
        let digest = sha256(body);
        self.put(format!("/v2/{name}/manifests/{digest}"), media_type, body);
        if !tag.is_empty() {
            self.put(format!("/v2/{name}/manifests/{tag}"), media_type, body);
        }
        digest
    }

    pub(crate) fn blob(&self, name: &str, bytes: &[u8]) -> Digest {
        let digest = sha256(bytes);
        self.put(format!("/v2/{name}/blobs/{digest}"), "application/octet-stream", bytes);
        digest
    }

    /// Adds an image with one layer; returns the digest of its manifest.
    pub(crate) fn image(&self, name: &str, tag: &str, layer: &[u8]) -> Digest {
        let (config, blob) = (self.blob(name, b"{}"), self.blob(name, layer));
        self.manifest(name, tag, IMAGE, image(&config, &blob, layer.len()).as_bytes())
    }

    pub(crate) fn set(&self, mood: Mood) {
        self.contents.lock().unwrap().mood = Some(mood);
    }

    /// How many requests there were whose line contains a text.
    pub(crate) fn asked(&self, text: &str) -> usize {
        self.contents.lock().unwrap().requests.iter().filter(|line| line.contains(text)).count()
    }
}

/// A manifest with a config of two bytes and one layer.
pub(crate) fn image(config: &Digest, layer: &Digest, size: usize) -> String {
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config}","size":2}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{layer}","size":{size}}}]}}"#
    )
}

/// An index of images with these digests and sizes.
pub(crate) fn index(images: &[(Digest, usize)]) -> String {
    let entry = |(digest, size): &(Digest, usize)| {
        format!(r#"{{"mediaType":"{IMAGE}","digest":"{digest}","size":{size}}}"#)
    };
    let entries: Vec<String> = images.iter().map(entry).collect();
    format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{}]}}"#, entries.join(","))
}

async fn answer(mut stream: TcpStream, contents: Arc<Mutex<Contents>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse().unwrap())
    });
    // A connection that is closed with bytes unread is reset.
    let _ = stream.read_exact(&mut vec![0; length.unwrap_or(0)]).await;
    let line = head.lines().next().unwrap().to_owned();
    let path = line.split(' ').nth(1).unwrap().to_owned();
    let (mood, file) = {
        let mut contents = contents.lock().unwrap();
        contents.requests.push(line.clone());
        (contents.mood.clone().unwrap_or(Mood::Well), contents.files.get(&path).cloned())
    };
    let is_blob = path.contains("/blobs/");
    let status = match (&mood, &file) {
        (Mood::Silent, _) => return,
        (Mood::Status(status), _) => *status,
        (Mood::Blobs(status), _) if is_blob => *status,
        (_, None) if path != "/v2/" => 404,
        _ => 200,
    };
    let (media_type, mut body) = match file {
        Some(file) if status == 200 => file,
        _ => ("text/plain".to_owned(), Vec::new()),
    };
    let digest = sha256(&body);
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {media_type}\r\ncontent-length: {}\r\ndocker-content-digest: {digest}\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes()).await;
    if line.starts_with("HEAD") {
        return;
    }
    if mood == Mood::Lies && is_blob && body.len() > 2 {
        body[0] ^= 1;
    }
    if let (&Mood::Stalls(after, time), true) = (&mood, is_blob) {
        let after = after.min(body.len());
        let _ = stream.write_all(&body[..after]).await;
        tokio::time::sleep(time).await;
        body.drain(..after);
    }
    if let (&Mood::LiesLate(time), true, Some((last, rest))) = (&mood, is_blob, body.split_last()) {
        let _ = stream.write_all(rest).await;
        tokio::time::sleep(time).await;
        let _ = stream.write_all(&[last ^ 1]).await;
        return;
    }
    if let (Mood::Drips(bytes, time), true) = (mood, is_blob) {
        for part in body.chunks(bytes) {
            if stream.write_all(part).await.is_err() {
                return;
            }
            tokio::time::sleep(time).await;
        }
        return;
    }
    let _ = stream.write_all(&body).await;
}
