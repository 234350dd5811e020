//! Scans of images: which images a registry's rules have scanned, and scans that a request asks for. There is no scanner
//! yet: a scan ends at once with the status `FAILED`, and its description says why.

use access::context::Ctx;
use access::error::{Code, Error, Result};
use access::op::ecr;
use access::permit::{Grant, Opens, Permit};
use access::store::{
    FindImageScan, GetScanningConfiguration, ImageRow, ImageScanRow, ImageState, Micros, RefusedExt as _,
    StartImageScan, StartImageScanRefusal,
};
use aws::ecr::{RegistryScanningConfiguration, ScanFrequency, ScanType, ScanningRepositoryFilter};
use lifecycle::Pattern;

/// An image is scanned once in this time (ECR User Guide, "Amazon ECR service quotas").
const ONCE_IN: Micros = Micros(24 * 60 * 60 * 1_000_000);
const NO_SCANNER: &str = "This registry has no scanner yet: no image can be scanned.";

/// The configs of images that a scanner can read.
const CONFIGS: [&str; 2] =
    ["application/vnd.docker.container.image.v1+json", "application/vnd.oci.image.config.v1+json"];

/// What can read the scanning configuration of a registry.
pub(crate) trait ReadsConfiguration: Grant + Opens<GetScanningConfiguration> {}

impl<G: Grant + Opens<GetScanningConfiguration>> ReadsConfiguration for G {}

/// Records a scan, and gives its status.
pub(crate) async fn start(
    ctx: &Ctx,
    permit: &Permit<ecr::StartImageScan>,
    image: &ImageRow,
    scan_type: Option<ScanType>,
) -> Result<ImageScanRow> {
    if scan_type == Some(ScanType::Enhanced) {
        let message = "This feature is disabled: images of a registry with enhanced scanning are not scanned on request.";
        return Err(Error::new(Code::Validation, message));
    }
    if image.state != ImageState::Active {
        let message = "The image is in the archive. Restore it before it is scanned.";
        return Err(Error::new(Code::ImageArchived, message));
    }
    if !image.config_media_type.as_deref().is_some_and(|config| CONFIGS.contains(&config)) {
        let message = format!("The image with media type '{}' cannot be scanned.", image.media_type);
        return Err(Error::new(Code::UnsupportedImageType, message));
    }
    let scan = ImageScanRow {
        status: "FAILED".to_owned(),
        description: Some(NO_SCANNER.to_owned()),
        started_at: ctx.at(),
    };
    let Micros(now) = ctx.at();
    let start = |repository| StartImageScan {
        repository,
        image: image.id,
        scan: scan.clone(),
        only_one_after: Micros(now - ONCE_IN.0),
    };
    permit.write(start).await.or_refused(|refusal| match refusal {
        StartImageScanRefusal::Gone => permit.repository_not_found(),
        StartImageScanRefusal::Limit => {
            let message = "The scan quota per image has been exceeded. Wait and try again.";
            Error::new(Code::LimitExceeded, message)
        }
    })?;
    Ok(scan)
}

/// The last scan of an image.
pub(crate) async fn find(
    permit: &Permit<ecr::DescribeImageScanFindings>,
    image: &ImageRow,
) -> Result<Option<ImageScanRow>> {
    permit.read(|repository| FindImageScan { repository, image: image.id }).await
}

/// When the images of a repository are scanned, and the filters that say so.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) frequency: ScanFrequency,
    pub(crate) filters: Vec<ScanningRepositoryFilter>,
}

