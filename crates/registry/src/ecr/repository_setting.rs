//! PutImageTagMutability and PutImageScanningConfiguration.

use access::context::Ctx;
use access::error::Result;
use access::op::ecr;
use access::store::{Mutability, Target};
use aws::ecr::{
    ImageTagMutability, ImageTagMutabilityExclusionFilter, ImageTagMutabilityExclusionFilterType,
    PutImageScanningConfigurationRequest, PutImageScanningConfigurationResponse,
    PutImageTagMutabilityRequest, PutImageTagMutabilityResponse,
};
use aws::ids::Region;

use super::repository_of;
use crate::Registry;
use crate::repository::{scanning, tag_mutability};

impl Registry {
    /// Sets whether tags can be moved.
    pub async fn put_image_tag_mutability(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: PutImageTagMutabilityRequest,
    ) -> Result<PutImageTagMutabilityResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit::<ecr::PutImageTagMutability>()?;
        let filters = filters(input.image_tag_mutability_exclusion_filters);
        let row = tag_mutability::put(&permit, mutability(input.image_tag_mutability), filters).await?;
        let shape = self.repository(&repository.account_id, region, row);
        Ok(PutImageTagMutabilityResponse {
            registry_id: shape.registry_id,
            repository_name: shape.repository_name,
            image_tag_mutability: shape.image_tag_mutability,
            image_tag_mutability_exclusion_filters: shape.image_tag_mutability_exclusion_filters,
        })
    }

    /// Sets whether images are scanned when they are pushed. There is no scanner: the setting is only stored and shown.
    pub async fn put_image_scanning_configuration(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: PutImageScanningConfigurationRequest,
    ) -> Result<PutImageScanningConfigurationResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit::<ecr::PutImageScanningConfiguration>()?;
        let scan_on_push = input.image_scanning_configuration.scan_on_push;
        let row = scanning::put(&permit, scan_on_push).await?;
        let shape = self.repository(&repository.account_id, region, row);
        Ok(PutImageScanningConfigurationResponse {
            registry_id: shape.registry_id,
            repository_name: shape.repository_name,
            image_scanning_configuration: shape.image_scanning_configuration,
        })
    }
}

pub(super) fn mutability(shape: ImageTagMutability) -> Mutability {
    match shape {
        ImageTagMutability::Mutable => Mutability::Mutable,
        ImageTagMutability::Immutable => Mutability::Immutable,
        ImageTagMutability::MutableWithExclusion => Mutability::MutableWithExclusion,
        ImageTagMutability::ImmutableWithExclusion => Mutability::ImmutableWithExclusion,
    }
}

pub(super) fn filters(shape: Vec<ImageTagMutabilityExclusionFilter>) -> Vec<String> {
    shape.into_iter().map(|filter| filter.filter).collect()
}

pub(super) fn mutability_shape(mutability: Mutability) -> ImageTagMutability {
    match mutability {
        Mutability::Mutable => ImageTagMutability::Mutable,
        Mutability::Immutable => ImageTagMutability::Immutable,
        Mutability::MutableWithExclusion => ImageTagMutability::MutableWithExclusion,
        Mutability::ImmutableWithExclusion => ImageTagMutability::ImmutableWithExclusion,
    }
}

pub(super) fn exclusion_filters(filters: Vec<String>) -> Vec<ImageTagMutabilityExclusionFilter> {
    let shape = |filter| ImageTagMutabilityExclusionFilter {
        filter_type: ImageTagMutabilityExclusionFilterType::Wildcard,
        filter,
    };
    filters.into_iter().map(shape).collect()
}
