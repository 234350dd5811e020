//! Valid and invalid digests; hashing in pieces, saved and restored between them.

use proptest::prelude::*;

use super::*;

const EMPTY_SHA256: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const EMPTY_SHA512: &str = "sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce\
                            47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e";
/// FIPS 180-2, appendices B.1 and C.1.
const ABC_SHA256: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const ABC_SHA512: &str = "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                          2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

#[test]
fn known_content_has_the_published_digests() {
    for (algorithm, content, expected) in [
        (Algorithm::Sha256, "", EMPTY_SHA256),
        (Algorithm::Sha512, "", EMPTY_SHA512),
        (Algorithm::Sha256, "abc", ABC_SHA256),
        (Algorithm::Sha512, "abc", ABC_SHA512),
    ] {
        let digest = Digest::of(algorithm, content.as_bytes());
        assert_eq!(digest.to_string(), expected);
        assert_eq!(expected.parse(), Ok(digest));
    }
}

#[test]
fn only_the_canonical_spelling_is_valid() {
    let upper = EMPTY_SHA256.to_uppercase();
    let half_upper = EMPTY_SHA256.replace('b', "B");
    let short = &EMPTY_SHA256[..EMPTY_SHA256.len() - 1];
    let long = format!("{EMPTY_SHA256}0");
    let padded = format!(" {EMPTY_SHA256}");
    let as_sha512 = EMPTY_SHA256.replace("sha256", "sha512");
    let as_sha256 = EMPTY_SHA512.replace("sha512", "sha256");
    let full_width = EMPTY_SHA256.replace("e3", "e３");
    for text in [
        "",
        ":",
        "sha256",
        "sha256:",
        "sha256:baddigeststring",
        "sha512:baddigeststring",
        ":e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "sha256::e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "SHA384:abc",
        "sha-:abc",
        "sha384:",
        "sha384:a b",
        "../../etc/passwd:x",
        &upper,
        &half_upper,
        short,
        &long,
        &padded,
        &as_sha512,
        &as_sha256,
        &full_width,
    ] {
        assert_eq!(text.parse::<Digest>(), Err(DigestError::Malformed), "{text}");
    }
}

#[test]
fn another_algorithm_is_distinguished_from_a_malformed_digest() {
    for text in
        ["sha384:abcdef", "md5:0123", "multihash+base58:QmRZxt2b1FVZPNqd8hs", "sha256+b64u:LCa0a2j_xo="]
    {
        assert_eq!(text.parse::<Digest>(), Err(DigestError::UnsupportedAlgorithm), "{text}");
    }
}

#[test]
fn invalid_stored_forms_are_refused() {
    let stored = Digest::of(Algorithm::Sha256, b"").to_stored();
    assert_eq!(stored.len(), 33);
    assert_eq!(stored[0], 1);
    let mut unknown_code = stored.clone();
    unknown_code[0] = 3;
    let mut wrong_code = stored.clone();
    wrong_code[0] = 2;
    let mut long = stored.clone();
    long.push(0);
    for bytes in [&[][..], &[1], &stored[..32], &long, &unknown_code, &wrong_code] {
        assert_eq!(Digest::from_stored(bytes), None, "{bytes:?}");
    }
}

#[test]
fn digests_sort_by_algorithm_and_then_by_hash() {
    let sha256: Digest = EMPTY_SHA256.parse().unwrap();
    let sha256_less: Digest = ABC_SHA256.parse().unwrap();
    let sha512: Digest = EMPTY_SHA512.parse().unwrap();
    let mut digests = vec![sha512, sha256, sha256_less];
    digests.sort();
    assert_eq!(digests, [sha256_less, sha256, sha512]);
}

#[test]
fn a_digest_is_a_string_in_json() {
    let digest: Digest = EMPTY_SHA256.parse().unwrap();
    let json = serde_json::to_string(&digest).unwrap();
    assert_eq!(json, format!("\"{EMPTY_SHA256}\""));
    assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest);
    let error = serde_json::from_str::<Digest>("\"sha256:bad\"").unwrap_err();
    assert!(error.to_string().contains("malformed"), "{error}");
    assert!(serde_json::from_str::<Digest>("7").is_err());
}

