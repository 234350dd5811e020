//! InitiateLayerUpload, UploadLayerPart and CompleteLayerUpload. They use the same sessions as the data plane.

use access::context::{Ctx, RepositoryRef};
use access::error::{Code, Error, Field, Result};
use access::op::ecr;
use access::store::Target;
use aws::ecr::{
    CompleteLayerUploadRequest, CompleteLayerUploadResponse, InitiateLayerUploadRequest,
    InitiateLayerUploadResponse, UploadLayerPartRequest, UploadLayerPartResponse,
};
use aws::ids::Region;
use oci::digest::{Algorithm, Digest};

use super::repository_of;
use crate::Registry;
use crate::layer::append::DecidedBy;
use crate::layer::availability;
use crate::layer::permits::{Complete, Part};
use crate::layer::upload::{Incoming, create_upload};

impl Registry {
    /// Opens an upload session and returns the recommended part size.
    pub async fn initiate_layer_upload(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: InitiateLayerUploadRequest,
    ) -> Result<InitiateLayerUploadResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit::<ecr::InitiateLayerUpload>()?;
        let row = create_upload(ctx, &permit, Algorithm::Sha256).await?;
        Ok(InitiateLayerUploadResponse {
            upload_id: row.id,
            part_size: self.access.settings.limits.upload_part_bytes,
        })
    }

    /// Appends a part. Parts arrive in order, without gaps or overlaps. The minimum size of all parts except the last
    /// is checked when the upload is completed.
    pub async fn upload_layer_part(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: UploadLayerPartRequest,
    ) -> Result<UploadLayerPartResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let upload = self.take_upload::<Part>(ctx, &repository, &input.upload_id).await?;
        let length = input.layer_part_blob.len() as u64;
        let span =
            input.part_last_byte.checked_sub(input.part_first_byte).and_then(|span| span.checked_add(1));
        if input.part_first_byte != upload.row.offset || span != Some(length) {
            return Err(invalid_part(&repository, &input.upload_id, upload.row.offset));
        }
        let upload =
            self.append(upload, Incoming::buffered(input.layer_part_blob.into()), DecidedBy::Permit).await?;
        Ok(UploadLayerPartResponse {
            registry_id: repository.account_id.to_string(),
            repository_name: repository.name.to_string(),
            upload_id: input.upload_id,
            last_byte_received: upload.row.offset.saturating_sub(1),
        })
    }

    /// Ends the session with a layer, if one of the digests matches its bytes.
    pub async fn complete_layer_upload(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: CompleteLayerUploadRequest,
    ) -> Result<CompleteLayerUploadResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let upload = self.take_upload::<Complete>(ctx, &repository, &input.upload_id).await?;
        let digests: Vec<Digest> =
            input.layer_digests.iter().filter_map(|digest| digest.parse().ok()).collect();
        if upload.row.part_count == 0 {
            return Err(Error::new(
                Code::EmptyUpload,
                format!(
                    "The upload with id '{}' in the repository with name '{}' in registry with id '{}' cannot be completed because it does not have any parts",
                    input.upload_id, repository.name, repository.account_id
                ),
            ));
        }
        if upload.row.has_small_part {
            return Err(part_too_small());
        }
        let collection = &self.access.settings.limits.collection;
        if let Some(digest) =
            availability::first_of(ctx, collection, &upload.permits, digests.clone()).await?
        {
            return Err(Error::new(
                Code::LayerAlreadyExists,
                format!(
                    "Layer with digest '{digest}' already exists in the repository with name '{}' in the registry with id '{}'",
                    repository.name, repository.account_id
                ),
            ));
        }
        let digest = self.complete(&upload, &digests).await?;
        Ok(CompleteLayerUploadResponse {
            registry_id: repository.account_id.to_string(),
            repository_name: repository.name.to_string(),
            upload_id: input.upload_id,
            layer_digest: digest.to_string(),
        })
    }
}

fn invalid_part(repository: &RepositoryRef, upload_id: &str, offset: u64) -> Error {
    let message = format!(
        "Invalid layer part upload for upload with id '{upload_id}' in the repository with name '{}' in the registry with id '{}'",
        repository.name, repository.account_id
    );
    let last_valid = i64::try_from(offset).unwrap_or(i64::MAX) - 1;
    Error::new(Code::InvalidLayerPart, message)
        .with(Field::Text("registryId", repository.account_id.to_string()))
        .with(Field::Text("repositoryName", repository.name.to_string()))
        .with(Field::Text("uploadId", upload_id.to_owned()))
        .with(Field::Number("lastValidByteReceived", last_valid))
}

fn part_too_small() -> Error {
    Error::new(Code::LayerPartTooSmall, "All layer parts except the last part should be at least 5MB")
}
