//! What arrives at the server because of a setting: the headers of the encryption, and second GETs for slow ones.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use blob::{Encryption, ObjectKey};
use oci::digest::Algorithm;
use testkit::faulty_s3::{Fault, Request};

use super::bucket::PART_BYTES;
use super::faults::{Behind, behind_a_proxy};
use super::{body, bytes, read, stored};

const SSE: &str = "x-amz-server-side-encryption";
const KMS_KEY: &str = "x-amz-server-side-encryption-aws-kms-key-id";

fn creates(request: &Request) -> bool {
    ["CreateMultipartUpload", "PutObject", "CopyObject"].iter().any(|operation| request.is(operation))
}

#[tokio::test]
async fn each_object_is_created_with_the_encryption() {
    let kms = |key_id: Option<&str>, twice| Encryption::Kms { key_id: key_id.map(str::to_owned), twice };
    for (encryption, kind, key) in [
        (None, None, None),
        (Some(Encryption::S3), Some("AES256"), None),
        (Some(kms(Some("alias/layers"), false)), Some("aws:kms"), Some("alias/layers")),
        (Some(kms(None, true)), Some("aws:kms:dsse"), None),
    ] {
        let Some(behind) = behind_a_proxy(|options| options.encryption = encryption) else { return };
        let Behind { proxy, store, direct, .. } = behind;
        let from = stored(&direct, &bytes(PART_BYTES + 10, 1)).await;
        // Servers for tests may not have keys: what matters is what arrives.
        let (object, mut body) = (ObjectKey::random(), body(&bytes(PART_BYTES + 10, 1)));
        let append = store.append(&object, store.begin(Algorithm::Sha256), &mut body, None);
        let appended = append.await.map(drop).map_err(|error| error.to_string());
        let copied = store.copy(&from, &ObjectKey::random(), Algorithm::Sha256, PART_BYTES as u64 + 10).await;
        eprintln!("{kind:?}: {appended:?}, {:?}", copied.map(drop));
        let seen = proxy.seen();
        let created: Vec<_> = seen.iter().filter(|request| creates(request)).collect();
        assert!(created.iter().any(|request| request.is("CreateMultipartUpload")));
        assert!(created.iter().any(|request| request.is("CopyObject")));
        for request in created {
            assert_eq!((request.header(SSE), request.header(KMS_KEY)), (kind, key), "{request:?}");
        }
    }
}

/// One GET in 25 takes a second.
#[tokio::test]
async fn slow_gets_get_a_second_one() {
    const READS: usize = 200;
    let mut longest = Vec::new();
    for hedge in [false, true] {
        let Some(behind) = behind_a_proxy(|options| options.hedge = hedge) else { return };
        let Behind { proxy, store, direct, .. } = behind;
        let key = stored(&direct, b"layer").await;
        let number = AtomicUsize::new(0);
        proxy.inject(usize::MAX, Fault::Slow(Duration::from_millis(900)), move |request| {
            request.is("GetObject") && number.fetch_add(1, Ordering::SeqCst) % 25 == 24
        });
        let mut times = Vec::new();
        for _ in 0..READS {
            let begun = Instant::now();
            assert_eq!(read(&store, &key, 0, 5).await, b"layer");
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        let gets = proxy.seen().iter().filter(|request| request.is("GetObject")).count();
        eprintln!(
            "hedge {hedge}: {gets} GETs, p50 {:?}, p98 {:?}",
            times[READS / 2],
            times[READS * 98 / 100]
        );
        assert!(gets <= READS + READS / 20 + 1, "{gets}");
        longest.push(times[READS * 98 / 100]);
    }
    let [without, with] = &longest[..] else { panic!("{longest:?}") };
    assert!(*without >= Duration::from_millis(900), "{without:?}");
    assert!(*with < Duration::from_millis(600), "{with:?}");
}
