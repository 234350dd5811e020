//! The list of measures and the summary of their rounds.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::content::{self, Blob, KIB, MIB, REPOSITORY, Shelf};
use super::load::{self, Sample};
use super::side::{Kind, Side};
use super::tls::Version;
use crate::command;

/// The measured action.
#[derive(Clone, Copy)]
enum Work {
    GetManifest,
    /// With TLS.
    GetManifestTls(Version),
    GetBlob(u64),
    /// A part of the largest blob, this many bytes.
    GetRange(u64),
    /// A signed call of ECR.
    Call(Call),
    /// Pushes of this size, this many per round.
    Push(u64, usize),
}

/// The measured calls of ECR.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    Token,
    DescribeTag,
    DescribePage,
}

impl Call {
    fn name(self) -> &'static str {
        match self {
            Self::Token => "GetAuthorizationToken",
            Self::DescribeTag => "DescribeImages by tag",
            Self::DescribePage => "DescribeImages, a page of 100",
        }
    }

    /// The operation and its input.
    fn request(self) -> (&'static str, String) {
        let (tag, many) = (content::TAG, content::MANY);
        match self {
            Self::Token => ("GetAuthorizationToken", "{}".to_owned()),
            Self::DescribeTag => (
                "DescribeImages",
                format!(r#"{{"repositoryName":"{REPOSITORY}","imageIds":[{{"imageTag":"{tag}"}}]}}"#),
            ),
            Self::DescribePage => {
                ("DescribeImages", format!(r#"{{"repositoryName":"{many}","maxResults":{}}}"#, content::PAGE))
            }
        }
    }
}

/// One line of the tables.
#[derive(Clone, Copy)]
pub(crate) struct Measure {
    work: Work,
    connections: usize,
    /// The target, as a multiple of docker-registry.
    pub(crate) target: Option<f64>,
}

const fn line(work: Work, connections: usize, target: f64) -> Measure {
    Measure { work, connections, target: Some(target) }
}

/// Pushes of 256 MiB, ranges and what the other servers do not have here (ECR, TLS) have no target.
const MEASURES: [Measure; 19] = [
    line(Work::GetManifest, 1, 3.0),
    line(Work::GetManifest, 16, 3.0),
    line(Work::GetBlob(KIB), 1, 1.0),
    line(Work::GetBlob(KIB), 16, 1.0),
    line(Work::GetBlob(MIB), 1, 1.0),
    line(Work::GetBlob(MIB), 4, 1.0),
    line(Work::GetBlob(16 * MIB), 1, 1.0),
    line(Work::GetBlob(16 * MIB), 4, 1.0),
    line(Work::GetBlob(256 * MIB), 1, 1.0),
    line(Work::GetBlob(256 * MIB), 4, 1.0),
    line(Work::Push(MIB, 400), 1, 2.0),
    line(Work::Push(MIB, 800), 5, 2.0),
    Measure { work: Work::Push(256 * MIB, 4), connections: 1, target: None },
    Measure { work: Work::GetRange(64 * MIB), connections: 1, target: None },
    Measure { work: Work::GetManifestTls(Version::One), connections: 16, target: None },
    Measure { work: Work::GetManifestTls(Version::Two), connections: 16, target: None },
    Measure { work: Work::Call(Call::Token), connections: 16, target: None },
    Measure { work: Work::Call(Call::DescribeTag), connections: 16, target: None },
    Measure { work: Work::Call(Call::DescribePage), connections: 16, target: None },
];

/// The measures whose name contains `filter`, ignoring case.
pub(crate) fn chosen(filter: Option<&str>) -> Vec<Measure> {
    let filter = filter.unwrap_or_default().to_lowercase();
    MEASURES.into_iter().filter(|measure| measure.name().to_lowercase().contains(&filter)).collect()
}

/// The names of all measures.
pub(crate) fn names() -> Vec<String> {
    MEASURES.iter().map(Measure::name).collect()
}

impl Measure {
    /// For example `GET 1 MiB blob, 4 connections`.
    pub(crate) fn name(&self) -> String {
        let work = match self.work {
            Work::GetManifest => "GET manifest by tag".to_owned(),
            Work::GetManifestTls(Version::One) => "GET manifest by tag over TLS and HTTP/1.1".to_owned(),
            Work::GetManifestTls(Version::Two) => "GET manifest by tag over TLS and HTTP/2".to_owned(),
            Work::GetBlob(bytes) => format!("GET {} blob", size(bytes)),
            Work::GetRange(bytes) => format!("GET a range of {}", size(bytes)),
            Work::Call(call) => call.name().to_owned(),
            Work::Push(bytes, _) => format!("push {} layer", size(bytes)),
        };
        let plural = if self.connections == 1 { "" } else { "s" };
        format!("{work}, {} connection{plural}", self.connections)
    }

    /// Whether this server supports it.
    pub(crate) fn applies_to(&self, side: &Side) -> bool {
        match self.work {
            Work::GetBlob(_) | Work::GetRange(_) => true,
            Work::Call(_) | Work::GetManifestTls(_) => side.is_ecr(),
            Work::GetManifest | Work::Push(..) => side.kind == Kind::Registry,
        }
    }

    /// Whether it needs the server with TLS.
    pub(crate) fn is_over_tls(&self) -> bool {
        matches!(self.work, Work::GetManifestTls(_))
    }

    /// Whether it needs the repository with a page of images.
    pub(crate) fn reads_a_page(&self) -> bool {
        matches!(self.work, Work::Call(Call::DescribePage))
    }

    /// Runs one round.
    pub(crate) fn take(&self, side: &Side, shelf: &Shelf, time: Duration) -> Result<Sample> {
        match self.work {
            Work::GetManifest => {
                let path = content::manifest_path();
                load::read(side, &path, shelf.manifest_length(), self.connections, time)
            }
            Work::GetBlob(bytes) => {
                load::read(side, &shelf.blob(side, bytes)?, bytes, self.connections, time)
            }
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
        }
    }

    fn push(&self, side: &Side, bytes: u64, count: usize) -> Result<Sample> {
        let blobs = (0..count).map(|_| Blob::random(bytes)).collect::<Result<Vec<_>>>()?;
        // Data that others have not written yet must not be written during this round.
        command::capture(&mut Command::new("sync"))?;
        let sample = load::push_all(side, &blobs, self.connections)?;
        if let Some(blob) = blobs.last() {
            content::check(side, &content::blob_path(side, &blob.digest), &blob.digest)?;
        }
        Ok(sample)
    }

    /// The unit of a rate: small operations by number, large ones by bytes.
    pub(crate) fn unit(&self) -> Unit {
        match self.work {
            Work::GetBlob(bytes) | Work::GetRange(bytes) | Work::Push(bytes, _) if bytes > MIB => {
                Unit::Bytes(bytes)
            }
            _ => Unit::Operations,
        }
    }
}

/// The unit of a rate.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    /// Requests or pushes per second.
    Operations,
    /// MiB per second, with operations of this size.
    Bytes(u64),
}

impl Unit {
    /// For example `12,345/s` or `2,100 MiB/s`.
    pub(crate) fn rate(self, per_second: f64) -> String {
        match self {
            Self::Operations => format!("{}/s", grouped(per_second)),
            Self::Bytes(bytes) => format!("{} MiB/s", grouped(per_second * mib(bytes))),
        }
    }

    /// CPU time of one operation, or of one GiB.
    pub(crate) fn cpu(self, seconds: f64) -> String {
        match self {
            Self::Operations => format!("{} µs", grouped(seconds * 1e6)),
            Self::Bytes(bytes) => format!("{:.2} s/GiB", seconds * 1024.0 / mib(bytes)),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "the sizes are a few powers of two")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / MIB as f64
}

/// A number with commas between thousands; a small number keeps one decimal.
fn grouped(value: f64) -> String {
    if value < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn size(bytes: u64) -> String {
    if bytes < MIB { format!("{} KiB", bytes / KIB) } else { format!("{} MiB", bytes / MIB) }
}

impl Sample {
    #[expect(clippy::cast_precision_loss, reason = "far fewer operations than a double counts exactly")]
    fn count(&self) -> f64 {
        self.operations as f64
    }

    fn rate(&self) -> f64 {
        self.count() / self.elapsed.as_secs_f64()
    }

    fn cpu_each(&self) -> f64 {
        self.cpu / self.count().max(1.0)
    }

    /// A line of progress.
    pub(crate) fn describe(&self, side: &str, measure: &Measure) -> String {
        let unit = measure.unit();
        format!("{side}: {}, CPU {}", unit.rate(self.rate()), unit.cpu(self.cpu_each()))
    }
}

/// All rounds of one measure, by server.
pub(crate) struct Series {
    /// What was measured.
    pub(crate) measure: Measure,
    samples: Vec<Vec<Sample>>,
}

/// The summary of one server's rounds.
pub(crate) struct Summary {
    /// The median of operations in a second.
    pub(crate) rate: f64,
    /// The slowest and the fastest round.
    pub(crate) spread: (f64, f64),
    /// The median of CPU seconds for an operation.
    pub(crate) cpu: f64,
}

impl Series {
    /// A series without rounds.
    pub(crate) fn new(measure: &Measure, sides: usize) -> Self {
        Self { measure: *measure, samples: vec![Vec::new(); sides] }
    }

    /// Adds a round of a server.
    pub(crate) fn add(&mut self, side: usize, sample: Sample) {
        if let Some(samples) = self.samples.get_mut(side) {
            samples.push(sample);
        }
    }

    /// The summary of a server; none if it was not measured.
    pub(crate) fn summary(&self, side: usize) -> Option<Summary> {
        let samples = self.samples.get(side)?;
        let rates = sorted(samples.iter().map(Sample::rate));
        let spread = (*rates.first()?, *rates.last()?);
        let cpu = median(&sorted(samples.iter().map(Sample::cpu_each)))?;
        Some(Summary { rate: median(&rates)?, spread, cpu })
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(sorted: &[f64]) -> Option<f64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(upper, *sorted.get(sorted.len() / 2 - 1)?))
}

#[cfg(test)]
mod tests {
    use super::{grouped, median};

    #[test]
    fn the_median_of_an_even_number_is_between_the_middle_two() {
        assert_eq!(median(&[1.0, 2.0, 4.0, 9.0]), Some(3.0));
        assert_eq!(median(&[1.0, 2.0, 4.0]), Some(2.0));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(grouped(1_234_567.4), "1,234,567");
        assert_eq!(grouped(999.6), "1,000");
        assert_eq!(grouped(12.34), "12.3");
    }
}
