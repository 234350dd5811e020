//! The digests of images in a list of pods, as `kubectl get pods -o json` prints it.

use std::collections::BTreeSet;

use anyhow::{Context as _, bail};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    items: Option<Vec<Pod>>,
    kind: Option<String>,
    #[serde(flatten)]
    pod: Pod,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Pod {
    spec: Spec,
    status: Status,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    containers: Vec<Container>,
    init_containers: Vec<Container>,
    ephemeral_containers: Vec<Container>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Container {
    image: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    #[serde(rename = "containerStatuses")]
    containers: Vec<ContainerStatus>,
    #[serde(rename = "initContainerStatuses")]
    init: Vec<ContainerStatus>,
    #[serde(rename = "ephemeralContainerStatuses")]
    ephemeral: Vec<ContainerStatus>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ContainerStatus {
    #[serde(rename = "imageID")]
    image_id: String,
}

/// The digest of `docker-pullable://HOST/NAME@DIGEST` or `HOST/NAME@DIGEST`. The ID of an image without a name is the digest
/// of its config, not of its manifest.
fn digest(reference: &str) -> Option<&str> {
    reference.rsplit_once('@').map(|(_, digest)| digest).filter(|digest| digest.contains(':'))
}

impl Pod {
    fn references(&self) -> impl Iterator<Item = &str> {
        let spec = [&self.spec.containers, &self.spec.init_containers, &self.spec.ephemeral_containers];
        let Status { containers, init, ephemeral } = &self.status;
        let statuses = [containers, init, ephemeral];
        let named = spec.into_iter().flatten().map(|container| container.image.as_str());
        named.chain(statuses.into_iter().flatten().map(|container| container.image_id.as_str()))
    }
}

/// The digests that the pods use. A document that is no list of pods is an error: an empty report would end the protection.
pub(super) fn digests_of_pods(json: &[u8]) -> anyhow::Result<BTreeSet<String>> {
    let document: Document = serde_json::from_slice(json)
        .context("standard input is not a list of pods: kubectl get pods -A -o json")?;
    let pods = match (document.items, document.kind.as_deref()) {
        (Some(items), _) => items,
        (None, Some("Pod")) => vec![document.pod],
        (None, _) => bail!("standard input has no pods: kubectl get pods -A -o json"),
    };
    Ok(pods.iter().flat_map(Pod::references).filter_map(digest).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_come_from_each_kind_of_container() {
        let pods = r#"{"kind":"List","items":[
            {"spec":{"containers":[{"image":"r/spec@sha256:a1"},{"image":"r/app:v1"}],
                "initContainers":[{"image":"r/init@sha256:a2"}]},
             "status":{"phase":"Running",
                "containerStatuses":[{"imageID":"docker-pullable://r/app@sha256:a3","ready":true}],
                "initContainerStatuses":[{"imageID":"localhost:5000/r/app@sha256:a4"}],
                "ephemeralContainerStatuses":[{"imageID":"sha256:b1"},{"imageID":""},{"imageID":"r/app@sha256:a1"}]}},
            {"spec":{"containers":[{"image":"r/app"}]},"status":{"phase":"Pending"}}]}"#;
        let digests: Vec<String> = digests_of_pods(pods.as_bytes()).unwrap().into_iter().collect();
        assert_eq!(digests, ["sha256:a1", "sha256:a2", "sha256:a3", "sha256:a4"]);
        let pod = r#"{"kind":"Pod","spec":{"containers":[{"image":"r/a@sha256:c1"}]}}"#;
        assert_eq!(digests_of_pods(pod.as_bytes()).unwrap().len(), 1);
        assert!(digests_of_pods(br#"{"kind":"List","items":[]}"#).unwrap().is_empty());
    }

    #[test]
    fn what_is_no_list_of_pods_is_refused() {
        for text in ["", "{}", "[]", r#"{"kind":"Node"}"#, r#"{"items":{}}"#] {
            assert!(digests_of_pods(text.as_bytes()).is_err(), "{text}");
        }
    }
}
