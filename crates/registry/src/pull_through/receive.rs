//! Receives a layer from an upstream registry into the store, in slices that can be read when they are durable.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use access::context::{RepositoryRef, micros};
use access::effects::authority;
use access::error::{Code, Error, Result};
use access::permit::Permit;
use access::storage_quota::{More, StorageHold};
use access::store::{
    AdvanceUpload, CancelUpload, CompleteUpload, CreateUpload, FindBlobs, Micros, OperationId,
    RefusedExt as _, RepositoryKey,
};
use bytes::Bytes;
use futures::Stream;
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};
use upstream::{BlobDownload, UpstreamError};

use super::arrival::{Arrival, ArrivalKey, Progress};
use super::counts::Requested;
use super::import::{Of, Source};
use super::too_many;
use crate::Registry;
use crate::layer::bytes::{Stage, too_large};

/// The first slice is small, so that the first bytes are soon there. Each is twice as large as the one before.
const FIRST_SLICE: u64 = 64 * 1024;
const LARGEST_SLICE: u64 = 8 << 20;
/// A slice ends after this time, if the upstream registry is slow: where slices are read, and where they are only progress,
/// which costs requests to the bucket.
const SLICE_TIMES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(5)];
/// How often the row of the upload is written.
const RECORDED: Duration = Duration::from_secs(1);
/// How long it is remembered that a download was cut.
const CUT: Duration = Duration::from_secs(1);
/// The owner of the uploads. No principal has this ID, so no client can continue one.
const OWNER: &str = "pullthroughcache.ecr.amazonaws.com";

/// A layer to receive.
pub(super) struct Receive {
    pub(super) key: RepositoryKey,
    pub(super) repository: RepositoryRef,
    pub(super) source: Source,
    pub(super) arrival: Arc<Arrival>,
}

impl Receive {
    fn arrival_key(&self) -> ArrivalKey {
        (self.key, self.source.layer_key(self.arrival.digest))
    }
}

type Authority = Permit<authority::FetchUpstreamLayers>;

impl Registry {
    /// Receives a layer, and tells those who wait how far it has come.
    pub(super) async fn receive(&self, job: Receive) {
        let received = self.receive_into_store(&job).await;
        // Requests from now on find the layer in the store, or start anew.
        self.pull_through.arrivals.end(&job.arrival_key(), &job.arrival);
        job.arrival.has_come(match received {
            Ok(progress) => progress,
            Err(error) => {
                tracing::warn!(digest = %job.arrival.digest, %error, "a layer was not received");
                Progress::Failed(error)
            }
        });
    }

    async fn receive_into_store(&self, job: &Receive) -> Result<Progress> {
        let Arrival { digest, size, .. } = &*job.arrival;
        let permit = Authority::for_service(authority::FetchUpstreamLayers, &self.access);
        // It can have been stored after the request looked for it.
        let find = FindBlobs { repository: job.key, digests: vec![*digest] };
        if permit.read(|()| find).await?.iter().any(|(_, row)| row.is_some()) {
            return Ok(Progress::Found);
        }
        let _slot =
            self.pull_through.shared.downloads.take(&job.source.account).await.ok_or_else(too_many)?;
        if self.pull_through.arrivals.end_unwanted(&job.arrival_key(), &job.arrival) {
            return Err(Error::new(Code::ClientGone, "Nobody waits for the layer any more."));
        }
        let limit = self.access.settings.limits.layer_bytes;
        if *size > limit {
            return Err(too_large(limit));
        }
        // Before the first byte comes.
        let more = More::Uploaded { recorded: 0, added: *size };
        let hold = self.access.hold_storage(&job.repository, more).await?;
        self.pull_through.shared.counts.requested(Requested::Layer);
        let download = job.source.upstream.get_blob(&job.source.name, digest, *size).await;
        let download =
            download.map_err(|error| self.layer_failed(&job.source, (Of::Bytes, *digest), &error, None))?;
        let mut upload = Upload::create(&permit, job, hold).await?;
        job.arrival.has_come(Progress::Received(0));
        let stored = self.store_slices(&permit, job, &mut upload, download).await;
        if stored.is_err() {
            let cancel = CancelUpload { repository: job.key, id: upload.id, at: now() };
            let _ = permit.write(|()| cancel).await;
        }
        stored.map(|()| Progress::Stored)
    }

