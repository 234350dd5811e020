//! The blocking side of an append: opens the file, writes batches, and makes them durable.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use fault::Fault;

use super::file_system::DiskFile;
use super::layout::Layout;
use crate::turn::Turn;

/// After this many written bytes the file is synced in the background. So the end of a large body needs no long wait,
/// and few unwritten bytes are in the machine's memory.
const SYNC_EVERY_BYTES: u64 = 16 * 1024 * 1024;

/// Writes one body. It moves from one blocking job to the next together with the turn, so a job whose request was
/// dropped still writes in its turn.
pub(crate) struct Writer {
    layout: Arc<Layout>,
    turn: Turn,
    file: Option<Arc<dyn DiskFile>>,
    start: u64,
    offset: u64,
    synced_to: u64,
    /// The file was longer than the offset and was truncated.
    cut: bool,
}

/// Why a batch was not written.
pub(crate) enum WriteError {
    /// The file is shorter than the offset.
    Missing {
        offset: u64,
        len: u64,
    },
    Io(io::Error),
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Writer {
    pub(crate) fn new(layout: Arc<Layout>, turn: Turn, offset: u64) -> Self {
        Self { layout, turn, file: None, start: offset, offset, synced_to: offset, cut: false }
    }

    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The file, if enough bytes are written and not synced for a background sync.
    pub(crate) fn due_for_sync(&mut self) -> Option<Arc<dyn DiskFile>> {
        if self.offset - self.synced_to < SYNC_EVERY_BYTES {
            return None;
        }
        self.synced_to = self.offset;
        self.file.clone()
    }

    pub(crate) fn write(mut self: Box<Self>, batch: &[Bytes]) -> Result<Box<Self>, WriteError> {
        let file = match self.file.take() {
            Some(file) => file,
            None => self.open()?,
        };
        if let Err(error) = file.write_pieces_at(batch, self.offset) {
            // The space of this append is released: the disk is full, and other appends may need it.
            let _ = file.set_len(self.start);
            return Err(error.into());
        }
        self.offset += batch.iter().map(|chunk| chunk.len() as u64).sum::<u64>();
        self.file = Some(file);
        Ok(self)
    }

    /// Opens the file and truncates it to `start`: an earlier append may have written more.
    fn open(&mut self) -> Result<Arc<dyn DiskFile>, WriteError> {
        let offset = self.start;
        let path = self.layout.path(self.turn.key());
        let file = match self.layout.disk.open(&path, offset == 0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && offset > 0 => {
                return Err(WriteError::Missing { offset, len: 0 });
            }
            other => other?,
        };
        let len = file.len()?;
        if len < offset {
            return Err(WriteError::Missing { offset, len });
        }
        if len > offset {
            file.set_len(offset)?;
            self.cut = true;
        }
        if offset == 0 {
            fault::hit(Fault::AppendCreated);
        }
        Ok(file)
    }

    /// Makes everything durable, and returns how many bytes were written. INVARIANT: a power cut cannot undo what is
    /// reported.
    pub(crate) fn finish(self) -> Result<u64, WriteError> {
        let written = self.offset - self.start;
        let Some(file) = &self.file else {
            return Err(io::Error::other("an append ended before it began").into());
        };
        fault::hit(Fault::AppendWritten);
        let is_new = self.start == 0;
        if is_new || self.cut || written > 0 {
            file.sync()?;
        }
        fault::hit(Fault::AppendSynced);
        if is_new {
            // Also if the file existed before: the process that created it may have stopped before it synced the
            // folder.
            self.layout.sync_folder_of(self.turn.key())?;
        }
        fault::hit(Fault::AppendDurable);
        if written > 0 {
            self.turn.took_bytes();
        }
        Ok(written)
    }

    /// Releases the space of a body that was too large.
    pub(crate) fn abandon(self) {
        if let Some(file) = &self.file {
            let _ = file.set_len(self.start);
        }
    }
}
