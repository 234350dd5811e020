//! A member that is `null` counts as absent.

use super::*;

#[test]
fn null_and_empty_mean_none_as_go_writes_them() {
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"","artifactType":"","layers":null,"subject":null,"annotations":null,
            "config":{{"mediaType":"","digest":"{A}","size":0,"urls":null,"annotations":null}}}}"#
    );
    let manifest = parse_text(&text).unwrap();
    assert_eq!((&manifest.layers[..], manifest.subject.as_ref()), (&[][..], None));
    assert_eq!(manifest.media_type, OCI_IMAGE_MANIFEST);
    assert_eq!(manifest.effective_artifact_type(), None);
    let text = r#"{"schemaVersion":2,"manifests":null}"#;
    assert_eq!(Manifest::parse(text.as_bytes(), Some(OCI_IMAGE_INDEX)).unwrap().kind, Kind::Index);
}

/// The value with the member at a path removed and with it set to `null`.
fn without_and_null(value: &Value, path: &str) -> (Value, Value) {
    let (parent, key) = path.rsplit_once('/').unwrap();
    let (mut without, mut null) = (value.clone(), value.clone());
    without.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key);
    null.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(key.to_owned(), Value::Null);
    (without, null)
}

#[test]
fn every_member_may_be_null_instead_of_absent() {
    let full =
        with(descriptor(LAYER, B, 5), json!({"urls": [], "annotations": {"a": "b"}, "artifactType": "a/b"}));
    let image = with(
        image(),
        json!({"layers": [full], "subject": full, "config": full, "annotations": {"a": "b"}, "artifactType": "a/b"}),
    );
    let artifact = json!({"mediaType": OCI_ARTIFACT_MANIFEST, "artifactType": "a/b", "blobs": [full],
        "schemaVersion": 2});
    let top = [
        "schemaVersion",
        "mediaType",
        "artifactType",
        "config",
        "layers",
        "manifests",
        "blobs",
        "subject",
        "annotations",
    ];
    let inner = ["mediaType", "digest", "size", "artifactType", "annotations", "urls"];
    for value in [image, index(), artifact] {
        let mut paths: Vec<String> = top.iter().map(|key| format!("/{key}")).collect();
        for place in ["/config", "/layers/0", "/subject", "/manifests/0", "/blobs/0"] {
            if value.pointer(place).is_some() {
                paths.extend(inner.iter().map(|key| format!("{place}/{key}")));
            }
        }
        for path in paths {
            let (without, null) = without_and_null(&value, &path);
            assert_eq!(parse(&without), parse(&null), "{path} of {value}");
        }
    }
}

#[test]
fn an_index_may_have_members_of_an_image_that_are_null() {
    let index = index();
    let (_, null) = without_and_null(&index, "/config");
    let (_, null) = without_and_null(&null, "/layers");
    assert_eq!(parse(&null), parse(&index));
    assert_eq!(parse_text(&image_text(r#","manifests":null"#)), parse_text(&image_text("")));
}

#[test]
fn an_absent_list_is_empty() {
    assert_eq!(parse(&with(image(), json!({"layers": null}))).unwrap().layers, []);
    assert_eq!(parse(&with(index(), json!({"manifests": null}))).unwrap().manifests, []);
}
