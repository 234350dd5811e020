//! The consistency check: each row has its bytes with the right digest and size, and each file has a row. It can run
//! beside requests, because it looks again before it reports. It deletes nothing: files go to quarantine.

use access::context::micros;
use access::effects::bytes::Check;
use access::effects::{OpensBytes, authority};
use access::error::Result;
use access::permit::{Opens, Permit, ServiceAuthority};
use access::store::{
    CorrectUsage, FindObject, FindObjectKeys, ListManifests, ListObjects, MeasureUsage, ObjectRow,
    RemoveLostObject, StoreResultExt as _,
};
use jiff::Timestamp;
use oci::digest::Digest;
use serde::Serialize;

use crate::Registry;

/// Rows in one page.
const PAGE: usize = 256;
/// Manifests in one page: each is up to 4 MiB.
const MANIFESTS: usize = 16;

/// What to do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Repair what can be repaired.
    pub repair: bool,
    /// Compare lengths only, not digests.
    pub quick: bool,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    /// An object's bytes are missing, too short, or have another digest.
    LostObject,
    /// An image's manifest is missing or has another digest.
    LostManifest,
    /// A file that no row knows.
    UnknownFile,
    /// Counters of usage that differ from the rows.
    WrongUsage,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Finding {
    pub kind: Kind,
    /// The digest, or the name of the file.
    pub subject: String,
    pub problem: String,
    /// What was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair: Option<String>,
}

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

impl Report {
    /// Whether something is wrong that was not repaired.
    pub fn has_damage(&self) -> bool {
        self.findings.iter().any(|finding| finding.repair.is_none())
    }
}

type Checker = Permit<authority::CheckStore>;

impl Registry {
    /// Checks everything.
    pub async fn fsck(&self, options: Options) -> Result<Report> {
        let permit = Permit::for_service(authority::CheckStore, &self.access);
        let mut report = Report::default();
        self.check_objects(&permit, options, &mut report).await?;
        check_manifests(&permit, &mut report).await?;
        for folder in 0..=u8::MAX {
            self.check_files(&permit, folder, options, &mut report).await?;
        }
        check_usage(&permit, options, &mut report).await?;
        Ok(report)
    }

    async fn check_objects(&self, permit: &Checker, options: Options, report: &mut Report) -> Result<()> {
        let mut after = None;
        loop {
            let page = permit.read(|()| ListObjects { after, limit: PAGE }).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id);
            for object in &page {
                report.objects += 1;
                report.bytes += object.size;
                if let Some(problem) = self.problem_of(permit, object, options.quick).await? {
                    report.findings.push(self.lost_object(permit, object, problem, options.repair).await?);
                }
            }
        }
    }

    /// What is wrong with the bytes of an object that still has its row.
    pub(crate) async fn problem_of<G>(
        &self,
        permit: &Permit<G>,
        object: &ObjectRow,
        quick: bool,
    ) -> Result<Option<String>>
    where
        G: ServiceAuthority + OpensBytes<Check> + Opens<FindObject>,
    {
        let Some(problem) = self.bytes.problem(permit, object, quick).await? else { return Ok(None) };
        let id = object.id;
        let still = permit.read(|()| FindObject { id }).await?;
        Ok((still.as_ref() == Some(object)).then_some(problem))
    }

    async fn lost_object(
        &self,
        permit: &Checker,
        object: &ObjectRow,
        problem: String,
        repair: bool,
    ) -> Result<Finding> {
        let repaired = if repair {
            let remove = RemoveLostObject { object: object.clone(), at: micros(Timestamp::now()) };
            let repositories = permit.write(|()| remove).await.or_store_error()?;
            Some(format!(
                "removed from {repositories} repositories, so that the next push of the layer stores it again"
            ))
        } else {
            None
        };
        Ok(Finding { kind: Kind::LostObject, subject: object.digest.to_string(), problem, repair: repaired })
    }

    /// Files of one folder. A file has a row before it exists, so a file that is listed first and then has no row is
    /// unknown, unless it was removed meanwhile.
    async fn check_files(
        &self,
        permit: &Checker,
        folder: u8,
        options: Options,
        report: &mut Report,
    ) -> Result<()> {
        let files = self.bytes.list(permit, folder).await?;
        report.files += files.len() as u64;
        for files in files.chunks(PAGE) {
            let keys = files.iter().map(|file| file.name.clone()).collect();
            let known = permit.read(|()| FindObjectKeys { keys }).await?;
            let unknown = files.iter().filter(|file| file.key.is_none() || !known.contains(&file.name));
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
                let subject = format!("objects/{folder:02x}/{}", file.name);
                report.findings.push(Finding { kind: Kind::UnknownFile, subject, problem, repair });
            }
        }
        Ok(())
    }
}

async fn check_manifests(permit: &Checker, report: &mut Report) -> Result<()> {
    let mut after = None;
    loop {
        let page = permit.read(|()| ListManifests { after, limit: MANIFESTS }).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some((last.repository, last.image));
        for manifest in &page {
            report.manifests += 1;
            let problem = match &manifest.body {
                None => "the image has no manifest",
                Some(body) if Digest::of(manifest.digest.algorithm(), body) != manifest.digest => {
                    "the manifest has another digest"
                }
                Some(_) => continue,
            };
            let (subject, problem) = (manifest.digest.to_string(), problem.to_owned());
            report.findings.push(Finding { kind: Kind::LostManifest, subject, problem, repair: None });
        }
    }
}

async fn check_usage(permit: &Checker, options: Options, report: &mut Report) -> Result<()> {
    let drifts = permit.read(|()| MeasureUsage).await?;
    for drift in &drifts {
        report.findings.push(Finding {
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
