//! UpdateImageStorageClass.

use access::context::Ctx;
use access::error::{Code, Error, Result};
use access::op::ecr;
use access::store::{StorageClassRefusal, Target};
use aws::ecr::{
    ImageIdentifier, TargetStorageClass, UpdateImageStorageClassRequest, UpdateImageStorageClassResponse,
};
use aws::ids::Region;

use super::image::image_ref;
use super::image_list::{image_not_found, image_status};
use super::repository_of;
use crate::Registry;
use crate::image::protection::protected;
use crate::image::storage_class;

impl Registry {
    /// Moves an image to the archive, or restores it.
    pub async fn update_image_storage_class(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: UpdateImageStorageClassRequest,
    ) -> Result<UpdateImageStorageClassResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit::<ecr::UpdateImageStorageClass>()?;
        let image = image_ref(&input.image_id)
            .map_err(|failure| Error::invalid_parameter("imageId", &failure.failure_reason))?;
        let to_archive = input.target_storage_class == TargetStorageClass::Archive;
        let activation = self.access.settings.limits.activation;
        let update = storage_class::update(ctx, &permit, image, (to_archive, activation)).await?;
        let update = update.map_err(|refusal| match refusal {
            StorageClassRefusal::RepositoryGone => permit.repository_not_found(),
            StorageClassRefusal::NotFound => image_not_found(&input.image_id, &repository),
            StorageClassRefusal::NotSupported => Error::new(
                Code::ImageStorageClassUpdateNotSupported,
                "The storage class of the image cannot be updated: an active index lists it, or it is being restored",
            ),
            StorageClassRefusal::Protected(by) => {
                Error::new(Code::ImageStorageClassUpdateNotSupported, protected(&by).message)
            }
        })?;
        Ok(UpdateImageStorageClassResponse {
            registry_id: repository.account_id.to_string(),
            repository_name: repository.name.to_string(),
            image_id: ImageIdentifier {
                image_digest: Some(update.digest.to_string()),
                image_tag: input.image_id.image_tag,
            },
            image_status: image_status(update.state),
        })
    }
}
