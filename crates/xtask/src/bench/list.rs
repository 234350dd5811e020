//! The list of measures with their targets.

use super::call::Call;
use super::content::{KIB, MIB};
use super::measure::{Measure, Work};
use super::side::{Case, DISTRIBUTION, NGINX};
use super::target::Target::{self, Cpu, Micros, Rate};
use super::tls::Version;

/// With one connection a virtual machine's wake-ups decide.
const MANIFEST_ONE: &[Target] = &[Rate(DISTRIBUTION, 4.0), Rate(NGINX, 0.8)];
const MANIFEST: &[Target] = &[Rate(DISTRIBUTION, 4.0), Rate(NGINX, 0.6)];
const SMALL_BLOB: &[Target] = &[Rate(NGINX, 0.55)];
const LARGE_BLOB: &[Target] = &[Rate(NGINX, 1.0), Cpu(NGINX, 1.0)];
const SMALL_RANGES: &[Target] = &[Rate(DISTRIBUTION, 4.0)];
const HEAD_BLOB: &[Target] = &[Rate(DISTRIBUTION, 4.0)];
const PUSH: &[Target] = &[Rate(DISTRIBUTION, 4.0)];

const fn usual(work: Work, connections: usize, targets: &'static [Target]) -> Measure {
    Measure { work, connections, case: Case::Usual, targets }
}

const fn case(case: Case, work: Work, connections: usize) -> Measure {
    Measure { work, connections, case, targets: &[] }
}

const MEASURES: [Measure; 54] = [
    usual(Work::GetManifest, 1, MANIFEST_ONE),
    usual(Work::GetManifest, 16, MANIFEST),
    usual(Work::GetManifest, 64, MANIFEST),
    case(Case::OtherAccount, Work::GetManifest, 16),
    case(Case::LogOff, Work::GetManifest, 16),
    case(Case::Events, Work::GetManifest, 16),
    case(Case::Rates, Work::GetManifest, 16),
    usual(Work::HeadManifest, 1, MANIFEST_ONE),
    usual(Work::HeadManifest, 16, MANIFEST),
    usual(Work::HeadManifest, 64, MANIFEST),
    usual(Work::GetBlob(KIB), 1, SMALL_BLOB),
    usual(Work::GetBlob(KIB), 16, SMALL_BLOB),
    usual(Work::GetBlob(KIB), 64, SMALL_BLOB),
    case(Case::OtherAccount, Work::GetBlob(KIB), 16),
    usual(Work::GetBlob(MIB), 1, LARGE_BLOB),
    usual(Work::GetBlob(MIB), 4, LARGE_BLOB),
    usual(Work::GetBlob(16 * MIB), 1, LARGE_BLOB),
    usual(Work::GetBlob(16 * MIB), 4, LARGE_BLOB),
    usual(Work::GetBlob(256 * MIB), 1, LARGE_BLOB),
    usual(Work::GetBlob(256 * MIB), 4, LARGE_BLOB),
    usual(Work::GetRange(64 * MIB), 1, &[Cpu(NGINX, 1.0)]),
    usual(Work::GetRanges(64 * KIB), 1, SMALL_RANGES),
    usual(Work::GetRanges(64 * KIB), 16, SMALL_RANGES),
    usual(Work::GetRanges(4 * MIB), 16, &[Rate(DISTRIBUTION, 2.0)]),
    usual(Work::HeadBlob(256 * MIB), 1, HEAD_BLOB),
    usual(Work::HeadBlob(256 * MIB), 16, HEAD_BLOB),
    usual(Work::Tags, 1, &[]),
    usual(Work::Tags, 16, &[]),
    usual(Work::Referrers, 1, &[]),
    usual(Work::Referrers, 16, &[]),
    usual(Work::Push(MIB, 400), 1, PUSH),
    usual(Work::Push(MIB, 800), 8, PUSH),
    usual(Work::Push(256 * MIB, 4), 1, &[Target::Limit(0.9)]),
    case(Case::Floor, Work::Push(MIB, 400), 1),
    case(Case::Floor, Work::Push(MIB, 800), 8),
    case(Case::Floor, Work::Push(256 * MIB, 4), 1),
    usual(Work::PutManifests(2_000), 16, &[]),
    case(Case::Events, Work::PutManifests(2_000), 16),
    case(Case::Rates, Work::PutManifests(2_000), 16),
    usual(Work::GetManifestTls(Version::One), 16, &[]),
    usual(Work::GetManifestTls(Version::Two), 16, &[]),
    usual(Work::Call(Call::Token), 1, &[]),
    usual(Work::Call(Call::Token), 16, &[Micros(60.0)]),
    usual(Work::Call(Call::DescribeTag), 1, &[]),
    usual(Work::Call(Call::DescribeTag), 16, &[Micros(80.0)]),
    usual(Work::Call(Call::DescribePage), 1, &[]),
    usual(Work::Call(Call::DescribePage), 16, &[Micros(400.0)]),
    case(Case::Postgres, Work::GetManifest, 1),
    case(Case::Postgres, Work::GetManifest, 16),
    case(Case::Postgres, Work::GetManifest, 64),
    case(Case::Postgres, Work::GetBlob(KIB), 16),
    case(Case::Postgres, Work::Push(MIB, 400), 1),
    case(Case::Postgres, Work::Push(MIB, 800), 8),
    case(Case::Postgres, Work::Call(Call::DescribeTag), 16),
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{chosen, names};

    #[test]
    fn every_measure_has_a_name_of_its_own() {
        let names = names();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }

    #[test]
    fn a_filter_chooses_by_name_in_any_case() {
        assert_eq!(chosen(Some("head MANIFEST")).len(), 3);
        assert_eq!(chosen(Some("no such")).len(), 0);
    }
}
