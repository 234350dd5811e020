//! Uploads in requests: they belong to the caller that started them, so each caller starts its own.
//!
//! In a request, `{upload}` is an upload without bytes, and `{filled}` one with `{bytes}`, whose digest is `{digest}`.
//! `{public}` and `{public-filled}` are the same in the public repository `team/target`.

use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};

use super::stage::Stage;
use super::table::ACCOUNT;
use super::wire::{Ask, Identity, data, data_with, ecr_public};
use crate::image::sha256;

static COUNT: AtomicUsize = AtomicUsize::new(0);

impl Stage {
    /// The request with its uploads, started by `who`, and with bytes that were never pushed.
    pub(super) async fn begun(&self, ask: &Ask, who: &Identity) -> Ask {
        let text = format!("{ask:?}");
        let bytes = format!("bytes {}", COUNT.fetch_add(1, Ordering::Relaxed));
        let digest = sha256(bytes.as_bytes());
        let mut upload = "";
        let begun;
        if text.contains("{upload}") || text.contains("{filled}") {
            begun = self.ask(&data(Method::POST, "/v2/team/target/blobs/uploads/"), Some(who)).await;
            assert_eq!(begun.status, 202, "{begun:?}");
            upload = begun.headers["docker-upload-uuid"].to_str().unwrap();
        }
        if text.contains("{filled}") {
            let path = format!("/v2/team/target/blobs/uploads/{upload}");
            let patch = data_with(Method::PATCH, &path, "application/octet-stream", &bytes);
            let answer = self.ask(&patch, Some(who)).await;
            assert_eq!(answer.status, 202, "{answer:?}");
        }
        let public = if text.contains("{public") {
            self.begun_public(&bytes, &text, who).await
        } else {
            String::new()
        };
        ask.replaced(|text| {
            text.replace("{public}", &public)
                .replace("{public-filled}", &public)
                .replace("{upload}", upload)
                .replace("{filled}", upload)
                .replace("{bytes}", &bytes)
                .replace("{digest}", &digest)
        })
    }

    async fn begun_public(&self, bytes: &str, text: &str, who: &Identity) -> String {
        let input = json!({"repositoryName": "team/target", "registryId": ACCOUNT});
        let begun = self.ask(&ecr_public("InitiateLayerUpload", &input), Some(who)).await;
        let begun: Value = serde_json::from_str(&begun.body).unwrap();
        let upload = begun["uploadId"].as_str().unwrap().to_owned();
        if text.contains("{public-filled}") {
            let part = json!({
                "repositoryName": "team/target", "registryId": ACCOUNT, "uploadId": upload,
                "partFirstByte": 0, "partLastByte": bytes.len() - 1, "layerPartBlob": STANDARD.encode(bytes),
            });
            let answer = self.ask(&ecr_public("UploadLayerPart", &part), Some(who)).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        upload
    }

    /// `{fresh}` in a request is an unused name.
    pub(super) fn fresh(ask: &Ask) -> Ask {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        ask.replaced(|text| text.replace("{fresh}", &format!("fresh{count}")))
    }
}
