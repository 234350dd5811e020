//! The keys of a bucket. No key is the beginning of the path of another key: some servers keep objects as files and
//! refuse such keys, or lose one of the two.
//!
//! ```text
//! objects/KEY     an object; before its upload is complete, the first bytes of a small one
//! archive/KEY     an archived object
//! uploads/KEY     the ID of the object's multipart upload, until it is complete
//! tails/KEY-a     bytes of an upload that are not a whole part yet, and
//! tails/KEY-b     the same; an upload uses them in turn
//! quarantine/…    what the consistency check moved out of the store
//! store-id        the ID of the store
//! ```

use object_store::path::Path;

use crate::key::{ObjectKey, Place};

/// Where the bytes of an upload are that are not a whole part yet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum TailPlace {
    /// At the object's own key: the upload is so small that it may be complete.
    Object,
    /// At the first key for tails.
    A,
    /// At the second key for tails.
    B,
}

/// The keys under one prefix.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: if prefix.is_empty() { String::new() } else { format!("{prefix}/") } }
    }

    fn path(&self, rest: std::fmt::Arguments<'_>) -> Path {
        Path::from(format!("{}{rest}", self.prefix))
    }

    /// What the keys of the objects of a place begin with.
    pub(super) fn folder(&self, place: Place) -> String {
        match place {
            Place::Standard => format!("{}objects/", self.prefix),
            Place::Archive => format!("{}archive/", self.prefix),
        }
    }

    pub(super) fn object(&self, key: &ObjectKey) -> Path {
        Path::from(format!("{}{}", self.folder(key.place()), key.file_name()))
    }

    /// What the keys of records of multipart uploads begin with.
    pub(super) fn uploads(&self) -> String {
        format!("{}uploads/", self.prefix)
    }

    pub(super) fn upload(&self, key: &ObjectKey) -> Path {
        self.path(format_args!("uploads/{key}"))
    }

    pub(super) fn tail(&self, key: &ObjectKey, place: TailPlace) -> Path {
        match place {
            TailPlace::Object => self.object(key),
            TailPlace::A => self.path(format_args!("tails/{key}-a")),
            TailPlace::B => self.path(format_args!("tails/{key}-b")),
        }
    }

    pub(super) fn quarantine(&self, name: &str) -> Path {
        self.path(format_args!("quarantine/{name}"))
    }

    pub(super) fn store_id(&self) -> Path {
        self.path(format_args!("store-id"))
    }
}
