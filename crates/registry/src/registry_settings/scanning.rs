//! How a registry has its images scanned (ECR User Guide, "Scan images for software vulnerabilities"). The settings are
//! stored and answered; there is no scanner yet.

use access::Access;
use access::context::Ctx;
use access::error::{Error, Result};
use access::op::ecr;
use access::permit::Permit;
use access::store::{
    GetScanningConfiguration, PutScanningConfiguration, RegistryKey, ScanningConfiguration,
    StoreResultExt as _,
};
use aws::ecr::{RegistryScanningConfiguration, RegistryScanningRule, ScanFrequency, ScanType};

use super::own_registry;
use crate::image::scan::ReadsConfiguration;

/// Writes the configuration.
pub(crate) async fn put(
    access: &Access,
    ctx: &Ctx,
    permit: &Permit<ecr::PutRegistryScanningConfiguration>,
    (scan_type, rules): (Option<ScanType>, Vec<RegistryScanningRule>),
) -> Result<RegistryScanningConfiguration> {
    let scan_type = scan_type.unwrap_or(ScanType::Basic);
    check(scan_type, &rules)?;
    let registry = own_registry(access, ctx, permit).await?;
    let configuration = ScanningConfiguration {
        scan_type: scan_type.as_str().to_owned(),
        rules: serde_json::to_string(&rules).map_err(Error::internal)?,
    };
    permit.write(|_| PutScanningConfiguration { registry, configuration }).await.or_store_error()?;
    Ok(RegistryScanningConfiguration { scan_type: Some(scan_type), rules })
}

/// The configuration, or the default.
pub(crate) async fn get<G: ReadsConfiguration>(
    permit: &Permit<G>,
    registry: Option<RegistryKey>,
) -> Result<RegistryScanningConfiguration> {
    let stored = match registry {
        Some(registry) => permit.read(|_| GetScanningConfiguration { registry }).await?,
        None => None,
    };
    let Some(stored) = stored else {
        return Ok(RegistryScanningConfiguration { scan_type: Some(ScanType::Basic), rules: Vec::new() });
    };
    let rules = serde_json::from_str(&stored.rules).map_err(Error::internal)?;
    Ok(RegistryScanningConfiguration { scan_type: ScanType::parse(&stored.scan_type), rules })
}

/// Basic scanning has one kind of rule, and enhanced scanning has two.
fn check(scan_type: ScanType, rules: &[RegistryScanningRule]) -> Result<()> {
    let allowed: &[ScanFrequency] = match scan_type {
        ScanType::Basic => &[ScanFrequency::ScanOnPush],
        ScanType::Enhanced => &[ScanFrequency::ScanOnPush, ScanFrequency::ContinuousScan],
    };
    for (at, rule) in rules.iter().enumerate() {
        if !allowed.contains(&rule.scan_frequency) {
            let names: Vec<_> = allowed.iter().map(|frequency| frequency.as_str()).collect();
            let message = format!(
                "the scan type {} has rules with the scan frequency {}",
                scan_type.as_str(),
                names.join(" or ")
            );
            return Err(Error::invalid_parameter("rules", &message));
        }
        if rules.iter().take(at).any(|other| other.scan_frequency == rule.scan_frequency) {
            return Err(Error::invalid_parameter("rules", "two rules have the same scan frequency"));
        }
    }
    Ok(())
}
