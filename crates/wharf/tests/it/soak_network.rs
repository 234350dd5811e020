//! The network of a soak of nodes: proxies between each node and its servers, and one that makes the S3 server fail.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use serde_json::json;
use testkit::faulty_s3::FaultyS3;

use crate::proxy::Proxy;

/// All proxies of a cluster.
pub(crate) struct Network {
    /// The ports of PostgreSQL's two servers and of the S3 server.
    servers: [u16; 3],
    /// Before the S3 server, for all nodes.
    pub(crate) bucket: FaultyS3,
    nodes: Vec<Lines>,
}

/// How one node reaches its servers.
pub(crate) struct Lines {
    pub(crate) database: [Proxy; 2],
    pub(crate) bucket: Proxy,
}

impl Network {
    /// Proxies for so many nodes. The servers come later, on the ports of [`Self::links`].
    pub(crate) fn new(nodes: u32) -> Self {
        let listeners = [(); 3].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        let servers = listeners.each_ref().map(|listener| listener.local_addr().unwrap().port());
        let bucket = FaultyS3::of(&format!("127.0.0.1:{}", servers[2]));
        let to = |address: SocketAddr| {
            let proxy = Proxy::start();
            proxy.lead_to(Some(address));
            proxy
        };
        let lines = |_| Lines {
            database: [servers[0], servers[1]].map(|port| to((Ipv4Addr::LOCALHOST, port).into())),
            bucket: to(bucket.address.parse().unwrap()),
        };
        let nodes = (0..nodes).map(lines).collect();
        Self { servers, bucket, nodes }
    }

    /// The ports, for the script of the cluster.
    pub(crate) fn links(&self) -> String {
        let of_node = |lines: &Lines| {
            let database = lines.database.each_ref().map(|proxy| proxy.address.port());
            json!({"postgres": database, "store": lines.bucket.address.port()})
        };
        let nodes: Vec<_> = self.nodes.iter().map(of_node).collect();
        json!({"postgres": self.servers[..2], "store": self.servers[2], "nodes": nodes}).to_string()
    }

    /// How a node reaches its servers, by its number from 0.
    pub(crate) fn lines(&self, node: usize) -> &Lines {
        &self.nodes[node]
    }
}
