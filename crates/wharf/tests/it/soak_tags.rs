//! Clients that put, read and delete the same tags at the same time, through all nodes. The history of each tag must be
//! linearizable, and each acknowledged image must be readable by its digest.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use testkit::{Client, Reply, sha256};

use crate::linear::{Act, Event, is_linearizable};

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const NAME: &str = "race/tags";
/// Images of the first are only replaced, so all of them stay.
const TAGS: [&str; 3] = ["kept", "deleted", "both"];

/// The tags that all clients use.
pub(crate) struct Race {
    begun: Instant,
    /// The first part of each manifest.
    body: String,
    number: AtomicU64,
    histories: Mutex<BTreeMap<&'static str, History>>,
    /// Images that were acknowledged under the tag whose images stay, and not looked for yet.
    images: Mutex<Vec<String>>,
    /// How many requests were answered.
    pub(crate) answered: AtomicU64,
}

#[derive(Default)]
struct History {
    initial: Option<String>,
    events: Vec<Event>,
}

impl Race {
    /// Makes the repository and the blobs of all images.
    pub(crate) fn new(client: &Client) -> Result<Self> {
        client.ecr("CreateRepository", &format!(r#"{{"repositoryName":"{NAME}"}}"#))?.expect(200)?;
        let digest = sha256(b"{}");
        let path = format!("/v2/{NAME}/blobs/uploads/?digest={digest}");
        client.v2("POST", &path, "application/octet-stream", b"{}")?.expect(201)?;
        let descriptor = |kind| format!(r#"{{"mediaType":"{kind}","digest":"{digest}","size":2}}"#);
        let config = descriptor("application/vnd.oci.image.config.v1+json");
        let layer = descriptor("application/vnd.oci.image.layer.v1.tar");
        let body = format!(
            r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","config":{config},"layers":[{layer}],"annotations":"#
        );
        let histories = TAGS.map(|tag| (tag, History::default())).into();
        Ok(Self {
            begun: Instant::now(),
            body,
            number: AtomicU64::new(1),
            histories: Mutex::new(histories),
            images: Mutex::default(),
            answered: AtomicU64::new(0),
        })
    }

    /// What one client does until it is stopped. Fails at an answer that no fault explains.
    pub(crate) fn run(&self, client: &Client, seed: u64, stop: &AtomicBool) -> Result<()> {
        let mut dice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        while !stop.load(Ordering::Relaxed) {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let roll = dice >> 33;
            let tag = TAGS[usize::try_from(roll % 3)?];
            match roll / 3 % 10 {
                0..4 => self.put(client, tag)?,
                4 if tag != "kept" => self.delete(client, tag)?,
                _ => self.read(client, tag)?,
            }
            std::thread::sleep(Duration::from_millis(roll % 20));
        }
        Ok(())
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn record(&self, tag: &'static str, begun: u64, is_answered: bool, act: Act) {
        let ended = is_answered.then(|| self.now());
        self.answered.fetch_add(u64::from(is_answered), Ordering::Relaxed);
        let mut histories = self.histories.lock().unwrap();
        histories.entry(tag).or_default().events.push(Event { begun, ended, act });
    }

    fn put(&self, client: &Client, tag: &'static str) -> Result<()> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let body = format!(r#"{}{{"number":"{number}"}}}}"#, self.body);
        let (digest, begun) = (sha256(body.as_bytes()), self.now());
        let path = format!("/v2/{NAME}/manifests/{tag}");
        let reply = answered(client.v2("PUT", &path, IMAGE, body.as_bytes()), &[201])?;
        self.record(tag, begun, reply.is_some(), Act::Put(digest.clone()));
        if reply.is_some() && tag == "kept" {
            self.images.lock().unwrap().push(digest);
        }
        Ok(())
    }

    fn delete(&self, client: &Client, tag: &'static str) -> Result<()> {
        let begun = self.now();
        let reply =
            answered(client.v2("DELETE", &format!("/v2/{NAME}/manifests/{tag}"), "", b""), &[202, 404])?;
        let nothing = reply.as_ref().is_some_and(|reply| reply.status == 404);
        let act = if nothing { Act::Read(None) } else { Act::Delete };
        self.record(tag, begun, reply.is_some(), act);
        Ok(())
    }

    fn read(&self, client: &Client, tag: &'static str) -> Result<()> {
        let begun = self.now();
        let reply = answered(client.v2("GET", &format!("/v2/{NAME}/manifests/{tag}"), "", b""), &[200, 404])?;
        let Some(reply) = reply else { return Ok(()) };
        let seen = (reply.status == 200).then(|| sha256(&reply.body));
        self.record(tag, begun, true, Act::Read(seen));
        Ok(())
    }

    /// Reads all tags on all nodes, and checks their histories. They go on from there.
    pub(crate) fn check(&self, nodes: &[Client]) -> Result<()> {
        for tag in TAGS {
            nodes.iter().try_for_each(|client| self.read(client, tag))?;
        }
        for (tag, history) in self.histories.lock().unwrap().iter_mut() {
            if !is_linearizable(history.initial.as_deref(), &history.events) {
                bail!("{tag} is not linearizable from {:?} on: {:#?}", history.initial, history.events);
            }
            let last = history.events.iter().filter_map(|event| match &event.act {
                Act::Read(value) => Some((event.begun, value.clone())),
                _ => None,
            });
            history.initial = last.max_by_key(|read| read.0).context("nothing was read")?.1;
            // What has no answer may still take effect.
            let initial = history.initial.clone();
            history.events.retain(|event| {
                event.ended.is_none()
                    && !matches!(&event.act, Act::Put(digest) if Some(digest) == initial.as_ref())
            });
            let newest = history.events.len().saturating_sub(20);
            history.events.drain(..newest);
        }
        self.check_images(nodes)
    }

    fn check_images(&self, nodes: &[Client]) -> Result<()> {
        let images = std::mem::take(&mut *self.images.lock().unwrap());
        for (digest, client) in images.iter().zip(nodes.iter().cycle()) {
            let path = format!("/v2/{NAME}/manifests/{digest}");
            let reply = client.v2("GET", &path, "", b"")?.expect(200).with_context(|| path.clone())?;
            ensure!(sha256(&reply.body) == *digest, "{path} is another image");
        }
        Ok(())
    }
}

/// The answer, if the request was carried out. A node that ends, and a database or a store that is away, are told by a
/// connection that ends or by a status from 500 on; each other status must be one of these.
pub(crate) fn answered(reply: Result<Reply>, wanted: &[u16]) -> Result<Option<Reply>> {
    let Ok(reply) = reply else { return Ok(None) };
    if reply.status >= 500 {
        return Ok(None);
    }
    ensure!(wanted.contains(&reply.status), "{} instead of {wanted:?}: {reply:?}", reply.status);
    Ok(Some(reply))
}
