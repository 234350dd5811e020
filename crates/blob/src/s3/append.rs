//! Appends a request's body: receives and hashes it while whole parts are sent, and stores the rest as the tail.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use fault::Fault;
use futures::Stream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;

use super::keys::TailPlace;
use super::progress::{Multipart, Progress};
use super::tail::{TailError, Version};
use super::{S3Store, error};
use crate::append::{AppendError, Appended};
use crate::hash::Hash;
use crate::intake::{End, Intake};
use crate::key::ObjectKey;
use crate::stage::{Own, Stage};
use crate::turn::Turn;

/// The number of parts of one upload that are sent at the same time.
const IN_FLIGHT: usize = 2;
/// A body of at most this size needs no permit for the memory of a part.
const SMALL_BODY: u64 = 256 * 1024;

/// What was received and is not sent yet, and the parts that are being sent.
struct Parts<'a> {
    store: &'a S3Store,
    key: ObjectKey,
    turn: Arc<Turn>,
    progress: Progress,
    /// The size of parts, if the multipart upload begins now.
    part_bytes: u64,
    buffer: VecDeque<Bytes>,
    buffered: u64,
    permit: Option<OwnedSemaphorePermit>,
    in_flight: VecDeque<JoinHandle<io::Result<String>>>,
}

impl S3Store {
    pub(crate) async fn append<S, E>(
        &self,
        key: &ObjectKey,
        stage: Stage,
        body: &mut S,
        limit: Option<u64>,
    ) -> Result<Appended, AppendError<E>>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin + Send,
    {
        let turn = Arc::new(self.turns.take(key).await.ok_or(AppendError::Overtaken)?);
        let offset = stage.offset();
        let (own, hasher) = stage.into_parts();
        let progress = own.s3().map_err(AppendError::Io)?;
        let known = self.known(key, &progress);
        let mut hash = Hash::Idle(Box::new(hasher));
        let mut intake = Intake::new(body, limit.map_or(u64::MAX, |limit| limit.saturating_sub(offset)));
        let (first, mut end) = intake.batch().await;
        let part_bytes = self.part_bytes_of(limit.unwrap_or_default());
        let mut parts = Parts::new(self, key, Arc::clone(&turn), progress, part_bytes);
        let (mut batch, mut written) = (first, 0_u64);
        if !batch.is_empty() {
            parts.load_tail(offset).await?;
        }
        loop {
            let chunk = joined(batch);
            if !chunk.is_empty() {
                written += chunk.len() as u64;
                let hasher = hash.hasher().await.map_err(AppendError::Io)?;
                hash = Hash::of(hasher, Arc::new([chunk.clone()]));
                parts.push(chunk).await.map_err(error::from_io)?;
            }
            match end {
                End::More => (batch, end) = intake.batch().await,
                End::TooLarge => return Err(AppendError::TooLarge { limit: limit.unwrap_or(u64::MAX) }),
                End::Complete | End::Failed(_) => break,
            }
        }
        let progress = if written > 0 { parts.store(known).await? } else { parts.progress };
        let hasher = hash.hasher().await.map_err(AppendError::Io)?;
        if written > 0 {
            turn.took_bytes();
        }
        let appended = Appended { written, stage: Stage::new(Own::S3(Box::new(progress)), *hasher) };
        match end {
            End::Failed(source) => Err(AppendError::Body { source, appended: Box::new(appended) }),
            _ => Ok(appended),
        }
    }

    /// What is at the object's own key now, where a small upload is stored. It is asked while the stage is known to be
    /// the recorded one: later, another node could have appended.
    fn known(&self, key: &ObjectKey, progress: &Progress) -> Known {
        let (store, path) = (self.clone(), self.keys.object(key));
        let is_small = progress.multipart.is_none();
        Known(is_small.then(|| tokio::spawn(async move { store.version(&path).await })))
    }
}

/// The version at the object's own key, if the upload has no parts.
struct Known(Option<JoinHandle<io::Result<Option<Version>>>>);

impl Known {
    async fn version(mut self) -> io::Result<Option<Version>> {
        match &mut self.0 {
            Some(job) => job.await.map_err(io::Error::other)?,
            None => Ok(None),
        }
    }
}

impl Drop for Known {
    fn drop(&mut self) {
        if let Some(job) = &self.0 {
            job.abort();
        }
    }
}

/// One chunk: many small ones would need much more memory than they have bytes.
fn joined(mut batch: Vec<Bytes>) -> Bytes {
    if batch.len() < 2 {
        return batch.pop().unwrap_or_default();
    }
    let mut all = BytesMut::with_capacity(batch.iter().map(Bytes::len).sum());
    for chunk in &batch {
        all.extend_from_slice(chunk);
    }
    all.freeze()
}

