//! Moves a whole store to another database, to another store of blobs, or to both. The source is read-only meanwhile.

mod blobs;
mod bytes;
mod check;
mod destination;
mod progress;
mod rows;
mod side;
mod source;

pub(crate) use blobs::{Blobs, exchange_ids, has_archive, take_store};
pub(crate) use bytes::{copy_bytes, count};
pub(crate) use check::check;
pub(crate) use destination::{Destination, copy_keys};
pub(crate) use progress::Progress;
pub(crate) use rows::{compare_rows, copy_rows};
pub(crate) use side::Side;
pub(crate) use source::{Source, release};
