//! The consistency check: each row has its bytes with the right digest and size, and each file has a row. It can run
//! beside requests, because it looks again before it reports. It deletes nothing: files go to quarantine.
//!
//! It goes in slices. On a store that no server has opened they follow each other; beside requests each is a pass of the
//! reconciler `check-store`, and is recorded.

pub use access::check::{Finding, Kind, Options};
use access::check::{Progress, Step};
use access::context::micros;
use access::effects::bytes::Check;
use access::effects::{OpensBytes, authority};
use access::error::Result;
use access::permit::{Opens, Permit, ServiceAuthority};
use access::store::{
    CorrectUsage, FindObject, FindObjectKeys, GetReadOnly, ImageId, ListManifests, ListObjects, MeasureUsage,
    ObjectRow, RegistryKey, RemoveLostObject, RepositoryKey, StoreError, StoreResultExt as _, store_error,
};
use jiff::Timestamp;
use oci::digest::Digest;
use serde::Serialize;

use crate::Registry;
use crate::layer::bytes::{Folder, Problem};
use crate::reconcile::Pass;

/// Rows in one slice.
const PAGE: usize = 256;
/// Bytes that one slice reads; a larger object is a slice of its own.
const BYTES: u64 = 64 << 20;
/// Manifests in one slice: each is up to 4 MiB.
const MANIFESTS: usize = 16;

/// The result of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Report {
    /// How many were checked.
    pub objects: u64,
    pub bytes: u64,
    pub manifests: u64,
    pub files: u64,
    pub findings: Vec<Finding>,
}

type Checker = Permit<authority::CheckStore>;

impl Registry {
    /// Checks everything.
    pub async fn fsck(&self, options: Options) -> Result<Report> {
        let (mut progress, mut findings) = (Progress::START, Vec::new());
        while progress.step != Step::End {
            self.check_slice(options, &mut progress, &mut findings).await?;
        }
        let Progress { objects, bytes, manifests, files, .. } = progress;
        Ok(Report { objects, bytes, manifests, files, findings })
    }

    /// One slice of the check that a request started, if there is one.
    pub(crate) async fn check_store(&self, now: Timestamp) -> Result<Pass> {
        let idle = Pass { done: 0, has_more: false };
        let Some(check) = self.access.last_check().await? else { return Ok(idle) };
        if check.row.ended_at.is_some() {
            return Ok(idle);
        }
        let options = Options { repair: check.row.repair, quick: check.row.quick };
        let (mut progress, mut findings) = (check.progress, Vec::new());
        self.check_slice(options, &mut progress, &mut findings).await?;
        for Finding { kind, subject, problem, repair } in &findings {
            tracing::warn!(?kind, subject, problem, repair, "the check of the store found a problem");
        }
        self.access.record_check(&check, &progress, &findings, now).await?;
        Ok(Pass { done: findings.len(), has_more: progress.step != Step::End })
    }

    async fn check_slice(
        &self,
        options: Options,
        progress: &mut Progress,
        findings: &mut Vec<Finding>,
    ) -> Result<()> {
        let permit = Permit::for_service(authority::CheckStore, &self.access);
        // The bytes can belong to the database that the rows were moved to, and no row of them changes here.
        if options.repair && permit.read(|()| GetReadOnly).await?.is_some() {
            return Err(store_error(StoreError::ReadOnly));
        }
        progress.step = match progress.step {
            Step::Objects(after) => self.check_objects(&permit, options, after, progress, findings).await?,
            Step::Manifests(after) => check_manifests(&permit, after, progress, findings).await?,
            Step::Files(number) => match self.bytes.folders().nth(number.into()) {
                Some(folder) => {
                    progress.files += self.check_files(&permit, folder, options, findings).await?;
                    Step::Files(number + 1)
                }
                None => Step::Usage,
            },
            Step::Usage => {
                check_usage(&permit, options, findings).await?;
                Step::End
            }
            Step::End => Step::End,
        };
        Ok(())
    }

    async fn check_objects(
        &self,
        permit: &Checker,
        options: Options,
        mut after: Option<i64>,
        progress: &mut Progress,
        findings: &mut Vec<Finding>,
    ) -> Result<Step> {
        let page = permit.read(|()| ListObjects { after, limit: PAGE }).await?;
        if page.is_empty() {
            return Ok(Step::Manifests(None));
        }
        let mut room = BYTES;
        for object in &page {
            let reads = if options.quick { 0 } else { object.size };
            if reads > room && room < BYTES {
                break;
            }
            room = room.saturating_sub(reads);
            after = Some(object.id);
            progress.objects += 1;
            progress.bytes += object.size;
            if let Some(problem) = self.problem_of(permit, object, options.quick).await? {
                findings.push(lost_object(permit, object, problem, options.repair).await?);
            }
        }
        Ok(Step::Objects(after))
    }

