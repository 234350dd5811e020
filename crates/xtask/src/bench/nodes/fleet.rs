//! Nodes with content to read, behind a load balancer.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::json;
use testkit::{Cluster, ClusterOptions};

use super::SPAN;
use super::layers::Cost;
use crate::bench::content::{self, Blob, KIB, MANIFEST_TYPE, MIB, REPOSITORY, TAG};
use crate::bench::http::Connection;
use crate::bench::load::{self, Sample};
use crate::bench::machine;
use crate::bench::side::Side;
use crate::command;

/// How many nodes, and how they serve layers.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) nodes: u32,
    pub(super) serve: &'static str,
}

/// The nodes and what they store.
pub(super) struct Fleet {
    pub(super) shape: Shape,
    pub(super) cluster: Cluster,
    /// The load balancer.
    pub(super) side: Side,
    /// A blob of 1 KiB, which is the config of the image.
    pub(super) small: String,
    /// A layer of the image.
    pub(super) layer: String,
    pub(super) layer_bytes: u64,
    /// All blobs of the image.
    pub(super) blobs: Vec<String>,
    /// The address of the S3 server as clients know it.
    store: String,
}

/// The layers of the image.
const LAYERS: usize = 3;

impl Fleet {
    pub(super) fn start(binary: &Path, shape: Shape) -> Result<Self> {
        // Not below the run's folder, which the user of PostgreSQL may not be able to reach.
        let folder = std::env::temp_dir();
        machine::refuse_memory_disk(&folder)?;
        let cluster = Cluster::start(&ClusterOptions {
            binary,
            nodes: shape.nodes,
            store: "versitygw",
            serve: shape.serve,
            folder: Some(&folder),
            settings: &[("WHARF__SERVER__LIMITS__MAX_CONNECTIONS", "4096")],
            standby: false,
            links: None,
        })?;
        let create = format!(r#"{{"repositoryName":"{REPOSITORY}"}}"#);
        cluster.client.ecr("CreateRepository", &create)?.expect(200)?;
        let side = Side::balanced(&cluster)?;
        let small = Blob::random(KIB)?;
        let layers = (0..LAYERS).map(|_| Blob::random(MIB)).collect::<Result<Vec<_>>>()?;
        for blob in layers.iter().chain([&small]) {
            load::push(&mut side.connect()?, &side, blob)?;
        }
        let path = format!("/v2/{REPOSITORY}/manifests/{TAG}");
        content::put_to(&side, &path, &manifest(&small, &layers, 0)?)?;
        let blobs = layers.iter().chain([&small]).map(|blob| blob.digest.clone()).collect();
        let layer = layers.first().context("an image without layers")?;
        let store = format!("localhost:{}", cluster.store_port()?);
        Ok(Self {
            shape,
            store,
            layer: layer.digest.clone(),
            layer_bytes: MIB,
            small: small.digest,
            blobs,
            cluster,
            side,
        })
    }

    /// Runs a load and tells what each layer used for it.
    pub(super) fn measured(&self, work: impl FnOnce() -> Result<Sample>) -> Result<(Sample, Cost)> {
        let before = Cost::so_far(&self.cluster)?;
        let sample = work()?;
        Ok((sample, Cost::so_far(&self.cluster)?.since(before)))
    }

    /// Pushes new layers.
    pub(super) fn push(&self, bytes: u64, count: usize, connections: usize) -> Result<Sample> {
        let blobs = (0..count).map(|_| Blob::random(bytes)).collect::<Result<Vec<_>>>()?;
        command::capture(&mut Command::new("sync"))?;
        load::push_all(&self.side, &blobs, connections)
    }

    /// Puts new manifests under one tag.
    pub(super) fn put_manifests(&self, count: u64, connections: usize) -> Result<Sample> {
        let config = Blob::random(KIB)?;
        load::push(&mut self.side.connect()?, &self.side, &config)?;
        let manifests =
            (0..count).map(|number| manifest(&config, &[], number)).collect::<Result<Vec<_>>>()?;
        load::put_all(&self.side, &manifests, connections)
    }

    /// Reads a large layer, also from the S3 server if the nodes redirect to it.
    pub(super) fn layers(&self, bytes: u64, connections: usize) -> Result<(Sample, Cost)> {
        println!("{} nodes: layers by {} …", self.shape.nodes, self.shape.serve);
        let blob = Blob::random(bytes)?;
        load::push(&mut self.side.connect()?, &self.side, &blob)?;
        let path = format!("/v2/{REPOSITORY}/blobs/{}", blob.digest);
        if self.shape.serve == "stream" {
            return self.measured(|| load::read(&self.side, &path, Some(bytes), connections, SPAN));
        }
        self.measured(|| {
            load::timed(&self.side, connections, SPAN, |connection, there| {
                pull(connection, there, self, &blob.digest, bytes)
            })
        })
    }
}

/// Reads a blob; `there` is a connection to the S3 server, made when it is needed.
pub(super) fn pull(
    connection: &mut Connection,
    there: &mut Option<Connection>,
    fleet: &Fleet,
    digest: &str,
    bytes: u64,
) -> Result<()> {
    let head = fleet.side.head("GET", &format!("/v2/{REPOSITORY}/blobs/{digest}"), "");
    let mut answer = connection.exchange(&head, &[], |_| ())?;
    if answer.status == 307 {
        let path = answer.location.context("a redirect without a location")?;
        let store = &fleet.store;
        let there = match there {
            Some(open) => open,
            None => there.insert(Connection::open(store)?),
        };
        let head = format!("GET {path} HTTP/1.1\r\nHost: {store}\r\n\r\n");
        answer = there.exchange(head.as_bytes(), &[], |_| ())?;
    }
    if answer.status != 200 || answer.length != bytes {
        bail!("a blob: status {} with {} bytes instead of {bytes}", answer.status, answer.length);
    }
    Ok(())
}

/// An image; the number makes it a new one.
fn manifest(config: &Blob, layers: &[Blob], number: u64) -> Result<Vec<u8>> {
    let part = |kind: &str, blob: &Blob| json!({ "mediaType": kind, "digest": blob.digest, "size": blob.bytes.len() });
    let layer = |blob| part("application/vnd.oci.image.layer.v1.tar+gzip", blob);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": part("application/vnd.oci.image.config.v1+json", config),
        "layers": layers.iter().map(layer).collect::<Vec<_>>(),
        "annotations": { "number": number.to_string() },
    });
    Ok(serde_json::to_vec(&manifest)?)
}
