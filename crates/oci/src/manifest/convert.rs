//! The same image in the other format: Docker schema 2 as an OCI image, and an OCI image as Docker schema 2. The blobs are
//! the same; only media types differ. Artifacts, indexes and images with other layers have no other format.

use serde_json::Value;

use crate::media_type::{
    DOCKER_FOREIGN_LAYER_GZIP, DOCKER_MANIFEST_V2 as DOCKER, OCI_IMAGE_CONFIG, OCI_IMAGE_MANIFEST as OCI,
    OCI_LAYER_NONDISTRIBUTABLE_GZIP,
};

/// The types of configs and layers, in Docker's format and in OCI's.
const CONFIGS: &[(&str, &str)] = &[("application/vnd.docker.container.image.v1+json", OCI_IMAGE_CONFIG)];
const LAYERS: &[(&str, &str)] = &[
    ("application/vnd.docker.image.rootfs.diff.tar.gzip", "application/vnd.oci.image.layer.v1.tar+gzip"),
    ("application/vnd.docker.image.rootfs.diff.tar", "application/vnd.oci.image.layer.v1.tar"),
    (DOCKER_FOREIGN_LAYER_GZIP, OCI_LAYER_NONDISTRIBUTABLE_GZIP),
];
/// Members of an OCI image that Docker's format does not have. The first two are what an artifact has.
const OCI_ONLY: [&str; 3] = ["subject", "artifactType", "annotations"];

/// A manifest in the other format. It has its own digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Converted {
    /// Its media type.
    pub media_type: &'static str,
    /// Its bytes: the same for the same manifest.
    pub body: Vec<u8>,
}

/// The media type of the same image in the other format.
pub fn other_format(media_type: &str) -> Option<&'static str> {
    match media_type {
        DOCKER => Some(OCI),
        OCI => Some(DOCKER),
        _ => None,
    }
}

/// The manifest of an image in the other format, if it has one.
pub fn to_other_format(media_type: &str, body: &[u8]) -> Option<Converted> {
    let wanted = other_format(media_type)?;
    let to_docker = wanted == DOCKER;
    let mut manifest: Value = serde_json::from_slice(body).ok()?;
    let members = manifest.as_object_mut()?;
    if to_docker {
        if OCI_ONLY.iter().take(2).any(|name| members.contains_key(*name)) {
            return None;
        }
        members.retain(|name, _| !OCI_ONLY.contains(&name.as_str()));
    }
    members.insert("mediaType".to_owned(), wanted.into());
    change_type(members.get_mut("config")?, CONFIGS, to_docker)?;
    for layer in members.get_mut("layers")?.as_array_mut()? {
        change_type(layer, LAYERS, to_docker)?;
    }
    Some(Converted { media_type: wanted, body: serde_json::to_vec(&manifest).ok()? })
}

/// Replaces the media type of a descriptor; none if it has no other format.
fn change_type(descriptor: &mut Value, types: &[(&str, &'static str)], to_docker: bool) -> Option<()> {
    let members = descriptor.as_object_mut()?;
    let given = members.get("mediaType")?.as_str()?;
    let other = types.iter().find_map(|(docker, oci)| {
        let (from, to) = if to_docker { (oci, docker) } else { (docker, oci) };
        (given == *from).then_some(*to)
    })?;
    members.insert("mediaType".to_owned(), other.into());
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Manifest;

    fn digest(of: char) -> String {
        format!("sha256:{}", of.to_string().repeat(64))
    }

    fn manifest(media_type: &str, config: &str, layer: &str, more: &str) -> String {
        let (one, two) = (digest('1'), digest('2'));
        format!(
            r#"{{"schemaVersion":2,"mediaType":"{media_type}","config":{{"mediaType":"{config}","digest":"{one}","size":7}},"layers":[{{"mediaType":"{layer}","digest":"{two}","size":9}}]{more}}}"#
        )
    }

    #[test]
    fn both_formats_have_the_same_blobs() {
        for (docker_layer, oci_layer) in LAYERS {
            let (docker_config, oci_config) = CONFIGS[0];
            let docker = manifest(DOCKER, docker_config, docker_layer, "");
            let oci = manifest(OCI, oci_config, oci_layer, "");
            for (from, media_type, to) in [(&docker, DOCKER, &oci), (&oci, OCI, &docker)] {
                let converted = to_other_format(media_type, from.as_bytes()).unwrap();
                let found: Value = serde_json::from_slice(&converted.body).unwrap();
                assert_eq!(found, serde_json::from_str::<Value>(to).unwrap());
                let parsed = Manifest::parse(&converted.body, Some(converted.media_type)).unwrap();
                assert_eq!(parsed.layers[0].digest.to_string(), digest('2'));
                assert_eq!(to_other_format(media_type, from.as_bytes()), Some(converted), "always the same");
            }
        }
    }

    #[test]
    fn what_only_one_format_has_is_not_converted() {
        let (_, config) = CONFIGS[0];
        let (_, layer) = LAYERS[0];
        let subject = format!(r#","subject":{{"mediaType":"{OCI}","digest":"{}","size":1}}"#, digest('3'));
        for (body, why) in [
            (manifest(OCI, "application/vnd.cncf.helm.config.v1+json", layer, ""), "another config"),
            (manifest(OCI, config, "application/vnd.oci.image.layer.v1.tar+zstd", ""), "another layer"),
            (manifest(OCI, config, layer, &subject), "a referrer"),
            (manifest(OCI, config, layer, r#","artifactType":"a/b""#), "an artifact"),
            ("{".to_owned(), "not JSON"),
        ] {
            assert_eq!(to_other_format(OCI, body.as_bytes()), None, "{why}");
        }
        let index = r#"{"schemaVersion":2,"manifests":[]}"#;
        assert_eq!(to_other_format("application/vnd.oci.image.index.v1+json", index.as_bytes()), None);
        let annotated = manifest(OCI, config, layer, r#","annotations":{"a":"b"}"#);
        let converted = to_other_format(OCI, annotated.as_bytes()).unwrap();
        assert!(!String::from_utf8(converted.body).unwrap().contains("annotations"));
    }
}
