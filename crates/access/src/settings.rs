//! The settings that the binary decides: addresses, limits, master key.

mod address;
mod ecr_upstream;
mod peers;
mod pull_through_cache;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use address::{ECR_PUBLIC, HostError, PublicAddress, registry_host};
use aws::ids::Region;
pub use ecr_upstream::{EcrKey, EcrPlace, EcrUpstream};
pub use outbound::Dialler;
pub use peers::{Peer, PeerTarget, Peers};
pub use policy::{Cidr, CidrError};
pub use pull_through_cache::{Mirror, PullThroughCache};

use crate::backup::BackupPlaces;
use crate::quota::Quotas;
use crate::rate::Rates;
use crate::storage_quota::StorageQuota;

/// Limits for every caller.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Largest layer, in bytes (ECR: 52,000 MiB).
    pub layer_bytes: u64,
    /// Part size that InitiateLayerUpload announces (ECR: 10 MiB).
    pub upload_part_bytes: u64,
    /// Minimum part size of the layer upload API, except for the last part (ECR: 5 MiB).
    pub upload_part_min_bytes: u64,
    /// Bytes of cached manifests and small blobs.
    pub body_cache_bytes: u64,
    /// How long events are kept.
    pub event_retention: Duration,
    /// The quotas of ECR and IAM.
    pub quotas: Quotas,
    pub collection: Collection,
    /// How often a lifecycle policy is evaluated if nothing changes (ECR: within 24 hours).
    pub lifecycle_interval: Duration,
    /// How long it takes to restore an image from the archive (ECR: up to 20 minutes).
    pub activation: Duration,
    pub tags: TagLimits,
}

/// How long what tags named is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TagLimits {
    /// How long the moves of tags are kept.
    pub history: Duration,
    /// How long lifecycle policies keep an untagged image after a tag moved from it to another image. The default is the
    /// time in which ECR carries out a policy.
    pub grace: Duration,
}

impl Default for TagLimits {
    fn default() -> Self {
        Self { history: Duration::from_hours(90 * 24), grace: Duration::from_hours(24) }
    }
}

/// How long the collector waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Collection {
    /// How long a layer stays that no image needs, and bytes that no repository has.
    pub grace: Duration,
    /// How long bytes stay after their row is gone. Longer than a stalled request may write.
    pub delay: Duration,
    /// How often the collector looks.
    pub interval: Duration,
}

impl Default for Collection {
    fn default() -> Self {
        Self {
            grace: Duration::from_hours(24),
            delay: Duration::from_mins(15),
            interval: Duration::from_mins(1),
        }
    }
}

impl Collection {
    /// A grace that was renewed this recently is not renewed again. At least half of the grace is left after each answer
    /// that a layer exists.
    pub fn renewed_lately(&self) -> Duration {
        (self.grace / 2).min(Duration::from_hours(1))
    }
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        Self {
            layer_bytes: 52_000 * MIB,
            upload_part_bytes: 10 * MIB,
            upload_part_min_bytes: 5 * MIB,
            body_cache_bytes: 16 * MIB,
            event_retention: Duration::from_hours(24),
            quotas: Quotas::default(),
            collection: Collection::default(),
            lifecycle_interval: Duration::from_hours(1),
            activation: Duration::ZERO,
            tags: TagLimits::default(),
        }
    }
}

/// The key that seals everything else at rest. It comes from a file and is never printed.
#[derive(Clone)]
pub struct MasterKey([u8; 32]);

impl MasterKey {
    /// Creates it from the 32 bytes of the key file.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A network whose clients count as clients of a VPC endpoint, for policies written for AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VpcEndpoint {
    /// `vpce-…`: `aws:SourceVpce`.
    pub id: String,
    /// `vpc-…`: `aws:SourceVpc`.
    pub vpc: String,
    /// The addresses of its clients.
    pub networks: Vec<Cidr>,
}

impl VpcEndpoint {
    /// Whether a client with this address uses the endpoint.
    pub fn serves(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(address))
    }
}

/// A target of events that the operator chose.
#[derive(Clone)]
pub struct EventSink {
    /// Its name in the state of deliveries.
    pub name: String,
    /// Only events that match it (EventBridge's event patterns); None: all.
    pub pattern: Option<String>,
    pub to: SinkKind,
}

/// Where the events of a sink go.
#[derive(Clone)]
pub enum SinkKind {
    /// A file with one event in each line.
    File(PathBuf),
    /// Standard output, one event in each line.
    StandardOutput,
    /// An HTTP endpoint, with the secret that signs its requests.
    Http { url: String, secret: Arc<[u8]> },
}

/// All settings of the deployment.
#[derive(Clone)]
pub struct Settings {
    /// How clients reach it.
    pub address: PublicAddress,
    /// The Region of requests that name none.
    pub default_region: Region,
    /// Limits for every caller.
    pub limits: Limits,
    /// The rates of operations.
    pub rates: Rates,
    /// How many bytes may be stored.
    pub storage_quotas: Vec<StorageQuota>,
    /// The networks of VPC endpoints; if several contain an address, the first one counts.
    pub vpc_endpoints: Vec<VpcEndpoint>,
    /// Targets of events that the operator chose.
    pub event_sinks: Vec<EventSink>,
    /// Connects to servers that tenants name.
    pub dialler: Dialler,
    /// Which upstream registries the pull-through cache calls.
    pub pull_through_cache: PullThroughCache,
    /// Other deployments that replicate to this one, or that this one replicates to.
    pub peers: Peers,
    /// Seals secrets and the key ring at rest.
    pub master_key: MasterKey,
    /// Where the parts of the deployment are; None without SQLite.
    pub backup: Option<BackupPlaces>,
}
