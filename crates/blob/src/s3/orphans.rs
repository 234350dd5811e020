//! Multipart uploads that no upload knows: the answer to their creation was lost, or the node stopped before it wrote down
//! their ID. The consistency check finds and ends them. `object_store` cannot list them, so this lists them by signed URLs.

use std::io;
use std::time::Duration;

use futures::StreamExt as _;
use jiff::Timestamp;
use object_store::client::{HttpRequest, HttpRequestBody};
use object_store::path::Path;
use object_store::signer::{Method, SignedUrlOptions, Signer as _};
use serde::Deserialize;

use super::{S3Store, error};
use crate::disk::Found;
use crate::key::{ObjectKey, Place};
use crate::unavailable::unavailable;

/// The beginning of the name of one: the key of its object and its ID follow.
const ORPHAN: &str = "parts-of-";
/// The maximum size of a page. S3's have at most 1,000 uploads.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// How long a URL of a page is valid.
const LIFETIME: Duration = Duration::from_mins(5);

/// A page of the list (`ListMultipartUploadsResult`).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Page {
    is_truncated: bool,
    next_key_marker: String,
    next_upload_id_marker: String,
    #[serde(rename = "Upload")]
    uploads: Vec<Upload>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Upload {
    key: String,
    #[serde(rename = "UploadId")]
    id: String,
    initiated: String,
}

impl Upload {
    fn is_older_than(&self, age: Duration) -> bool {
        // An upload whose time cannot be read is not ended.
        self.initiated.parse::<Timestamp>().is_ok_and(|begun| {
            Duration::try_from(Timestamp::now().duration_since(begun)).is_ok_and(|passed| passed >= age)
        })
    }
}

impl S3Store {
    /// Those whose keys have this first byte.
    pub(super) async fn orphans(&self, folder: u8) -> io::Result<Vec<Found>> {
        let objects = self.keys.folder(Place::Standard);
        let (mut found, mut markers) = (Vec::new(), None);
        loop {
            let page = self.page_of_uploads(&format!("{objects}{folder:02x}"), markers).await?;
            for upload in &page.uploads {
                let name = upload.key.strip_prefix(&objects).unwrap_or_default();
                let Ok(key) = ObjectKey::of_file(Place::Standard, name) else { continue };
                if upload.is_older_than(self.orphaned_after)
                    && self.multipart_of(&key).await?.as_ref() != Some(&upload.id)
                {
                    let name = format!("{ORPHAN}{key}.{}", upload.id);
                    // It has no key: its object can have a row.
                    found.push(Found { name, key: None, len: 0 });
                }
            }
            if !page.is_truncated || page.uploads.is_empty() {
                return Ok(found);
            }
            markers = Some((page.next_key_marker, page.next_upload_id_marker));
        }
    }

    /// Ends one of these, if this is the name of one.
    pub(super) async fn end_orphan(&self, folder: u8, name: &str) -> io::Result<bool> {
        let Some((key, id)) = name.strip_prefix(ORPHAN).and_then(|name| name.split_once('.')) else {
            return Ok(false);
        };
        let key = ObjectKey::of_file(Place::Standard, key).ok().filter(|key| key.folder() == folder);
        let Some(key) = key else { return Ok(false) };
        // Meanwhile its node can have written down its ID.
        if self.multipart_of(&key).await?.as_deref() != Some(id) {
            self.abort_multipart(&key, id).await?;
        }
        Ok(true)
    }

    async fn page_of_uploads(&self, prefix: &str, markers: Option<(String, String)>) -> io::Result<Page> {
        let mut query = vec![("uploads", String::new()), ("prefix", prefix.to_owned())];
        if let Some((key, id)) = markers {
            query.extend([("key-marker", key), ("upload-id-marker", id)]);
        }
        let options = SignedUrlOptions::new().with_query(query);
        let url = self.client.signed_url_opts(Method::GET, &Path::default(), LIFETIME, &options).await;
        let request = HttpRequest::new(HttpRequestBody::empty());
        let (mut head, body) = request.into_parts();
        head.uri = url.map_err(error::io)?.as_str().parse().map_err(io::Error::other)?;
        let answer = self.http.execute(HttpRequest::from_parts(head, body)).await;
        let answer = answer.map_err(|error| unavailable(error.to_string()))?;
        let status = answer.status();
        let (mut bytes, mut body) = (Vec::new(), answer.into_body().bytes_stream());
        while let Some(chunk) = body.next().await {
            bytes.extend_from_slice(&chunk.map_err(|error| unavailable(error.to_string()))?);
            if bytes.len() > MOST_BYTES {
                return Err(unavailable("the bucket's list of multipart uploads is too long"));
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        if matches!(status.as_u16(), 405 | 501) {
            // The server has no such list.
            return Ok(Page::default());
        }
        if !status.is_success() {
            let text = format!("the bucket does not list its multipart uploads: {status}: {text}");
            return Err(if status.is_server_error() { unavailable(text) } else { io::Error::other(text) });
        }
        quick_xml::de::from_str(&text).map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read() {
        let page: Page = quick_xml::de::from_str(
            r#"<?xml version="1.0" encoding="UTF-8"?>
            <ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Bucket>b</Bucket>
            <IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker><NextUploadIdMarker>u</NextUploadIdMarker>
            <Upload><Key>objects/1</Key><UploadId>a&amp;b</UploadId><Initiated>2010-11-10T20:48:33.000Z</Initiated></Upload>
            <Upload><Key>objects/2</Key><UploadId>c</UploadId><Initiated>today</Initiated></Upload>
            </ListMultipartUploadsResult>"#,
        )
        .unwrap();
        assert!(page.is_truncated && page.next_key_marker == "k" && page.next_upload_id_marker == "u");
        let [first, second] = &page.uploads[..] else { panic!("{page:?}") };
        assert_eq!(first.id, "a&b");
        assert!(first.is_older_than(Duration::from_hours(24)) && !second.is_older_than(Duration::ZERO));
        let empty: Page = quick_xml::de::from_str("<ListMultipartUploadsResult/>").unwrap();
        assert!(!empty.is_truncated && empty.uploads.is_empty());
    }
}
