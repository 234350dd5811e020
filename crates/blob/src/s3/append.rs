//! Appends a request's body: receives and hashes it while whole parts are sent, and stores the rest as the tail.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use fault::Fault;
use futures::Stream;
use tokio::task::JoinHandle;

use super::keys::TailPlace;
use super::progress::{Multipart, Progress};
use super::tail::{TailError, Version};
use super::{S3Store, error};
use crate::append::{AppendError, Appended};
use crate::hash::Hash;
use crate::intake::{End, Intake};
use crate::key::ObjectKey;
use crate::memory::Held;
use crate::stage::{Own, Stage};
use crate::turn::Turn;

/// The number of parts of one upload that are sent at the same time.
const IN_FLIGHT: usize = 2;
/// The memory that an upload takes for its first bytes, and for a small layer. For more it takes that of a whole part: then
/// a part that has begun never waits for memory.
const FIRST_BYTES: [u64; 2] = [64 * 1024, 256 * 1024];

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
    /// The memory of the buffer, and how much it is.
    held: Vec<Held>,
    room: u64,
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
        let offset = stage.offset();
        match self.append_parts(key, stage, body, limit).await {
            Err(AppendError::Io(error)) if error::is_gone(&error) => {
                Err(AppendError::Missing { offset, len: 0 })
            }
            appended => appended,
        }
    }

    async fn append_parts<S, E>(
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
            parts.load_tail(offset, length_of(&batch)).await?;
        }
        loop {
            if !batch.is_empty() {
                written += length_of(&batch);
                let hasher = hash.hasher().await.map_err(AppendError::Io)?;
                hash = Hash::of(hasher, batch.as_slice().into());
                parts.push(batch).await.map_err(error::from_io)?;
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

fn length_of(chunks: &[Bytes]) -> u64 {
    chunks.iter().map(|chunk| chunk.len() as u64).sum()
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

/// At most this many bytes from the beginning.
fn take_bytes(from: &mut VecDeque<Bytes>, most: u64) -> Vec<Bytes> {
    let (mut taken, mut room) = (Vec::new(), usize::try_from(most).unwrap_or(usize::MAX));
    while room > 0
        && let Some(mut chunk) = from.pop_front()
    {
        let rest = chunk.split_off(room.min(chunk.len()));
        room -= chunk.len();
        if !chunk.is_empty() {
            taken.push(chunk);
        }
        if !rest.is_empty() {
            from.push_front(rest);
        }
    }
    taken
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
            held: Vec::new(),
            room: 0,
            in_flight: VecDeque::new(),
        }
    }

    /// Reads the bytes of the stage that are not in a part: the next part begins with them. Their memory is taken at once
    /// with that of the bytes that follow: uploads that each hold some and wait for more could all wait forever.
    async fn load_tail<E>(&mut self, offset: u64, following: u64) -> Result<(), AppendError<E>> {
        let in_parts = self.progress.in_parts();
        let len = offset.saturating_sub(in_parts);
        if self.progress.tail.is_none() {
            return Ok(());
        }
        let room = len.saturating_add(following).min(self.part_bytes).max(len);
        self.make_room(room).await.map_err(error::from_io)?;
        let Some(tail) = &self.progress.tail else { return Ok(()) };
        match self.store.read_tail(&self.key, tail, len).await {
            Ok(bytes) => self.push(vec![bytes]).await.map_err(error::from_io),
            Err(TailError::Missing(len)) => Err(AppendError::Missing { offset, len: in_parts + len }),
            Err(TailError::Replaced) => Err(AppendError::Overtaken),
            Err(TailError::Io(error)) => Err(error::from_io(error)),
        }
    }

    /// Adds received bytes, and sends a part if there are more than a part. At least one byte remains for the tail. The
    /// bytes are charged to their request until there is room for them here.
    async fn push(&mut self, batch: Vec<Bytes>) -> io::Result<()> {
        let mut rest = VecDeque::from(batch);
        while !rest.is_empty() {
            if self.buffered == self.part_bytes {
                self.send_part().await?;
            }
            let fits = take_bytes(&mut rest, self.part_bytes - self.buffered);
            let len = length_of(&fits);
            self.make_room(self.buffered + len).await?;
            if len > 0 {
                self.buffer.push_back(joined(fits));
                self.buffered += len;
            }
        }
        Ok(())
    }

    /// Waits for the memory of a buffer of this size.
    async fn make_room(&mut self, bytes: u64) -> io::Result<()> {
        if bytes <= self.room {
            return Ok(());
        }
        let first = FIRST_BYTES.into_iter().find(|first| bytes <= *first);
        let room = first.map_or(self.part_bytes, |first| first.min(self.part_bytes)).max(bytes);
        self.held.push(self.store.hold(room - self.room).await?);
        self.room = room;
        Ok(())
    }

    /// The buffer, and its memory.
    fn take_buffer(&mut self) -> (Vec<Bytes>, Vec<Held>) {
        self.buffered = 0;
        self.room = 0;
        (std::mem::take(&mut self.buffer).into(), std::mem::take(&mut self.held))
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
        let (bytes, held) = self.take_buffer();
        let Some(Multipart { id, parts, .. }) = &self.progress.multipart else { return Ok(()) };
        let index = parts.len() + self.in_flight.len();
        let (store, key, id, turn) = (self.store.clone(), self.key, id.clone(), Arc::clone(&self.turn));
        self.in_flight.push_back(tokio::spawn(async move {
            let part = store.put_part(&key, &id, index, bytes).await;
            drop((held, turn));
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
        let (bytes, held) = self.take_buffer();
        let (store, key, turn) = (self.store.clone(), self.key, Arc::clone(&self.turn));
        let job = tokio::spawn(async move {
            let tail = store.put_tail(&key, place, known.as_ref(), bytes).await;
            drop((held, turn));
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
