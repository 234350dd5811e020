//! GetRegistryScanningConfiguration, PutRegistryScanningConfiguration and BatchGetRepositoryScanningConfiguration.

use access::context::Ctx;
use access::error::{Code, Result};
use access::op::ecr;
use access::store::Target;
use aws::ecr::{
    BatchGetRepositoryScanningConfigurationRequest, BatchGetRepositoryScanningConfigurationResponse,
    GetRegistryScanningConfigurationRequest, GetRegistryScanningConfigurationResponse,
    PutRegistryScanningConfigurationRequest, PutRegistryScanningConfigurationResponse,
    RepositoryScanningConfiguration, RepositoryScanningConfigurationFailure, ScanFrequency,
    ScanningConfigurationFailureCode,
};
use aws::ids::Region;

use super::repository_of;
use crate::Registry;
use crate::image::scan;
use crate::registry_settings::scanning;

impl Registry {
    /// Shows how the registry has its images scanned.
    pub async fn get_registry_scanning_configuration(
        &self,
        ctx: &Ctx,
        region: &Region,
        _input: GetRegistryScanningConfigurationRequest,
    ) -> Result<GetRegistryScanningConfigurationResponse> {
        let gate = self.access.registry_gate(ctx, &ctx.caller.account_id, region).await?;
        let permit = gate.permit::<ecr::GetRegistryScanningConfiguration>()?;
        let registry = permit.registry().map(|registry| registry.key);
        Ok(GetRegistryScanningConfigurationResponse {
            registry_id: Some(ctx.caller.account_id.to_string()),
            scanning_configuration: Some(scanning::get(&permit, registry).await?),
        })
    }

    /// Says how the registry has its images scanned.
    pub async fn put_registry_scanning_configuration(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: PutRegistryScanningConfigurationRequest,
    ) -> Result<PutRegistryScanningConfigurationResponse> {
        let gate = self.access.registry_gate(ctx, &ctx.caller.account_id, region).await?;
        let permit = gate.permit::<ecr::PutRegistryScanningConfiguration>()?;
        let put = scanning::put(&self.access, ctx, &permit, (input.scan_type, input.rules)).await?;
        Ok(PutRegistryScanningConfigurationResponse { registry_scanning_configuration: Some(put) })
    }

    /// Shows when the images of repositories are scanned. A repository that does not exist is a failure in the answer.
    pub async fn batch_get_repository_scanning_configuration(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: BatchGetRepositoryScanningConfigurationRequest,
    ) -> Result<BatchGetRepositoryScanningConfigurationResponse> {
        let mut response = BatchGetRepositoryScanningConfigurationResponse::default();
        for name in input.repository_names {
            let repository = repository_of(ctx, region, None, &name)?;
            let gate = self.access.gate(ctx, &repository, Target::None).await?;
            let permit = match gate.permit::<ecr::BatchGetRepositoryScanningConfiguration>() {
                Err(error) if error.code == Code::RepositoryNotFound => {
                    response.failures.push(RepositoryScanningConfigurationFailure {
                        repository_name: Some(name),
                        failure_code: Some(ScanningConfigurationFailureCode::RepositoryNotFound),
                        failure_reason: Some(error.message.into_owned()),
                    });
                    continue;
                }
                permit => permit?,
            };
            let configuration = scanning::get(&permit, Some(permit.repository().registry)).await?;
            let applied = scan::applied(&configuration, &permit.row().name, permit.row().scan_on_push);
            response.scanning_configurations.push(RepositoryScanningConfiguration {
                repository_arn: Some(repository.arn()),
                repository_name: Some(name),
                scan_on_push: Some(applied.frequency != ScanFrequency::Manual),
                scan_frequency: Some(applied.frequency),
                applied_scan_filters: applied.filters,
            });
        }
        Ok(response)
    }
}
