//! Backups of the embedded store: the place of a backup, its snapshots, its encryption, and the copying of what the rows of
//! a snapshot name.

pub(crate) mod copying;
pub(crate) mod files;
pub(crate) mod place;
mod sealing;
pub(crate) mod snapshots;
pub(crate) mod source;
pub(crate) mod target;
