//! BatchCheckLayerAvailability and GetDownloadUrlForLayer.

use access::context::Ctx;
use access::error::{Code, Error, Result};
use access::op::ecr;
use access::store::Target;
use aws::ecr::{
    BatchCheckLayerAvailabilityRequest, BatchCheckLayerAvailabilityResponse, GetDownloadUrlForLayerRequest,
    GetDownloadUrlForLayerResponse, Layer, LayerAvailability, LayerFailure, LayerFailureCode,
};
use aws::ids::Region;
use oci::digest::Digest;

use super::repository_of;
use crate::Registry;
use crate::layer::availability;

/// The media type of a layer that no manifest has: it was pushed, and its image was not yet.
const LAYER_MEDIA_TYPE: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

impl Registry {
    /// Which layers need not be pushed. "Available" renews the grace of an unreferenced layer.
    pub async fn batch_check_layer_availability(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: BatchCheckLayerAvailabilityRequest,
    ) -> Result<BatchCheckLayerAvailabilityResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit::<ecr::BatchCheckLayerAvailability>()?;
        let mut response = BatchCheckLayerAvailabilityResponse::default();
        let mut digests = Vec::new();
        for text in input.layer_digests {
            match text.parse::<Digest>() {
                Ok(digest) => digests.push(digest),
                Err(_) => response.failures.push(LayerFailure {
                    failure_reason: format!("Invalid layer digest '{text}'"),
                    layer_digest: text,
                    failure_code: LayerFailureCode::InvalidLayerDigest,
                }),
            }
        }
        let found =
            availability::check(ctx, &self.access.settings.limits.collection, &permit, digests).await?;
        let there = found.iter().filter(|(_, blob)| blob.is_some()).map(|(digest, _)| *digest).collect();
        let types = self.media_types_of_layers(ctx, &permit, there).await?;
        response.layers = found
            .into_iter()
            .map(|(digest, blob)| Layer {
                layer_digest: digest.to_string(),
                layer_availability: match &blob {
                    Some(row) if row.is_archived => LayerAvailability::Archived,
                    Some(_) => LayerAvailability::Available,
                    None => LayerAvailability::Unavailable,
                },
                layer_size: blob.as_ref().map(|blob| blob.size),
                media_type: blob
                    .map(|_| types.get(&digest).cloned().unwrap_or_else(|| LAYER_MEDIA_TYPE.to_owned())),
            })
            .collect();
        Ok(response)
    }

    /// A URL with which an HTTP client can download a layer until it expires.
    pub async fn get_download_url_for_layer(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: GetDownloadUrlForLayerRequest,
    ) -> Result<GetDownloadUrlForLayerResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let digest: Digest = input.layer_digest.parse().map_err(|_| {
            Error::invalid_parameter(
                "layerDigest",
                "must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
            )
        })?;
        let gate = self.access.gate(ctx, &repository, Target::Blob(digest)).await?;
        let permit = gate.permit::<ecr::GetDownloadUrlForLayer>()?;
        if permit.blob().is_none_or(|row| row.is_archived) {
            return Err(Error::new(
                Code::LayersNotFound,
                format!(
                    "The layer with digest '{digest}' does not exist in the repository with name '{}' in the registry with id '{}'",
                    repository.name, repository.account_id
                ),
            ));
        }
        let download_url = self.download_url(ctx, &repository, &permit, &digest).await?;
        Ok(GetDownloadUrlForLayerResponse { download_url, layer_digest: digest.to_string() })
    }
}
