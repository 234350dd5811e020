//! Images and tags that are protected against deletion. An extension of Wharf.

use access::context::Ctx;
use access::error::{Code, Error, Result};
use access::op::ecr;
use access::permit::{OnRepository, Opens, Permit};
use access::store::{
    ImageRef, LIFECYCLE_EXTENSIONS, ListProtected, Protected, ProtectedBy, ProtectedCursor, ProtectedItem,
    RefusedExt as _, SetProtection, SetProtectionRefusal,
};
use oci::digest::Digest;

use crate::registry_settings::account_setting::{is_enabled, of_repository};

/// The error of a request that would delete or archive what is protected.
pub(crate) fn protected(protected: &Protected) -> Error {
    let Protected { digest, by } = protected;
    let reason = match by {
        ProtectedBy::Image => format!("the image {digest} is protected"),
        ProtectedBy::Tag(tag) => format!("the tag '{tag}' of the image {digest} is protected"),
        ProtectedBy::Use(source) => format!("the image {digest} is in use by '{source}'"),
    };
    Error::new(Code::ImageProtected, format!("Requested image is protected: {reason}"))
}

/// The error of a request for an extension that the registry does not allow.
pub(crate) fn extension_refused() -> Error {
    let message = format!(
        "Protection of images is an extension of Wharf. It needs the account setting {LIFECYCLE_EXTENSIONS}."
    );
    Error::new(Code::InvalidParameter, message)
}

/// Protects an image or a tag. None: there is no such image or tag.
pub(crate) async fn protect(
    ctx: &Ctx,
    permit: &Permit<ecr::WharfProtectImage>,
    image: ImageRef,
) -> Result<Option<Digest>> {
    let setting = permit.read(of_repository(LIFECYCLE_EXTENSIONS)).await?;
    if !is_enabled(setting.as_deref()) {
        return Err(extension_refused());
    }
    set(ctx, permit, image, true).await
}

/// Ends the protection of an image or a tag; this needs no setting. None: there is no such image or tag.
pub(crate) async fn unprotect(
    ctx: &Ctx,
    permit: &Permit<ecr::WharfUnprotectImage>,
    image: ImageRef,
) -> Result<Option<Digest>> {
    set(ctx, permit, image, false).await
}

async fn set<G>(ctx: &Ctx, permit: &Permit<G>, image: ImageRef, is_protected: bool) -> Result<Option<Digest>>
where
    G: access::op::Effect<On = OnRepository> + Opens<SetProtection>,
{
    let at = ctx.at();
    let set = permit.write(|repository| SetProtection { repository, image, is_protected, at });
    match set.await.map(Some) {
        Err(access::store::OpError::Refused(SetProtectionRefusal::NotFound)) => Ok(None),
        set => set.or_refused(|_gone| permit.repository_not_found()),
    }
}

/// Lists what is protected: one more than `limit` if there is more.
pub(crate) async fn list(
    permit: &Permit<ecr::WharfListProtectedImages>,
    after: Option<ProtectedCursor>,
    limit: usize,
) -> Result<Vec<ProtectedItem>> {
    permit.read(|repository| ListProtected { repository, after, limit: limit + 1 }).await
}