    /// What is wrong with the bytes of an object that still has its row.
    pub(crate) async fn problem_of<G>(
        &self,
        permit: &Permit<G>,
        object: &ObjectRow,
        quick: bool,
    ) -> Result<Option<Problem>>
    where
        G: ServiceAuthority + OpensBytes<Check> + Opens<FindObject>,
    {
        let Some(problem) = self.bytes.problem(permit, object, quick).await? else { return Ok(None) };
        let id = object.id;
        let still = permit.read(|()| FindObject { id }).await?;
        Ok((still.as_ref() == Some(object)).then_some(problem))
    }

    /// Files of one folder; returns how many. A file has a row before it exists, so a file that is listed first and then
    /// has no row is unknown, unless it was removed meanwhile. Its key is never used again.
    async fn check_files(
        &self,
        permit: &Checker,
        folder: Folder,
        options: Options,
        findings: &mut Vec<Finding>,
    ) -> Result<u64> {
        let files = self.bytes.list(permit, folder).await?;
        for files in files.chunks(PAGE) {
            let keys = files.iter().filter_map(|file| file.key).map(|key| key.to_string()).collect();
            let known = permit.read(|()| FindObjectKeys { keys }).await?;
            let unknown =
                files.iter().filter(|file| file.key.is_none_or(|key| !known.contains(&key.to_string())));
            for file in unknown {
                if !self.bytes.is_there(permit, file).await? {
                    continue;
                }
                let repair = if options.repair {
                    self.bytes.quarantine(permit, folder, &file.name).await?;
                    Some("moved to the folder quarantine".to_owned())
                } else {
                    None
                };
                let problem = format!("no row knows this file of {} bytes", file.len);
                let subject = format!("{folder}/{}", file.name);
                findings.push(Finding { kind: Kind::UnknownFile, subject, problem, repair });
            }
        }
        Ok(files.len() as u64)
    }
}

/// Removes the row, if that was asked for and the bytes are lost. The transaction compares the row again.
async fn lost_object(
    permit: &Checker,
    object: &ObjectRow,
    problem: Problem,
    repair: bool,
) -> Result<Finding> {
    let repair = if repair && problem.is_lost {
        let remove = RemoveLostObject { object: object.clone(), at: micros(Timestamp::now()) };
        let repositories = permit.write(|()| remove).await.or_store_error()?;
        Some(format!(
            "removed from {repositories} repositories, so that the next push of the layer stores it again"
        ))
    } else {
        None
    };
    let (subject, problem) = (object.digest.to_string(), problem.text);
    Ok(Finding { kind: Kind::LostObject, subject, problem, repair })
}

async fn check_manifests(
    permit: &Checker,
    after: Option<(i64, i64, i64)>,
    progress: &mut Progress,
    findings: &mut Vec<Finding>,
) -> Result<Step> {
    let after = after
        .map(|(registry, id, image)| (RepositoryKey { registry: RegistryKey(registry), id }, ImageId(image)));
    let page = permit.read(|()| ListManifests { after, limit: MANIFESTS }).await?;
    let Some(last) = page.last() else { return Ok(Step::Files(0)) };
    for manifest in &page {
        progress.manifests += 1;
        let problem = match &manifest.body {
            None => "the image has no manifest",
            Some(body) if Digest::of(manifest.digest.algorithm(), body) != manifest.digest => {
                "the manifest has another digest"
            }
            Some(_) => continue,
        };
        let (subject, problem) = (manifest.digest.to_string(), problem.to_owned());
        findings.push(Finding { kind: Kind::LostManifest, subject, problem, repair: None });
    }
    let RepositoryKey { registry, id } = last.repository;
    Ok(Step::Manifests(Some((registry.0, id, last.image.0))))
}

async fn check_usage(permit: &Checker, options: Options, findings: &mut Vec<Finding>) -> Result<()> {
    let drifts = permit.read(|()| MeasureUsage).await?;
    for drift in &drifts {
        findings.push(Finding {
            kind: Kind::WrongUsage,
            subject: drift.repository.to_text(),
            problem: format!("the counters differ from the rows: {:?}", drift.change),
            repair: options.repair.then(|| "counted again".to_owned()),
        });
    }
    if options.repair && !drifts.is_empty() {
        permit.write(|()| CorrectUsage { drifts }).await.or_store_error()?;
    }
    Ok(())
}
