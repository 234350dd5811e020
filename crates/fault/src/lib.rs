//! Points at which a test can end the process, to show that a crash there leaves nothing inconsistent.
//!
//! The points are always compiled in, so the tested binary is the released binary; each costs one atomic load. Only a
//! hidden option of the binary arms one. One list contains the points of all crates, so a test can go through all of
//! them.

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
            /// Every point, in the order of a push, a delete, a move to the archive, the delivery of events, and a rotation of the master key.
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
    /// registry: the upload's row exists, no byte has arrived.
    UploadCreated = "upload-created",
    /// blob: the file exists and is empty; neither it nor its folder is synced. In a bucket: the multipart upload is
    /// begun and its ID is stored, it has no part.
    AppendCreated = "append-created",
    /// blob: bytes are written, not synced. In a bucket: a part is stored, the row does not have it.
    AppendWritten = "append-written",
    /// blob: the file is synced, its folder is not. In a bucket: the object is complete, the record of its multipart
    /// upload still exists.
    AppendSynced = "append-synced",
    /// blob: file and folder are synced, or the bucket has all bytes; the caller has not been told.
    AppendDurable = "append-durable",
    /// registry: the bytes are durable, the upload's row does not have the new offset.
    BeforeAdvance = "before-advance",
    /// registry: the upload's row has the new offset, the client has no answer.
    AfterAdvance = "after-advance",
    /// registry: the digest matches, the object has no row.
    BeforeCompleteUpload = "before-complete-upload",
    /// registry: the object and its link have rows, the client has no answer.
    AfterCompleteUpload = "after-complete-upload",
    /// registry: a mount was permitted, the link does not exist.
    BeforeLink = "before-link",
    /// registry: the link exists, the client has no answer.
    AfterLink = "after-link",
    /// registry: the manifest is valid, the image has no row.
    BeforePutImage = "before-put-image",
    /// registry: image and tags exist, the client has no answer.
    AfterPutImage = "after-put-image",
    /// registry: the deletion of images or tags was permitted and has not begun.
    BeforeDeleteImage = "before-delete-image",
    /// registry: images or tags are deleted, the client has no answer.
    AfterDeleteImage = "after-delete-image",
    /// registry: the deletion of a repository was permitted and has not begun.
    BeforeDeleteRepository = "before-delete-repository",
    /// registry: the repository is marked as deleted, its rows still exist.
    AfterDeleteRepository = "after-delete-repository",
    /// registry: one slice of a deleted repository is removed, more may be left.
    AfterPurgeSlice = "after-purge-slice",
    /// registry: a lifecycle policy is evaluated, nothing is carried out.
    LifecycleEvaluated = "lifecycle-evaluated",
    /// registry: one slice of the decisions of a lifecycle policy is carried out, more may be left.
    LifecycleSlice = "lifecycle-slice",
    /// registry: the decisions are carried out, the evaluation is not recorded.
    LifecycleCarriedOut = "lifecycle-carried-out",
    /// registry: one slice of a preview of a lifecycle policy is written, more may be left.
    LifecyclePreviewSlice = "lifecycle-preview-slice",
    /// registry: the restoring of an image is claimed, the image cannot be pulled yet.
    LifecycleRestoreClaimed = "lifecycle-restore-claimed",
    /// registry: an image is restored, the work that did it still waits.
    LifecycleRestored = "lifecycle-restored",
    /// registry: links without an image are found, none has ended.
    BeforeCollectLinks = "before-collect-links",
    /// registry: links have ended, their objects still have rows.
    AfterCollectLinks = "after-collect-links",
    /// registry: objects have no rows, their bytes are doomed.
    AfterCollectObjects = "after-collect-objects",
    /// registry: keys are doomed, their bytes still exist.
    BeforeDeleteBytes = "before-delete-bytes",
    /// blob: the file is removed from its folder, or the object from its bucket.
    Deleted = "deleted",
    /// registry: the bytes are removed, the doomed rows are not.
    AfterDeleteBytes = "after-delete-bytes",
    /// registry: the key of a copy is recorded, no byte of it exists.
    MoveRecorded = "archive-recorded",
    /// blob: a copy is written, not synced.
    CopyWritten = "archive-copied",
    /// registry: a copy is durable and its digest matches, the object's row names the old bytes.
    BeforeSwitch = "archive-before-switch",
    /// registry: the object's row names the copy, the old bytes are doomed.
    AfterSwitch = "archive-after-switch",
    /// events: the deliveries of events have rows, none was sent.
    EventsRouted = "events-routed",
    /// events: a target got events, their rows still exist.
    EventsSent = "events-sent",
    /// wharf: the next master key is stored next to the current one.
    MasterKeyWritten = "master-key-written",
    /// wharf: the store opens under both master keys.
    MasterKeyAdded = "master-key-added",
    /// wharf: the next master key has replaced the old file.
    MasterKeyInPlace = "master-key-in-place",
    /// wharf: the store opens only under the next master key.
    MasterKeyDropped = "master-key-dropped",
}

/// The text names no fault point, or its count is not a positive number.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is not a fault point with an optional count, like `append-synced` or `append-synced:3`")]
pub struct UnknownFault(String);

const UNARMED: u8 = u8::MAX;
static ARMED: AtomicU8 = AtomicU8::new(UNARMED);
static PASSES_LEFT: AtomicU32 = AtomicU32::new(0);

/// Arms one point, written `name` or `name:n`: the process ends when the point is reached for the n-th time.
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

/// Marks the point. If it is armed and its count is used up, the process ends here as if it were killed: nothing is
/// flushed, no destructor runs.
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
    fn a_text_that_names_no_point_is_refused() {
        for bad in
            ["", "nothing", "append-synced:", "append-synced:0", "append-synced:-1", "append-synced:x", ":1"]
        {
            assert_eq!(arm(bad), Err(UnknownFault(bad.to_owned())), "{bad:?}");
        }
    }
}
