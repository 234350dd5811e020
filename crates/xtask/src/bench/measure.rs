//! One measure: what is asked of a server, over how many connections, and its targets.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::call::Call;
use super::content::{self, Blob, MIB, Shelf};
use super::lists;
use super::load::{self, Sample};
use super::side::{Case, Kind, Side};
use super::target::Target;
use super::tls::Version;
use super::unit::{Unit, size};
use crate::command;

/// The measured action.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    GetManifest,
    HeadManifest,
    /// With TLS.
    GetManifestTls(Version),
    GetBlob(u64),
    HeadBlob(u64),
    /// Parts of the largest blob, of this many bytes, each at another place: as clients that pull lazily do.
    GetRanges(u64),
    /// A part of the largest blob, this many bytes.
    GetRange(u64),
    /// A page of a repository's tags.
    Tags,
    /// The referrers of the image.
    Referrers,
    /// A signed call of ECR.
    Call(Call),
    /// Pushes of this size, this many per round.
    Push(u64, usize),
    /// PUTs of new manifests under one tag, this many per round.
    PutManifests(usize),
}

/// One line of the tables.
#[derive(Clone, Copy)]
pub(crate) struct Measure {
    /// The measured action.
    pub(crate) work: Work,
    /// How many connections work at the same time.
    pub(crate) connections: usize,
    /// The caller and the server.
    pub(crate) case: Case,
    /// What Wharf must reach.
    pub(crate) targets: &'static [Target],
}

impl Work {
    fn name(self) -> String {
        match self {
            Self::GetManifest => "GET manifest by tag".to_owned(),
            Self::HeadManifest => "HEAD manifest by tag".to_owned(),
            Self::GetManifestTls(Version::One) => "GET manifest by tag over TLS and HTTP/1.1".to_owned(),
            Self::GetManifestTls(Version::Two) => "GET manifest by tag over TLS and HTTP/2".to_owned(),
            Self::GetBlob(bytes) => format!("GET {} blob", size(bytes)),
            Self::HeadBlob(bytes) => format!("HEAD {} blob", size(bytes)),
            Self::GetRanges(bytes) => {
                format!("GET ranges of {} of a {} blob", size(bytes), size(content::LARGEST))
            }
            Self::GetRange(bytes) => format!("GET a range of {}", size(bytes)),
            Self::Tags => format!("list {} tags", lists::PAGE),
            Self::Referrers => "list referrers".to_owned(),
            Self::Call(call) => call.name().to_owned(),
            Self::Push(bytes, _) => format!("push {} layer", size(bytes)),
            Self::PutManifests(_) => "PUT manifest".to_owned(),
        }
    }
}

impl Measure {
    /// For example `GET 1 MiB blob, 4 connections`.
    pub(crate) fn name(&self) -> String {
        let plural = if self.connections == 1 { "" } else { "s" };
        let case = match self.case {
            Case::Usual => "",
            Case::OtherAccount => ", caller of another account",
            Case::LogOff => ", log off",
            Case::Events => ", events on",
            Case::Rates => ", rates on",
            Case::Postgres => ", PostgreSQL",
            Case::Floor => ", the floor",
        };
        format!("{}, {} connection{plural}{case}", self.work.name(), self.connections)
    }

    /// Whether it is the same work in this case or another one.
    pub(crate) fn compares_with(&self, other: &Self) -> bool {
        self.work == other.work && self.connections == other.connections
    }

    /// Whether this server supports it.
    pub(crate) fn applies_to(&self, side: &Side) -> bool {
        let supported = match self.work {
            Work::GetBlob(_)
            | Work::HeadBlob(_)
            | Work::GetRange(_)
            | Work::GetRanges(_)
            | Work::GetManifest
            | Work::HeadManifest => true,
            Work::Call(_) | Work::GetManifestTls(_) | Work::Referrers | Work::PutManifests(_) => {
                side.is_ecr()
            }
            Work::Tags | Work::Push(..) => side.kind == Kind::Registry,
        };
        supported && side.case(self.case).is_some()
    }

    /// Whether it needs the server with TLS.
    pub(crate) fn is_over_tls(&self) -> bool {
        matches!(self.work, Work::GetManifestTls(_))
    }

    /// Whether it needs the content of the lists.
    pub(crate) fn reads_a_list(&self) -> bool {
        matches!(self.work, Work::Call(Call::DescribePage) | Work::Tags | Work::Referrers)
    }

    /// Runs one round.
    pub(crate) fn take(&self, side: &Side, shelf: &Shelf, time: Duration) -> Result<Sample> {
        let side = side.case(self.case).context("the server does not have this case")?;
        let get = |path: &str, length| load::read(side, path, length, self.connections, time);
        match self.work {
            Work::GetManifest => get(&content::manifest_path(side), Some(shelf.manifest_length())),
            Work::HeadManifest => {
                let (path, length) = (content::manifest_path(side), shelf.manifest_length());
                load::head(side, &path, length, self.connections, time)
            }
            Work::GetBlob(bytes) => get(&shelf.blob(side, bytes)?, Some(bytes)),
            Work::HeadBlob(bytes) => {
                load::head(side, &shelf.blob(side, bytes)?, bytes, self.connections, time)
            }
            Work::GetRanges(bytes) => {
                let path = shelf.blob(side, content::LARGEST)?;
                load::read_ranges(side, &path, (content::LARGEST, bytes), self.connections, time)
            }
            Work::Tags => get(&lists::tags_path(), None),
            Work::Referrers => get(&lists::referrers_path(shelf), None),
            Work::GetManifestTls(version) => side.tls()?.read(version, self.connections, time),
            Work::GetRange(bytes) => {
                let path = shelf.blob(side, content::LARGEST)?;
                load::read_range(side, &path, (content::LARGEST / 4, bytes), self.connections, time)
            }
            Work::Call(call) => {
                let (operation, body) = call.request();
                load::call(side, operation, &body, self.connections, time)
            }
            Work::Push(bytes, count) => self.push(side, bytes, count),
            Work::PutManifests(count) => {
                let manifests = (0..count).map(|_| shelf.new_manifest()).collect::<Result<Vec<_>>>()?;
                load::put_all(side, &manifests, self.connections)
            }
        }
    }

    fn push(&self, side: &Side, bytes: u64, count: usize) -> Result<Sample> {
        let blobs = (0..count).map(|_| Blob::random(bytes)).collect::<Result<Vec<_>>>()?;
        // Data that others have not written yet must not be written during this round.
        command::capture(&mut Command::new("sync"))?;
        let sample = load::push_all(side, &blobs, self.connections)?;
        // The floor has compared the digests, and cannot be read.
        if let Some(blob) = blobs.last().filter(|_| self.case != Case::Floor) {
            content::check(side, &content::blob_path(side, &blob.digest), &blob.digest)?;
        }
        Ok(sample)
    }

    /// The unit of a rate: small operations by number, large ones by bytes.
    pub(crate) fn unit(&self) -> Unit {
        match self.work {
            Work::GetBlob(bytes) | Work::GetRange(bytes) | Work::GetRanges(bytes) | Work::Push(bytes, _)
                if bytes > MIB =>
            {
                Unit::Bytes(bytes)
            }
            _ => Unit::Operations,
        }
    }
}