    async fn store_slices(
        &self,
        permit: &Authority,
        job: &Receive,
        upload: &mut Upload,
        mut download: BlobDownload,
    ) -> Result<()> {
        let Arrival { digest, size, object_key, .. } = &*job.arrival;
        let (mut stage, mut slice_bytes) = (self.bytes.begin(digest.algorithm()), FIRST_SLICE);
        let [read, unread] = SLICE_TIMES;
        let longest = if self.bytes.can_open_slices() { read } else { unread };
        let mut is_complete = false;
        while !is_complete {
            let before = stage.offset();
            let mut slice = slice(&mut download, (slice_bytes, longest), &mut is_complete);
            let appended = self.bytes.append_slice(permit, object_key, stage, &mut slice, *size).await?;
            drop(slice);
            stage = appended.map_err(|error| self.cut(job, &error))?;
            self.pull_through.shared.counts.received(stage.offset().saturating_sub(before));
            if !is_complete && self.bytes.can_open_slices() {
                job.arrival.has_come(Progress::Received(stage.offset()));
            }
            if upload.recorded_at.elapsed() >= RECORDED {
                upload.record(permit, job, &stage).await?;
            }
            slice_bytes = (slice_bytes * 2).min(LARGEST_SLICE);
        }
        self.bytes.finish_slices(permit, object_key, &stage).await?;
        upload.record(permit, job, &stage).await?;
        let complete = CompleteUpload {
            repository: job.key,
            id: upload.id.clone(),
            expected_version: upload.version,
            // The digest of what was written, which the download has compared with the wanted one.
            digest: stage.digest(),
            size: stage.offset(),
            peer: None,
            object_id: self.access.ids.next(Timestamp::now()),
            at: now(),
            op: OperationId(uuid::Uuid::new_v4().to_string().into()),
        };
        permit.write(|()| complete).await.or_refused(|_| gone()).map(|_| ())
    }

    /// A download that has begun and failed. A connection that was cut says little about the next one; wrong bytes come
    /// again.
    fn cut(&self, job: &Receive, error: &UpstreamError) -> Error {
        let remember = matches!(error, UpstreamError::Unavailable(_)).then_some(CUT);
        self.layer_failed(&job.source, (Of::Bytes, job.arrival.digest), error, remember)
    }
}

/// The upload that receives a layer, as its row is.
struct Upload {
    id: String,
    version: i64,
    recorded: u64,
    recorded_at: Instant,
    hold: StorageHold,
}

impl Upload {
    /// The object's key is in a row before its first byte is written.
    async fn create(permit: &Authority, job: &Receive, hold: StorageHold) -> Result<Self> {
        let id = uuid::Uuid::new_v4().to_string();
        let create = CreateUpload {
            repository: job.key,
            id: id.clone(),
            principal: OWNER.to_owned(),
            object_key: job.arrival.object_key.clone(),
            algorithm: job.arrival.digest.algorithm(),
            version: 0,
            at: now(),
        };
        permit.write(|()| create).await.or_refused(|_| gone())?;
        Ok(Self { id, version: 0, recorded: 0, recorded_at: Instant::now(), hold })
    }

    /// Records how far the layer has come: an upload without progress expires, and other nodes count the bytes.
    async fn record(&mut self, permit: &Authority, job: &Receive, stage: &Stage) -> Result<()> {
        let added = stage.offset().saturating_sub(self.recorded);
        let advance = AdvanceUpload {
            repository: job.key,
            id: self.id.clone(),
            expected_version: self.version,
            offset: stage.offset(),
            stage: stage.save().map_err(Error::internal)?,
            last_part_size: added,
            follows_small_part: false,
            at: now(),
        };
        let row = permit.write(|()| advance).await.or_refused(|_| gone())?;
        self.hold.recorded(added);
        (self.version, self.recorded, self.recorded_at) = (row.version, row.offset, Instant::now());
        Ok(())
    }
}

fn gone() -> Error {
    Error::new(Code::BlobUnknown, "The repository was deleted while its layer arrived.")
}

fn now() -> Micros {
    micros(Timestamp::now())
}

type Slice<'a> = Pin<Box<dyn Stream<Item = std::result::Result<Bytes, UpstreamError>> + Send + 'a>>;

/// The next bytes of a download: about this many, or what comes within the time of a slice after the first of them.
fn slice<'a>(
    download: &'a mut BlobDownload,
    (bytes, longest): (u64, Duration),
    is_complete: &'a mut bool,
) -> Slice<'a> {
    let state = (download, is_complete, bytes, None);
    Box::pin(futures::stream::unfold(state, move |(download, is_complete, left, until)| async move {
        if left == 0 {
            return None;
        }
        let next = match until {
            None => download.chunk().await,
            // A download goes on where it was when the time was over.
            Some(until) => timeout_at(until, download.chunk()).await.ok()?,
        };
        let until = until.or_else(|| Some(Instant::now() + longest));
        match next {
            Ok(Some(chunk)) => {
                let left = left.saturating_sub(chunk.len() as u64);
                Some((Ok(chunk), (download, is_complete, left, until)))
            }
            Ok(None) => {
                *is_complete = true;
                None
            }
            Err(error) => Some((Err(error), (download, is_complete, 0, until))),
        }
    }))
}
