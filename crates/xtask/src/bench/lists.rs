//! The content of the lists: a repository with a page of tagged images, and referrers of the image.

use anyhow::Result;
use serde_json::json;

use super::content::{self, Blob, KIB, MANIFEST_TYPE, REPOSITORY, Shelf};
use super::load;
use super::side::{Kind, Side};

/// A repository with a page of images.
pub(crate) const MANY: &str = "bench/many";
/// The number of its images.
pub(crate) const PAGE: usize = 100;
/// The number of the image's referrers, on Wharf only: the other registries do not have the API.
const REFERRERS: usize = 5;

/// Pushes the images.
pub(crate) fn fill(side: &Side, shelf: &Shelf) -> Result<()> {
    if side.kind != Kind::Registry {
        return Ok(());
    }
    let config = Blob::random(KIB)?;
    for repository in [MANY, REPOSITORY] {
        load::push_to(&mut side.connect()?, side, repository, &config)?;
    }
    for number in 0..PAGE {
        content::put_to(side, &format!("/v2/{MANY}/manifests/v{number}"), &image(&config, number, None)?)?;
    }
    if side.is_ecr() {
        for number in 0..REFERRERS {
            let referrer = Blob::of(image(&config, number, Some(shelf))?);
            let path = format!("/v2/{REPOSITORY}/manifests/{}", referrer.digest);
            content::put_to(side, &path, &referrer.bytes)?;
        }
    }
    Ok(())
}

/// The path of a page of tags.
pub(crate) fn tags_path() -> String {
    format!("/v2/{MANY}/tags/list?n={PAGE}")
}

/// The path of the image's referrers.
pub(crate) fn referrers_path(shelf: &Shelf) -> String {
    format!("/v2/{REPOSITORY}/referrers/{}", shelf.manifest())
}

/// An image without layers, different for each number; with a shelf, it refers to the shelf's image.
fn image(config: &Blob, number: usize, subject: Option<&Shelf>) -> Result<Vec<u8>> {
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config.digest, "size": KIB,
        },
        "layers": [],
        "annotations": { "number": number.to_string() },
    });
    if let (Some(shelf), Some(members)) = (subject, manifest.as_object_mut()) {
        let (digest, size) = (shelf.manifest(), shelf.manifest_length());
        let subject = json!({ "mediaType": MANIFEST_TYPE, "digest": digest, "size": size });
        members.insert("subject".to_owned(), subject);
    }
    Ok(serde_json::to_vec(&manifest)?)
}
