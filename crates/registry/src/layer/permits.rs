//! The permits of a request that writes to an upload. Appending needs UploadLayerPart, and completing needs
//! CompleteLayerUpload; a request that does both has both permits.

use access::authz::Permits;
use access::error::{Code, Error, Result};
use access::op::{Effect, ecr};
use access::permit::{OnRepository, Permit};
use access::store::UploadRow;

/// The permit to append.
pub(crate) type Part = Permit<ecr::UploadLayerPart>;
/// The permit to complete an upload.
pub(crate) type Complete = Permit<ecr::CompleteLayerUpload>;
/// The permits for the last part of an upload.
pub(crate) type LastPart = (Complete, Part);
/// The permits for a layer in one request.
pub(crate) type Whole = (Part, (Complete, Permit<ecr::InitiateLayerUpload>));

/// Permits that include one for `E`.
pub(crate) trait Has<E: Effect> {
    fn permit(&self) -> &Permit<E>;
}

macro_rules! has {
    ($($permits:ty: $operation:ident by |$of:ident| $permit:expr;)*) => {$(
        impl Has<ecr::$operation> for $permits {
            fn permit(&self) -> &Permit<ecr::$operation> {
                let $of = self;
                $permit
            }
        }
    )*};
}

has! {
    Part: UploadLayerPart by |of| of;
    Complete: CompleteLayerUpload by |of| of;
    LastPart: UploadLayerPart by |of| &of.1;
    LastPart: CompleteLayerUpload by |of| &of.0;
    Whole: UploadLayerPart by |of| &of.0;
    Whole: CompleteLayerUpload by |of| &of.1.0;
}

/// Permits for one upload.
pub(crate) trait UploadPermits: Permits {
    /// The upload if it belongs to this repository and this principal; for everybody else it does not exist.
    fn owned(&self, id: &str) -> Result<UploadRow>;
}

impl<E: Effect<On = OnRepository>> UploadPermits for Permit<E> {
    fn owned(&self, id: &str) -> Result<UploadRow> {
        let row = self.upload().filter(|row| row.principal == self.caller().upload_owner());
        row.cloned().ok_or_else(|| upload_not_found(self, id))
    }
}

impl<A: UploadPermits, B: Permits> UploadPermits for (A, B) {
    fn owned(&self, id: &str) -> Result<UploadRow> {
        self.0.owned(id)
    }
}

pub(crate) fn upload_not_found<E: Effect<On = OnRepository>>(permit: &Permit<E>, id: &str) -> Error {
    let (name, account) = (&permit.row().name, &permit.account());
    Error::new(
        Code::UploadNotFound,
        format!(
            "Upload with id '{id}' could not be found for the repository with name '{name}' in the registry with id '{account}'"
        ),
    )
}
