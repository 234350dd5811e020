//! The store in a bucket of S3 or of a server with its API. An append returns when the server has stored the bytes.
//!
//! Small objects are one PUT. Larger ones are multipart uploads whose parts span requests and nodes: the upload's stage
//! has their IDs. Bytes that are not a whole part at the end of a request are stored as an object of their own, the tail.
//!
//! Nodes do not lock each other out. A node with an outdated stage can make an upload fail, but its bytes never become
//! those of another stage: the first tail is written only if nobody else wrote it, the server compares the ETags of
//! parts, and the sums of tails are compared.

mod append;
mod copy;
mod delete;
pub(crate) mod error;
mod finish;
mod hedge;
mod keys;
mod listing;
mod multipart;
mod options;
mod orphans;
mod progress;
mod read;
mod record;
mod repeat;
mod store_id;
mod stream;
mod tail;

// The version of this crate decides what hosts of URLs may have. This one has no tables of Unicode, so an endpoint's host
// must be ASCII (`xn--…` for other names).
use idna_adapter as _;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use object_store::aws::AmazonS3;
use object_store::client::HttpClient;

use crate::key::Place;
use crate::memory::{Held, Memory, StoreMemory};
use crate::store::Store;
use crate::turn::Turns;
use crate::unavailable::unavailable;

use hedge::Hedge;
use keys::Keys;
pub use options::{Credentials, Encryption, InvalidS3Url, S3Options, S3Url};
use progress::MAX_PARTS;
pub(crate) use progress::Progress;
pub(crate) use stream::S3Stream;

/// The memory for parts of uploads that no client pays for, in parts.
const PARTS_IN_MEMORY: u64 = 16;

const MIB: u64 = 1024 * 1024;

/// Objects in a bucket. Cheap to clone.
#[derive(Clone)]
pub struct S3Store {
    client: Arc<AmazonS3>,
    /// Signs the URLs of redirects, with the host that clients use.
    public: Option<Arc<AmazonS3>>,
    keys: Keys,
    part_bytes: u64,
    turns: Arc<Turns>,
    memory: Arc<dyn Memory>,
    hedge: Arc<Hedge>,
    /// Whether the bucket had the ID of the store.
    has_id: Arc<AtomicBool>,
    /// Sends the requests that `client` does not have.
    http: HttpClient,
    retry_timeout: Duration,
    orphaned_after: Duration,
}

impl Store {
    /// A store in a bucket. This sends nothing.
    pub fn s3(options: &S3Options) -> std::io::Result<Self> {
        let public = options.public_endpoint.as_deref();
        let public = options.redirects.then(|| options.client(public)).transpose()?;
        Ok(Self::S3(S3Store {
            client: Arc::new(options.client(options.endpoint.as_deref())?),
            public: public.map(Arc::new),
            keys: Keys::new(&options.url.prefix),
            part_bytes: options.part_bytes,
            turns: Arc::default(),
            memory: Arc::new(StoreMemory::new(PARTS_IN_MEMORY * options.part_bytes)),
            hedge: Arc::new(Hedge::new(options.hedge)),
            has_id: Arc::default(),
            http: options.http(options.endpoint.as_deref())?,
            retry_timeout: options.retry_timeout,
            orphaned_after: options.orphaned_after,
        }))
    }
}

impl S3Store {
    /// Waits for memory.
    async fn hold(&self, bytes: u64) -> std::io::Result<Held> {
        let held = self.memory.take(bytes).await;
        held.ok_or_else(|| unavailable("there is no memory for a part of an upload"))
    }

    /// The size of the parts of an object of at most this length: the usual one, unless there would be too many parts.
    fn part_bytes_of(&self, len: u64) -> u64 {
        self.part_bytes.max(len.div_ceil(MAX_PARTS as u64).next_multiple_of(MIB))
    }

    /// An object of one part is stored under its own key by its last append.
    pub(crate) fn shows_only_finished(&self, size: u64) -> bool {
        size > self.part_bytes_of(size)
    }

    pub(crate) fn charged_to(&self, memory: Arc<dyn Memory>) -> Self {
        Self { memory, ..self.clone() }
    }

    /// There is no other place for archived objects: a rule of the bucket can move objects to a cheaper class.
    #[expect(clippy::unused_self, reason = "like the other store")]
    pub(crate) fn places(&self) -> &'static [Place] {
        &[Place::Standard]
    }
}
