//! The limits on size, nesting and number of items of a manifest.

use super::*;

#[test]
fn nesting_has_a_limit() {
    let nested = |levels: usize| image_text(&format!(r#","x":{}{}"#, "[".repeat(levels), "]".repeat(levels)));
    assert!(parse_text(&nested(MAX_DEPTH - 1)).is_ok());
    assert_eq!(parse_text(&nested(MAX_DEPTH)), Err(ManifestError::TooDeep));
    assert_eq!(parse_text(&"[".repeat(100_000)), Err(ManifestError::TooDeep));
    assert_eq!(parse_text(&r#"{"config":"#.repeat(100_000)), Err(ManifestError::TooDeep));
    let brackets_in_a_string = format!(r#","x":"\"{}""#, "[".repeat(1000));
    assert!(parse_text(&image_text(&brackets_in_a_string)).is_ok());
}

#[test]
fn size_has_a_limit() {
    let empty = image_text(r#","x":"""#).len();
    let of_size = |size: usize| image_text(&format!(r#","x":"{}""#, "a".repeat(size - empty)));
    assert!(parse_text(&of_size(MAX_MANIFEST_BYTES)).is_ok());
    let error = parse_text(&of_size(MAX_MANIFEST_BYTES + 1)).unwrap_err();
    assert_eq!(error, ManifestError::TooLarge(MAX_MANIFEST_BYTES + 1));
}

#[test]
fn the_number_of_unknown_keys_has_a_limit() {
    let keys = |count: usize| (0..count).map(|n| format!(r#","k{n}":1"#)).collect::<Vec<_>>().concat();
    assert!(parse_text(&image_text(&keys(MAX_UNKNOWN_KEYS))).is_ok());
    assert_eq!(parse_text(&image_text(&keys(MAX_UNKNOWN_KEYS + 1))), Err(ManifestError::TooManyKeys));
}

#[test]
fn the_number_of_items_has_a_limit() {
    let annotations = |count: usize| (0..count).map(|n| format!(r#""{n}":"""#)).collect::<Vec<_>>().join(",");
    let index = |manifests: &str, count: usize| {
        let annotations = annotations(count);
        let text =
            format!(r#"{{"schemaVersion":2,"manifests":[{manifests}],"annotations":{{{annotations}}}}}"#);
        Manifest::parse(text.as_bytes(), Some(OCI_IMAGE_INDEX))
    };
    assert!(index("", MAX_KEPT).is_ok());
    assert_eq!(index("", MAX_KEPT + 1), Err(ManifestError::TooManyItems));
    let one = descriptor(OCI_IMAGE_MANIFEST, A, 9);
    assert!(index(&one.to_string(), MAX_KEPT - 1).is_ok());
    assert_eq!(index(&one.to_string(), MAX_KEPT), Err(ManifestError::TooManyItems), "a descriptor counts");
    let with_url = with(one, json!({"urls": ["https://example.org/a"]}));
    assert_eq!(index(&with_url.to_string(), MAX_KEPT - 1), Err(ManifestError::TooManyItems), "a URL counts");
}
