//! The referrers of a manifest (distribution specification, "Listing referrers").

use access::context::{Ctx, RepositoryRef};
use access::error::{Code, Error, Result};
use access::op::ecr;
use access::permit::Permit;
use access::store::{ImageId, ImageState, ListReferrers, MeasureReferrers, Referrer, Target};
use oci::digest::Digest;
use serde_json::value::RawValue;

use crate::Registry;

/// Referrers in one answer of the data plane: the index must be smaller than the largest manifest.
const PAGE: usize = 100;
/// A page ends after this many bytes of annotations, for both APIs.
const PAGE_BYTES: u64 = 4 * 1024 * 1024;

/// A manifest whose `subject` is the given one.
#[derive(Clone, Debug)]
pub struct ReferrerEntry {
    pub digest: Digest,
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its artifact type, if it has one.
    pub artifact_type: Option<String>,
    /// Its annotations, a JSON object of strings as stored; none if it has none.
    pub annotations: Option<Box<RawValue>>,
    /// Whether it can be pulled.
    pub state: ImageState,
}

/// One page of referrers.
#[derive(Clone, Debug)]
pub struct ReferrerPage {
    /// The entries, oldest push first.
    pub referrers: Vec<ReferrerEntry>,
    /// The cursor of the next page.
    pub next: Option<String>,
}

impl Registry {
    /// The manifests of the repository whose `subject` is the given one. A missing repository has none, for which the
    /// specification requires an empty list. The permission is decided first.
    pub async fn referrers(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        subject: &Digest,
        artifact_type: Option<&str>,
        cursor: Option<&str>,
    ) -> Result<ReferrerPage> {
        let gate = self.access.gate(ctx, repository, Target::None).await?;
        let permit = match gate.permit::<ecr::ListImageReferrers>() {
            Err(error) if error.code == Code::RepositoryNotFound => {
                return Ok(ReferrerPage { referrers: Vec::new(), next: None });
            }
            permit => permit?,
        };
        if artifact_type.is_some_and(|wanted| wanted.contains('\0')) {
            // No accepted manifest has such a type, and PostgreSQL's text cannot contain it.
            return Ok(ReferrerPage { referrers: Vec::new(), next: None });
        }
        self.import_referrers(ctx, (repository, &gate), subject).await;
        let types = artifact_type.map(str::to_owned).into_iter().collect();
        let active = Some(ImageState::Active);
        self.referrer_page(ctx, &permit, subject, (types, active), cursor, PAGE).await
    }

    pub(crate) async fn referrer_page(
        &self,
        ctx: &Ctx,
        permit: &Permit<ecr::ListImageReferrers>,
        subject: &Digest,
        (artifact_types, state): (Vec<String>, Option<ImageState>),
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<ReferrerPage> {
        let repository = permit.repository();
        let name = format!("referrers {} {} {subject} {state:?}", repository.registry.0, repository.id);
        let after = cursor.map(|cursor| self.access.open_page_token::<i64>(&name, cursor)).transpose()?;
        let after = after.map(ImageId);
        let list = ListReferrers { repository, subject: *subject, artifact_types, state, after, limit };
        let measure = permit.read(|_| MeasureReferrers { list: list.clone(), bytes: PAGE_BYTES }).await?;
        // The rows, and the answer with them.
        ctx.hold(measure.bytes * 3).await?;
        let rows = permit.read(|_| ListReferrers { limit: measure.count, ..list }).await?;
        let next = match rows.last() {
            Some(last) if measure.more => Some(self.access.page_token(&name, last.id.0)?),
            _ => None,
        };
        let referrers = rows.into_iter().map(entry).collect::<Result<_>>()?;
        Ok(ReferrerPage { referrers, next })
    }
}

fn entry(row: Referrer) -> Result<ReferrerEntry> {
    let annotations = row.annotations_json.map(String::from_utf8).transpose().map_err(Error::internal)?;
    let annotations = annotations.map(RawValue::from_string).transpose().map_err(Error::internal)?;
    Ok(ReferrerEntry {
        digest: row.digest,
        media_type: row.media_type,
        size: row.size,
        artifact_type: row.artifact_type,
        annotations,
        state: row.state,
    })
}
