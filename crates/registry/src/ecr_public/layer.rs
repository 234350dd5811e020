//! BatchCheckLayerAvailability, InitiateLayerUpload, UploadLayerPart and CompleteLayerUpload.

use access::context::Ctx;
use access::error::Result;
use aws::ecr;
use aws::ecr_public::{
    BatchCheckLayerAvailabilityRequest, BatchCheckLayerAvailabilityResponse, CompleteLayerUploadRequest,
    CompleteLayerUploadResponse, InitiateLayerUploadRequest, InitiateLayerUploadResponse, Layer,
    LayerAvailability, LayerFailure, LayerFailureCode, UploadLayerPartRequest, UploadLayerPartResponse,
};
use aws::ids::Region;

use crate::Registry;

impl Registry {
    /// Which layers need not be pushed.
    pub async fn batch_check_public_layer_availability(
        &self,
        ctx: &Ctx,
        public: &Region,
        input: BatchCheckLayerAvailabilityRequest,
    ) -> Result<BatchCheckLayerAvailabilityResponse> {
        let asked = ecr::BatchCheckLayerAvailabilityRequest {
            registry_id: self.registry_id(input.registry_id).await?,
            repository_name: input.repository_name,
            layer_digests: input.layer_digests,
        };
        let found = self.batch_check_layer_availability(ctx, public, asked).await?;
        let layer = |layer: ecr::Layer| Layer {
            layer_digest: Some(layer.layer_digest),
            layer_availability: LayerAvailability::parse(layer.layer_availability.as_str()),
            layer_size: layer.layer_size,
            media_type: layer.media_type,
        };
        let failure = |failure: ecr::LayerFailure| LayerFailure {
            layer_digest: Some(failure.layer_digest),
            failure_code: LayerFailureCode::parse(failure.failure_code.as_str()),
            failure_reason: Some(failure.failure_reason),
        };
        Ok(BatchCheckLayerAvailabilityResponse {
            layers: found.layers.into_iter().map(layer).collect(),
            failures: found.failures.into_iter().map(failure).collect(),
        })
    }

    /// Opens an upload session.
    pub async fn initiate_public_layer_upload(
        &self,
        ctx: &Ctx,
        public: &Region,
        input: InitiateLayerUploadRequest,
    ) -> Result<InitiateLayerUploadResponse> {
        let asked = ecr::InitiateLayerUploadRequest {
            registry_id: self.registry_id(input.registry_id).await?,
            repository_name: input.repository_name,
        };
        let opened = self.initiate_layer_upload(ctx, public, asked).await?;
        Ok(InitiateLayerUploadResponse {
            upload_id: Some(opened.upload_id),
            part_size: Some(opened.part_size),
        })
    }

    /// Appends a part.
    pub async fn upload_public_layer_part(
        &self,
        ctx: &Ctx,
        public: &Region,
        input: UploadLayerPartRequest,
    ) -> Result<UploadLayerPartResponse> {
        let asked = ecr::UploadLayerPartRequest {
            registry_id: self.registry_id(input.registry_id).await?,
            repository_name: input.repository_name,
            upload_id: input.upload_id,
            part_first_byte: input.part_first_byte,
            part_last_byte: input.part_last_byte,
            layer_part_blob: input.layer_part_blob,
        };
        let answer = self.upload_layer_part(ctx, public, asked).await?;
        Ok(UploadLayerPartResponse {
            registry_id: Some(answer.registry_id),
            repository_name: Some(answer.repository_name),
            upload_id: Some(answer.upload_id),
            last_byte_received: Some(answer.last_byte_received),
        })
    }

    /// Ends the session with a layer.
    pub async fn complete_public_layer_upload(
        &self,
        ctx: &Ctx,
        public: &Region,
        input: CompleteLayerUploadRequest,
    ) -> Result<CompleteLayerUploadResponse> {
        let asked = ecr::CompleteLayerUploadRequest {
            registry_id: self.registry_id(input.registry_id).await?,
            repository_name: input.repository_name,
            upload_id: input.upload_id,
            layer_digests: input.layer_digests,
        };
        let answer = self.complete_layer_upload(ctx, public, asked).await?;
        Ok(CompleteLayerUploadResponse {
            registry_id: Some(answer.registry_id),
            repository_name: Some(answer.repository_name),
            upload_id: Some(answer.upload_id),
            layer_digest: Some(answer.layer_digest),
        })
    }
}
