//! Uploads in requests: they belong to the caller that started them, so each caller starts its own.
//!
//! In a request, `{upload}` is an upload without bytes, and `{filled}` one with `{bytes}`, whose digest is `{digest}`.

use std::sync::atomic::{AtomicUsize, Ordering};

use http::Method;

use super::stage::Stage;
use super::wire::{Ask, Identity, data, data_with};
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
        ask.replaced(|text| {
            text.replace("{upload}", upload)
                .replace("{filled}", upload)
                .replace("{bytes}", &bytes)
                .replace("{digest}", &digest)
        })
    }

    /// `{fresh}` in a request is an unused name.
    pub(super) fn fresh(ask: &Ask) -> Ask {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        ask.replaced(|text| text.replace("{fresh}", &format!("fresh{count}")))
    }
}
