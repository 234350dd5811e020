//! The media types of layers and configs, which only manifests contain.

use std::collections::{BTreeMap, HashMap};

use access::context::Ctx;
use access::error::Result;
use access::op::ecr;
use access::permit::Permit;
use access::store::{FindLayerImages, LayerImage};
use oci::digest::Digest;
use oci::manifest::Manifest;

use crate::Registry;

/// The maximum bytes of manifests that are read for one answer.
const MAX_READ_BYTES: u64 = 8 << 20;
/// The memory for each of these bytes: the manifest and the values parsed from it.
const TIMES: u64 = 4;

impl Registry {
    /// The media types of layers, as the newest images with them say. A layer without an image has none.
    pub(crate) async fn media_types_of_layers(
        &self,
        ctx: &Ctx,
        permit: &Permit<ecr::BatchCheckLayerAvailability>,
        digests: Vec<Digest>,
    ) -> Result<HashMap<Digest, String>> {
        let find = |repository| FindLayerImages { repository, digests, upstream: None };
        let found = permit.read(find).await?;
        let wanted: Vec<Digest> = found.iter().map(|found| found.layer).collect();
        // The newest image first. Images mostly share their layers' image.
        let images: BTreeMap<i64, LayerImage> =
            found.into_iter().map(|found| (-found.image.0, found)).collect();
        let (mut types, mut room) = (HashMap::new(), MAX_READ_BYTES);
        for LayerImage { image, manifest, manifest_size, .. } in images.into_values() {
            let Some(left) = room.checked_sub(manifest_size) else { break };
            room = left;
            ctx.hold(manifest_size * TIMES).await?;
            let body = self.manifest_bytes(permit, (image, &manifest)).await?;
            let Ok(manifest) = Manifest::parse(&body, None) else { continue };
            for descriptor in manifest.config.into_iter().chain(manifest.layers) {
                if let Some(media_type) = descriptor.media_type
                    && wanted.contains(&descriptor.digest)
                {
                    types.entry(descriptor.digest).or_insert(media_type);
                }
            }
        }
        Ok(types)
    }
}
