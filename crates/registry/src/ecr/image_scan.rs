//! StartImageScan and DescribeImageScanFindings. A scan has its status from the first call on.

use access::context::{Ctx, RepositoryRef};
use access::error::{Code, Error, Result};
use access::op::ecr;
use access::permit::{OnRepository, Opens, Permit};
use access::store::{FindImages, FoundImage, ImageRow, ImageScanRow, Target};
use aws::ecr::{
    DescribeImageScanFindingsRequest, DescribeImageScanFindingsResponse, ImageIdentifier, ImageScanStatus,
    ScanStatus, StartImageScanRequest, StartImageScanResponse,
};
use aws::ids::Region;

use super::image::image_ref;
use super::image_list::image_not_found;
use super::repository_of;
use crate::Registry;
use crate::image::{describe, scan};
use crate::registry_settings::scanning;

impl Registry {
    /// Starts a scan of an image.
    pub async fn start_image_scan(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: StartImageScanRequest,
    ) -> Result<StartImageScanResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit::<ecr::StartImageScan>()?;
        let image = named(&permit, &repository, &input.image_id).await?;
        let configuration = scanning::get(&permit, Some(permit.repository().registry)).await?;
        let scan = scan::start(ctx, &permit, &image, configuration.scan_type).await?;
        Ok(StartImageScanResponse {
            registry_id: Some(repository.account_id.to_string()),
            repository_name: Some(repository.name.to_string()),
            image_id: Some(image_id(&image, input.image_id)),
            image_scan_status: status(scan),
        })
    }

    /// The status of the last scan of an image. There are no findings yet.
    pub async fn describe_image_scan_findings(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: DescribeImageScanFindingsRequest,
    ) -> Result<DescribeImageScanFindingsResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit::<ecr::DescribeImageScanFindings>()?;
        let image = named(&permit, &repository, &input.image_id).await?;
        let Some(scan) = scan::find(&permit, &image).await? else {
            return Err(scan_not_found(&repository, &input.image_id));
        };
        Ok(DescribeImageScanFindingsResponse {
            registry_id: repository.account_id.to_string(),
            repository_name: repository.name.to_string(),
            image_id: image_id(&image, input.image_id),
            image_scan_status: status(scan),
            ..DescribeImageScanFindingsResponse::default()
        })
    }
}

/// The image that a request names.
pub(super) async fn named<G>(
    permit: &Permit<G>,
    repository: &RepositoryRef,
    id: &ImageIdentifier,
) -> Result<ImageRow>
where
    G: Opens<FindImages, On = OnRepository>,
{
    let reference =
        image_ref(id).map_err(|failure| Error::invalid_parameter("imageId", &failure.failure_reason))?;
    match describe::named(permit, vec![reference]).await?.pop() {
        Some(FoundImage::Found(found)) => Ok(found.image),
        _ => Err(image_not_found(id, repository)),
    }
}

pub(super) fn image_id(image: &ImageRow, asked: ImageIdentifier) -> ImageIdentifier {
    ImageIdentifier { image_digest: Some(image.digest.to_string()), ..asked }
}

fn status(scan: ImageScanRow) -> Option<ImageScanStatus> {
    let status = ScanStatus::parse(&scan.status)?;
    Some(ImageScanStatus { status, description: scan.description })
}

fn scan_not_found(repository: &RepositoryRef, id: &ImageIdentifier) -> Error {
    let (name, account) = (&repository.name, &repository.account_id);
    // The image as named in the request.
    let digest = id.image_digest.as_deref().unwrap_or("null");
    let tag = id.image_tag.as_deref().unwrap_or("null");
    let message = format!(
        "Image scan does not exist for the image with '{{imageDigest:'{digest}', imageTag:'{tag}'}}' in the repository \
         with name '{name}' in the registry with id '{account}'"
    );
    Error::new(Code::ScanNotFound, message)
}
