//! DescribeImageScanFindings: authorizes the caller and finds the image, as ECR does. There are no scans yet, and the
//! answer says so.

use access::context::Ctx;
use access::error::{Code, Error, Result};
use access::op::ecr;
use access::store::{FoundImage, Target};
use aws::ecr::{DescribeImageScanFindingsRequest, DescribeImageScanFindingsResponse};
use aws::ids::Region;

use super::image::image_ref;
use super::image_list::image_not_found;
use super::repository_of;
use crate::Registry;
use crate::image::describe;

impl Registry {
    /// The findings of a scan: there are none.
    pub async fn describe_image_scan_findings(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: DescribeImageScanFindingsRequest,
    ) -> Result<DescribeImageScanFindingsResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit::<ecr::DescribeImageScanFindings>()?;
        let id = image_ref(&input.image_id)
            .map_err(|failure| Error::invalid_parameter("imageId", &failure.failure_reason))?;
        let found = describe::named(&permit, vec![id]).await?.pop();
        let Some(FoundImage::Found(_)) = found else {
            return Err(image_not_found(&input.image_id, &repository));
        };
        let (name, account) = (&repository.name, &repository.account_id);
        // The image as named in the request.
        let digest = input.image_id.image_digest.as_deref().unwrap_or("null");
        let tag = input.image_id.image_tag.as_deref().unwrap_or("null");
        let message = format!(
            "Image scan does not exist for the image with '{{imageDigest:'{digest}', imageTag:'{tag}'}}' in the repository \
             with name '{name}' in the registry with id '{account}'"
        );
        Err(Error::new(Code::ScanNotFound, message))
    }
}