/// What the configuration of a registry means for a repository. Continuous scanning comes before scanning on push. Rules
/// come before the repository's own setting, which counts in a registry without rules.
pub(crate) fn applied(
    configuration: &RegistryScanningConfiguration,
    name: &str,
    scan_on_push: bool,
) -> Applied {
    let is_enhanced = configuration.scan_type == Some(ScanType::Enhanced);
    if configuration.rules.is_empty() {
        // Enhanced scanning without rules is continuous for every repository.
        let frequency = match (is_enhanced, scan_on_push) {
            (true, _) => ScanFrequency::ContinuousScan,
            (false, true) => ScanFrequency::ScanOnPush,
            (false, false) => ScanFrequency::Manual,
        };
        return Applied { frequency, filters: Vec::new() };
    }
    for frequency in [ScanFrequency::ContinuousScan, ScanFrequency::ScanOnPush] {
        let rule = configuration.rules.iter().find(|rule| rule.scan_frequency == frequency);
        let filters: Vec<_> = rule
            .into_iter()
            .flat_map(|rule| &rule.repository_filters)
            .filter(|filter| matches(&filter.filter, name))
            .cloned()
            .collect();
        if !filters.is_empty() {
            return Applied { frequency, filters };
        }
    }
    Applied { frequency: ScanFrequency::Manual, filters: Vec::new() }
}

/// Whether a filter matches a name (ECR User Guide, "Filters to choose which repositories are scanned"): without `*`, the
/// name contains it; with `*`, it matches the whole name.
fn matches(filter: &str, name: &str) -> bool {
    if filter.contains('*') { Pattern::wildcard(filter).matches(name) } else { name.contains(filter) }
}

#[cfg(test)]
mod tests {
    use aws::ecr::{RegistryScanningRule, ScanningRepositoryFilterType};

    use super::*;

    #[test]
    fn filters_match_as_ecrs_guide_says() {
        let names = ["prod", "repo-prod", "prod-repo", "repo-prod-repo", "prodrepo"];
        for (filter, expected) in [
            ("prod", &names[..]),
            ("*prod", &["prod", "repo-prod"]),
            ("prod*", &["prod", "prod-repo", "prodrepo"]),
            ("*prod*", &names[..]),
            ("prod*repo", &["prod-repo", "prodrepo"]),
        ] {
            let matching: Vec<_> = names.into_iter().filter(|name| matches(filter, name)).collect();
            assert_eq!(matching, expected, "{filter}");
        }
    }

    fn rule(scan_frequency: ScanFrequency, filters: &[&str]) -> RegistryScanningRule {
        RegistryScanningRule {
            scan_frequency,
            repository_filters: filters.iter().map(|text| filter(text)).collect(),
        }
    }

    fn filter(text: &str) -> ScanningRepositoryFilter {
        let filter_type = ScanningRepositoryFilterType::Wildcard;
        ScanningRepositoryFilter { filter: text.to_owned(), filter_type }
    }

    #[test]
    fn continuous_scanning_comes_before_scanning_on_push() {
        let rules = vec![
            rule(ScanFrequency::ScanOnPush, &["*", "team"]),
            rule(ScanFrequency::ContinuousScan, &["prod*"]),
        ];
        let configuration = RegistryScanningConfiguration { scan_type: Some(ScanType::Enhanced), rules };
        let of = |name: &str| applied(&configuration, name, false);
        let continuous = Applied { frequency: ScanFrequency::ContinuousScan, filters: vec![filter("prod*")] };
        assert_eq!(of("prod/app"), continuous);
        let on_push =
            Applied { frequency: ScanFrequency::ScanOnPush, filters: vec![filter("*"), filter("team")] };
        assert_eq!(of("team/app"), on_push);
    }

    #[test]
    fn the_own_setting_counts_without_rules() {
        let none = RegistryScanningConfiguration { scan_type: Some(ScanType::Basic), rules: Vec::new() };
        assert_eq!(applied(&none, "app", true).frequency, ScanFrequency::ScanOnPush);
        assert_eq!(applied(&none, "app", false).frequency, ScanFrequency::Manual);
        let rules = vec![rule(ScanFrequency::ScanOnPush, &["prod"])];
        let others = RegistryScanningConfiguration { rules, ..none };
        assert_eq!(applied(&others, "app", true).frequency, ScanFrequency::Manual);
        let enhanced =
            RegistryScanningConfiguration { scan_type: Some(ScanType::Enhanced), rules: Vec::new() };
        assert_eq!(applied(&enhanced, "app", false).frequency, ScanFrequency::ContinuousScan);
    }
}
