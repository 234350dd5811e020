//! The context of a request: caller, origin and time. It is created once for each request; authorization, events and
//! audit use it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use aws::ids::{AccountId, Region};
use jiff::{SignedDuration, Timestamp};
use meta::{Micros, OperationId};
use oci::name::RepositoryName;

pub use crate::caller::{Caller, CallerKind, Session, SessionPolicy, WebIdentity};
use crate::decisions::Decisions;
use crate::error::Result;
use crate::memory::Memory;

/// The network origin of a request, after trusted proxies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The client's address (`aws:SourceIp`).
    pub address: IpAddr,
    /// Whether the client used TLS (`aws:SecureTransport`).
    pub tls: bool,
}

/// The API of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plane {
    /// The OCI distribution protocol under `/v2/`.
    Data,
    /// The AWS APIs.
    Control,
}

/// The context of one request.
#[derive(Clone, Debug)]
pub struct Ctx {
    /// Who asks.
    pub caller: Arc<Caller>,
    /// The network origin.
    pub peer: Peer,
    /// The `User-Agent` header (`aws:UserAgent`).
    pub user_agent: Option<Arc<str>>,
    /// The request ID in the log and in the answer.
    pub request_id: Arc<str>,
    /// Recognises a write that was repeated because the answer of its COMMIT was lost.
    pub operation_id: OperationId,
    /// The time for decisions and rows: when the request began, or when its body had arrived ([`Ctx::later`]).
    pub now: Timestamp,
    /// The API.
    pub plane: Plane,
    /// The Region of the signature's scope; none for an unsigned request.
    pub signed_region: Option<Region>,
    /// The account of the request's memory; none if there is none.
    pub memory: Option<Arc<dyn Memory>>,
    /// The gate's decisions so far.
    pub decisions: Arc<Decisions>,
    /// The registry of a peer that asks: then layers are received with the permission to replicate an image.
    pub of_peer: Option<Arc<str>>,
    /// When `now` was read, on a monotonic clock.
    pub read_at: Instant,
}

impl Ctx {
    /// The context of a request; its ID identifies its writes.
    pub fn new(
        caller: Arc<Caller>,
        peer: Peer,
        user_agent: Option<Arc<str>>,
        request_id: impl Into<Arc<str>>,
        now: Timestamp,
        plane: Plane,
    ) -> Self {
        let request_id = request_id.into();
        let operation_id = OperationId(Arc::clone(&request_id));
        Self {
            caller,
            peer,
            user_agent,
            request_id,
            operation_id,
            now,
            plane,
            signed_region: None,
            memory: None,
            decisions: Decisions::none(),
            of_peer: None,
            read_at: Instant::now(),
        }
    }

    /// The same request with the current time. Decisions from before a body arrived, or before a turn was waited for,
    /// are made again with it: meanwhile a policy, a user or a session may have ended.
    #[must_use]
    pub fn later(&self) -> Self {
        let read_at = Instant::now();
        let passed = SignedDuration::try_from(read_at.saturating_duration_since(self.read_at));
        let now = self.now.saturating_add(passed.unwrap_or(SignedDuration::MAX)).unwrap_or(Timestamp::MAX);
        Self { now, read_at, ..self.clone() }
    }

    /// The same for work that goes on after its request: nothing of it is charged to the request, or recorded with it.
    #[must_use]
    pub fn without_request(&self) -> Self {
        Self { memory: None, decisions: Decisions::none(), ..self.clone() }
    }

    /// The same with an account of its memory.
    #[must_use]
    pub fn accounted_by(self, memory: Arc<dyn Memory>) -> Self {
        Self { memory: Some(memory), ..self }
    }

    /// The same with a record of decisions, which its creator reads at the end.
    #[must_use]
    pub fn recorded_in(self, decisions: Arc<Decisions>) -> Self {
        Self { decisions, ..self }
    }

    /// Reserves room for bytes that the request needs until it is answered.
    pub async fn hold(&self, bytes: u64) -> Result<()> {
        match &self.memory {
            Some(memory) if !memory.hold_now(bytes) => memory.hold(bytes).await,
            _ => Ok(()),
        }
    }

    /// The same for a request that was signed for a Region.
    #[must_use]
    pub fn signed_for(self, region: Region) -> Self {
        Self { signed_region: Some(region), ..self }
    }

    /// `now` in the store's unit.
    pub fn at(&self) -> Micros {
        micros(self.now)
    }
}

/// The context of an unsigned request.
#[derive(Clone, Debug)]
pub struct Unsigned {
    /// The request ID in the log and in the answer.
    pub request_id: Arc<str>,
    /// The network origin.
    pub peer: Peer,
    /// The `User-Agent` header (`aws:UserAgent`).
    pub user_agent: Option<Arc<str>>,
    /// The time, read once for the request.
    pub now: Timestamp,
    /// The gate's decisions so far.
    pub decisions: Arc<Decisions>,
}

impl Unsigned {
    /// The context of a request.
    pub fn new(
        peer: Peer,
        user_agent: Option<Arc<str>>,
        request_id: impl Into<Arc<str>>,
        now: Timestamp,
    ) -> Self {
        Self { request_id: request_id.into(), peer, user_agent, now, decisions: Arc::default() }
    }

    /// The same with a record of decisions, which its creator reads at the end.
    #[must_use]
    pub fn recorded_in(self, decisions: Arc<Decisions>) -> Self {
        Self { decisions, ..self }
    }

    /// The context of the same request for a caller that it proves.
    #[must_use]
    pub fn by(&self, caller: Arc<Caller>, plane: Plane) -> Ctx {
        let (user_agent, id) = (self.user_agent.clone(), Arc::clone(&self.request_id));
        Ctx::new(caller, self.peer, user_agent, id, self.now, plane).recorded_in(Arc::clone(&self.decisions))
    }
}

/// A time in the store's unit.
pub fn micros(at: Timestamp) -> Micros {
    Micros(at.as_microsecond())
}

/// A repository as a request names it: it may not exist, and the caller may have no permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryRef {
    /// The registry's account.
    pub account_id: AccountId,
    /// The registry's region.
    pub region: Region,
    /// The repository's name.
    pub name: RepositoryName,
}

impl RepositoryRef {
    /// The repository's ARN, as policies name it.
    pub fn arn(&self) -> String {
        repository_arn(&self.region, &self.account_id, self.name.as_str())
    }
}

/// `arn:{partition}:ecr:{region}:{account}:repository/{name}`; `arn:aws:ecr-public::{account}:repository/{name}` of a
/// public repository.
pub fn repository_arn(region: &Region, account: &AccountId, name: &str) -> String {
    if region.is_public() {
        return ["arn:aws:ecr-public::", account.as_str(), ":repository/", name].concat();
    }
    let partition = region.partition();
    ["arn:", partition, ":ecr:", region.as_str(), ":", account.as_str(), ":repository/", name].concat()
}
