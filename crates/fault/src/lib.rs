//! Points at which a test may have the process killed, to show that a crash there leaves nothing dangling.
//!
//! The points are always compiled in, so that the binary that is tested is the binary that ships; each costs one
//! atomic load. Only the binary's hidden option arms one. The points of all crates are in this one list, so that a test
//! can go through all of them.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// A place between two effects.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        #[repr(u8)]
        pub enum Fault {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Fault {
            /// Every point, in the order in which a push, a delete and then a rotation of the master key pass them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name by which [`arm`] knows it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

faults! {
    /// registry: the upload's row is there, no byte has come.
    UploadCreated = "upload-created",
    /// blob: the file exists and is empty; neither it nor its folder is synced.
    AppendCreated = "append-created",
    /// blob: bytes are written, not synced.
    AppendWritten = "append-written",
    /// blob: the file is synced, its folder is not.
    AppendSynced = "append-synced",
    /// blob: file and folder are synced, the caller does not know yet.
    AppendDurable = "append-durable",
    /// registry: the bytes are durable, the upload's row does not have the new offset.
    BeforeAdvance = "before-advance",
    /// registry: the upload's row has the new offset, the client has no answer.
    AfterAdvance = "after-advance",
    /// registry: the digest is right, the object has no row.
    BeforeCompleteUpload = "before-complete-upload",
    /// registry: the object and its link have rows, the client has no answer.
    AfterCompleteUpload = "after-complete-upload",
    /// registry: a mount was permitted, the link is not made.
    BeforeLink = "before-link",
    /// registry: the link is made, the client has no answer.
    AfterLink = "after-link",
    /// registry: the manifest is valid, the image has no row.
    BeforePutImage = "before-put-image",
    /// registry: image and tags are there, the client has no answer.
    AfterPutImage = "after-put-image",
    /// registry: the deletion of images or tags was permitted and has not begun.
    BeforeDeleteImage = "before-delete-image",
    /// registry: images or tags are deleted, the client has no answer.
    AfterDeleteImage = "after-delete-image",
    /// registry: the deletion of a repository was permitted and has not begun.
    BeforeDeleteRepository = "before-delete-repository",
    /// registry: the repository is marked deleted, its rows are still there.
    AfterDeleteRepository = "after-delete-repository",
    /// registry: one slice of a deleted repository is gone, more may be left.
    AfterPurgeSlice = "after-purge-slice",
    /// registry: keys are doomed, their bytes are still there.
    BeforeDeleteBytes = "before-delete-bytes",
    /// blob: the file is gone from its folder.
    Deleted = "deleted",
    /// registry: the bytes are gone, the doomed rows are not.
    AfterDeleteBytes = "after-delete-bytes",
    /// wharf: the next master key lies beside the one in use.
    MasterKeyWritten = "master-key-written",
    /// wharf: the store opens under both master keys.
    MasterKeyAdded = "master-key-added",
    /// wharf: the next master key is in the place of the old one.
    MasterKeyInPlace = "master-key-in-place",
    /// wharf: the store opens under the next master key alone.
    MasterKeyDropped = "master-key-dropped",
}

/// The text names no fault point, or its count is not a positive number.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is not a fault point with an optional count, like `append-synced` or `append-synced:3`")]
pub struct UnknownFault(String);

const UNARMED: u8 = u8::MAX;
static ARMED: AtomicU8 = AtomicU8::new(UNARMED);
static PASSES_LEFT: AtomicU32 = AtomicU32::new(0);

/// Arms one point, written `name` or `name:n`: the process dies when the point is reached for the n-th time.
pub fn arm(text: &str) -> Result<(), UnknownFault> {
    let (fault, count) = parse(text).ok_or_else(|| UnknownFault(text.to_owned()))?;
    PASSES_LEFT.store(count, Ordering::SeqCst);
    ARMED.store(fault as u8, Ordering::SeqCst);
    Ok(())
}

fn parse(text: &str) -> Option<(Fault, u32)> {
    let (name, count) = match text.split_once(':') {
        Some((name, count)) => (name, count.parse().ok().filter(|count| *count > 0)?),
        None => (text, 1),
    };
    let fault = Fault::ALL.iter().copied().find(|fault| fault.name() == name)?;
    Some((fault, count))
}

/// Marks the point. If it is armed and its count is used up, the process ends here as if it had been killed:
/// nothing is flushed, no destructor runs.
#[inline]
pub fn hit(fault: Fault) {
    if ARMED.load(Ordering::Relaxed) == fault as u8 {
        pass_or_die();
    }
}

#[cold]
fn pass_or_die() {
    if PASSES_LEFT.fetch_sub(1, Ordering::SeqCst) <= 1 {
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_can_be_named_and_names_are_unique() {
        for (index, fault) in Fault::ALL.iter().enumerate() {
            assert_eq!(*fault as usize, index);
            assert_eq!(parse(fault.name()), Some((*fault, 1)));
            assert_eq!(parse(&format!("{}:3", fault.name())), Some((*fault, 3)));
        }
    }

    #[test]
    fn what_names_no_point_is_refused() {
        for bad in
            ["", "nothing", "append-synced:", "append-synced:0", "append-synced:-1", "append-synced:x", ":1"]
        {
            assert_eq!(arm(bad), Err(UnknownFault(bad.to_owned())), "{bad:?}");
        }
    }
}
