//! Files of a backup in a bucket: what was written is there.

use std::io;

use blob::Vault;
use bytes::Bytes;
use testkit::faulty_s3::{Fault, FaultyS3};
use testkit::s3_server;

use super::{Place, bucket, bytes};

/// More than a part of a multipart upload.
const LARGE: usize = 9 * 1024 * 1024;

fn body(content: &[u8]) -> impl futures::Stream<Item = io::Result<Bytes>> + Send + Unpin + use<> {
    let chunks: Vec<_> = content.chunks(1 << 20).map(|part| Ok(Bytes::copy_from_slice(part))).collect();
    futures::stream::iter(chunks)
}

#[tokio::test]
async fn a_file_whose_completion_did_not_happen_is_an_error() {
    let Ok(server) = s3_server::address().inspect_err(|reason| eprintln!("not tested: {reason}")) else {
        return;
    };
    let (proxy, place) = (FaultyS3::of(&server), Place::new(bucket::open));
    let vault =
        Vault::bucket(&bucket::options_at(&proxy.address, &bucket::prefix_of(place.folder.path()))).unwrap();
    let content = bytes(LARGE, 1);
    let said = "<CompleteMultipartUploadResult><ETag>\"e-2\"</ETag></CompleteMultipartUploadResult>";
    proxy.inject(1, Fault::Say(said), |request| request.is("CompleteMultipartUpload"));
    let error = vault.put("objects/a", body(&content)).await.unwrap_err();
    assert!(blob::is_unavailable(&error), "{error}");
    assert_eq!(vault.len("objects/a").await.unwrap(), None);
    // A file of another length, which was there before.
    vault.put("objects/a", body(b"short")).await.unwrap();
    proxy.inject(1, Fault::Say(said), |request| request.is("CompleteMultipartUpload"));
    vault.put("objects/a", body(&content)).await.unwrap_err();
    vault.put("objects/a", body(&content)).await.unwrap();
    assert!(vault.read("objects/a").await.unwrap().unwrap() == content);
}