/// Databases contain this layout. A version of sha2 with another layout could not continue older uploads.
#[test]
fn the_saved_form_does_not_change() {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    hasher.update(&[b'a'; 66]);
    // Format, algorithm, length; chaining state; one whole block; two bytes of the next one, then zeros.
    let header = "01010000000000000042";
    let state = "1cb85bdf26061ee894a845fb310fd44f16685eb2c199d4d6294990ab665e63000100000000000000026161";
    let saved = hex::decode(format!("{header}{state}{}", "00".repeat(61))).unwrap();
    assert_eq!(hasher.save().unwrap(), saved);
    assert_eq!(Hasher::restore(&saved).unwrap().finish(), Digest::of(Algorithm::Sha256, &[b'a'; 66]));

    let mut hasher = Hasher::new(Algorithm::Sha512);
    hasher.update(&[b'a'; 130]);
    let saved = hasher.save().unwrap();
    assert_eq!(saved.len(), 10 + 64 + 16 + 128);
    assert_eq!(hex::encode(&saved[..10]), "01020000000000000082");
}

#[test]
fn foreign_bytes_are_not_restored() {
    for algorithm in Algorithm::ALL {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(&[7; 1000]);
        let saved = hasher.save().unwrap();
        assert!(Hasher::restore(&saved).is_some());
        for len in 0..saved.len() {
            assert!(Hasher::restore(&saved[..len]).is_none(), "cut to {len}");
        }
        let mut long = saved.clone();
        long.push(0);
        assert!(Hasher::restore(&long).is_none());
        let (hash_len, counter_len) = (algorithm.len(), algorithm.len() / 4);
        // Format, algorithm, length; after the chaining state both counters.
        for at in (0..10).chain(10 + hash_len..=10 + hash_len + counter_len) {
            for bit in 0..8 {
                let mut changed = saved.clone();
                changed[at] ^= 1 << bit;
                assert!(Hasher::restore(&changed).is_none(), "bit {bit} of byte {at}");
            }
        }
    }
}

#[test]
fn a_state_with_an_impossible_length_is_not_restored() {
    let length = u64::MAX - u64::MAX % 64;
    let mut saved = vec![1, 1];
    saved.extend_from_slice(&length.to_be_bytes());
    saved.extend_from_slice(&[0; 32]);
    saved.extend_from_slice(&(length / 64).to_le_bytes());
    saved.extend_from_slice(&[0; 64]);
    assert!(Hasher::restore(&saved).is_none());
}

fn algorithm() -> impl Strategy<Value = Algorithm> {
    prop_oneof![Just(Algorithm::Sha256), Just(Algorithm::Sha512)]
}

proptest! {
    #[test]
    fn printed_and_stored_forms_are_read_back(algorithm in algorithm(), content: Vec<u8>) {
        let digest = Digest::of(algorithm, &content);
        prop_assert_eq!(digest.to_string().parse(), Ok(digest));
        prop_assert_eq!(Digest::from_stored(&digest.to_stored()), Some(digest));
        prop_assert_eq!(Digest::from_hash(algorithm, digest.as_bytes()), Some(digest));
    }

    #[test]
    fn no_other_spelling_of_a_digest_is_read(algorithm in algorithm(), at: prop::sample::Index, byte in b' '..=b'~') {
        let digest = Digest::of(algorithm, b"content");
        let mut text = digest.to_string().into_bytes();
        let at = at.index(text.len());
        let changed = text[at] != byte;
        text[at] = byte;
        let text = String::from_utf8(text).unwrap();
        if let Ok(other) = text.parse::<Digest>() {
            prop_assert_eq!(other != digest, changed);
            prop_assert_eq!(other.to_string(), text);
        }
    }

    #[test]
    fn saving_and_restoring_between_pieces_changes_nothing(
        algorithm in algorithm(),
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 0..6),
    ) {
        let mut hasher = Hasher::new(algorithm);
        for piece in &pieces {
            hasher.update(piece);
            let saved = hasher.save().unwrap();
            hasher = Hasher::restore(&saved).unwrap();
            prop_assert_eq!(hasher.save().unwrap(), saved);
        }
        let content = pieces.concat();
        prop_assert_eq!(hasher.length(), content.len() as u64);
        prop_assert_eq!(hasher.finish(), Digest::of(algorithm, &content));
    }
}
