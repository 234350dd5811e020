//! Backups of the embedded store: the folder of a backup, and the copying of what the rows of a snapshot name.

pub(crate) mod copying;
pub(crate) mod files;
pub(crate) mod folder;
pub(crate) mod source;