impl<'a> Parts<'a> {
    fn new(
        store: &'a S3Store,
        key: &ObjectKey,
        turn: Arc<Turn>,
        progress: Progress,
        part_bytes: u64,
    ) -> Self {
        Self {
            store,
            key: *key,
            turn,
            part_bytes: progress.multipart.as_ref().map_or(part_bytes, |multipart| multipart.part_bytes),
            progress,
            buffer: VecDeque::new(),
            buffered: 0,
            permit: None,
            in_flight: VecDeque::new(),
        }
    }

    /// Reads the bytes of the stage that are not in a part: the next part begins with them.
    async fn load_tail<E>(&mut self, offset: u64) -> Result<(), AppendError<E>> {
        let in_parts = self.progress.in_parts();
        let len = offset.saturating_sub(in_parts);
        let Some(tail) = &self.progress.tail else { return Ok(()) };
        match self.store.read_tail(&self.key, tail, len).await {
            Ok(bytes) => self.push(bytes).await.map_err(error::from_io),
            Err(TailError::Missing(len)) => Err(AppendError::Missing { offset, len: in_parts + len }),
            Err(TailError::Replaced) => Err(AppendError::Overtaken),
            Err(TailError::Io(error)) => Err(error::from_io(error)),
        }
    }

    /// Adds received bytes, and sends a part if there are more than a part. At least one byte remains for the tail.
    async fn push(&mut self, mut chunk: Bytes) -> io::Result<()> {
        while self.buffered + chunk.len() as u64 > self.part_bytes {
            let room = usize::try_from(self.part_bytes - self.buffered).unwrap_or(usize::MAX);
            let rest = chunk.split_off(room.min(chunk.len()));
            self.add(chunk).await?;
            self.send_part().await?;
            chunk = rest;
        }
        self.add(chunk).await
    }

    async fn add(&mut self, chunk: Bytes) -> io::Result<()> {
        if self.permit.is_none() && self.buffered + chunk.len() as u64 > SMALL_BODY {
            let memory = Arc::clone(&self.store.memory);
            self.permit = Some(memory.acquire_owned().await.map_err(io::Error::other)?);
        }
        self.buffered += chunk.len() as u64;
        if !chunk.is_empty() {
            self.buffer.push_back(chunk);
        }
        Ok(())
    }

    fn take_buffer(&mut self) -> Vec<Bytes> {
        self.buffered = 0;
        std::mem::take(&mut self.buffer).into()
    }

    /// Sends the buffer as the next part. If the request is dropped, the sending holds the turn until its end.
    async fn send_part(&mut self) -> io::Result<()> {
        if self.progress.multipart.is_none() {
            let id = self.store.begin_multipart(&self.key).await?;
            self.progress.multipart = Some(Multipart { id, part_bytes: self.part_bytes, parts: Vec::new() });
        }
        while self.in_flight.len() >= IN_FLIGHT {
            self.receive_part().await?;
        }
        let (bytes, permit) = (self.take_buffer(), self.permit.take());
        let Some(Multipart { id, parts, .. }) = &self.progress.multipart else { return Ok(()) };
        let index = parts.len() + self.in_flight.len();
        let (store, key, id, turn) = (self.store.clone(), self.key, id.clone(), Arc::clone(&self.turn));
        self.in_flight.push_back(tokio::spawn(async move {
            let part = store.put_part(&key, &id, index, bytes).await;
            drop((permit, turn));
            part
        }));
        Ok(())
    }

    async fn receive_part(&mut self) -> io::Result<()> {
        let Some(job) = self.in_flight.pop_front() else { return Ok(()) };
        let part = job.await.map_err(io::Error::other)??;
        if let Some(multipart) = &mut self.progress.multipart {
            multipart.parts.push(part);
        }
        Ok(())
    }

    /// Stores the rest as the tail, and waits for the parts.
    async fn store<E>(mut self, known: Known) -> Result<Progress, AppendError<E>> {
        let place = match (&self.progress.multipart, &self.progress.tail) {
            (None, _) => TailPlace::Object,
            // The recorded tail is kept until the new one is recorded.
            (Some(_), Some(tail)) if tail.place == TailPlace::A => TailPlace::B,
            (Some(_), _) => TailPlace::A,
        };
        let known = known.version().await.map_err(error::from_io)?;
        let (bytes, permit) = (self.take_buffer(), self.permit.take());
        let (store, key, turn) = (self.store.clone(), self.key, Arc::clone(&self.turn));
        let job = tokio::spawn(async move {
            let tail = store.put_tail(&key, place, known.as_ref(), bytes).await;
            drop((permit, turn));
            tail
        });
        let tail = job.await.map_err(io::Error::other).flatten().map_err(error::from_io)?;
        while !self.in_flight.is_empty() {
            self.receive_part().await.map_err(error::from_io)?;
        }
        self.progress.tail = Some(tail.ok_or(AppendError::Overtaken)?);
        fault::hit(Fault::AppendDurable);
        Ok(self.progress)
    }
}
