//! Valid, invalid and ambiguous manifests.

use serde_json::{Value, json};

use super::*;
use crate::media_type::{
    DOCKER_FOREIGN_LAYER_GZIP, DOCKER_MANIFEST_LIST, DOCKER_MANIFEST_V2, DOCKER_SCHEMA1,
    DOCKER_SCHEMA1_SIGNED, OCI_ARTIFACT_MANIFEST, OCI_EMPTY, OCI_IMAGE_CONFIG, OCI_IMAGE_INDEX,
    OCI_IMAGE_MANIFEST, OCI_LAYER_NONDISTRIBUTABLE_GZIP, ORAS_ARTIFACT_MANIFEST,
};

mod absent;
mod limits;

const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

fn descriptor(media_type: &str, digest: &str, size: u64) -> Value {
    json!({"mediaType": media_type, "digest": digest, "size": size})
}

fn image() -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": OCI_IMAGE_MANIFEST,
        "config": descriptor(OCI_IMAGE_CONFIG, A, 7),
        "layers": [descriptor(LAYER, B, 11), descriptor(LAYER, B, 12)],
    })
}

fn index() -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": OCI_IMAGE_INDEX,
        "manifests": [descriptor(OCI_IMAGE_MANIFEST, A, 7)],
    })
}

/// The value with members set, or removed where the new value is `null`.
fn with(mut value: Value, members: Value) -> Value {
    let Value::Object(members) = members else { panic!("not an object") };
    let object = value.as_object_mut().unwrap();
    for (key, member) in members {
        if member.is_null() {
            object.remove(&key)
        } else {
            object.insert(key, member)
        };
    }
    value
}

fn parse(value: &Value) -> Result<Manifest, ManifestError> {
    Manifest::parse(value.to_string().as_bytes(), None)
}

fn parse_text(text: &str) -> Result<Manifest, ManifestError> {
    Manifest::parse(text.as_bytes(), Some(OCI_IMAGE_MANIFEST))
}

/// The JSON of an image with raw members at the end.
fn image_text(members: &str) -> String {
    format!(r#"{{"schemaVersion":2,"config":{{"digest":"{A}","size":1}},"layers":[]{members}}}"#)
}

#[test]
fn an_image_is_read() {
    let manifest = parse(&image()).unwrap();
    assert_eq!(manifest.kind, Kind::Image);
    assert_eq!(manifest.media_type, OCI_IMAGE_MANIFEST);
    assert_eq!(manifest.config.as_ref().unwrap().size, 7);
    assert_eq!(manifest.total_size(), 30, "layers and config");
    let digests: Vec<_> = manifest.blobs().map(|blob| blob.digest.to_string()).collect();
    assert_eq!(digests, [A, B, B]);
    assert_eq!(manifest.effective_artifact_type(), Some(OCI_IMAGE_CONFIG));
    assert_eq!((manifest.subject, manifest.manifests.len()), (None, 0));
}

#[test]
fn an_index_is_read() {
    let manifest = parse(&index()).unwrap();
    assert_eq!(manifest.kind, Kind::Index);
    assert_eq!(manifest.manifests[0].digest.to_string(), A);
    assert_eq!(manifest.blobs().count(), 0);
    assert_eq!(manifest.effective_artifact_type(), None);
    assert_eq!(parse(&with(index(), json!({"manifests": []}))).unwrap().manifests, []);
}

#[test]
fn dockers_formats_are_read() {
    let image = with(image(), json!({"mediaType": DOCKER_MANIFEST_V2}));
    assert_eq!(parse(&image).unwrap().kind, Kind::Image);
    let list = with(index(), json!({"mediaType": DOCKER_MANIFEST_LIST}));
    assert_eq!(parse(&list).unwrap().kind, Kind::Index);
    // A format without this field ignores it.
    let with_subject =
        with(image, json!({"subject": descriptor(OCI_IMAGE_MANIFEST, B, 1), "artifactType": "a/b"}));
    let manifest = parse(&with_subject).unwrap();
    assert_eq!((manifest.subject, manifest.artifact_type), (None, None));
}

/// The data sets of the OCI conformance suite that are more than plain images.
#[test]
fn artifacts_of_any_type_are_parsed() {
    let artifact = with(
        image(),
        json!({
            "artifactType": "application/vnd.example+type",
            "config": with(descriptor(OCI_EMPTY, A, 2), json!({"data": "e30="})),
            "layers": [with(descriptor("text/x-anything", B, 5), json!({"artifactType": "x/y", "platform": {"os": 1}}))],
            "subject": descriptor(OCI_IMAGE_MANIFEST, B, 9),
            "annotations": {"a": "1", "b": ""},
            "org.example.custom": {"deep": [{"er": 1e5}]},
        }),
    );
    let manifest = parse(&artifact).unwrap();
    assert_eq!(manifest.effective_artifact_type(), Some("application/vnd.example+type"));
    assert_eq!(manifest.subject.unwrap().size, 9);
    assert_eq!(manifest.annotations.len(), 2);
    assert_eq!(manifest.layers[0].artifact_type.as_deref(), Some("x/y"));

    let index =
        with(index(), json!({"artifactType": "a/b", "subject": descriptor(OCI_IMAGE_MANIFEST, B, 9)}));
    let manifest = parse(&index).unwrap();
    assert_eq!(manifest.effective_artifact_type(), Some("a/b"));
    assert!(manifest.subject.is_some());
}

#[test]
fn sha512_and_sha256_can_be_mixed() {
    let digest = Digest::of(crate::Algorithm::Sha512, b"x").to_string();
    let manifest = parse(&with(image(), json!({"layers": [descriptor(LAYER, &digest, 1)]}))).unwrap();
    assert_eq!(manifest.layers[0].digest.to_string(), digest);
}

#[test]
fn a_layer_that_is_stored_elsewhere_is_not_required() {
    let urls = json!({"urls": ["https://example.com/layer"]});
    let layers = json!([
        with(descriptor(OCI_LAYER_NONDISTRIBUTABLE_GZIP, A, 1), urls.clone()),
        with(descriptor(DOCKER_FOREIGN_LAYER_GZIP, A, 2), urls.clone()),
        descriptor(OCI_LAYER_NONDISTRIBUTABLE_GZIP, B, 4),
        with(descriptor(LAYER, B, 8), urls),
    ]);
    let manifest = parse(&with(image(), json!({"layers": layers}))).unwrap();
    let sizes: Vec<_> = manifest.required_blobs().map(|blob| blob.size).collect();
    assert_eq!(sizes, [7, 4, 8], "foreign is a type and a place together");
    assert_eq!((manifest.blobs().count(), manifest.total_size()), (5, 22));
}

#[test]
fn the_header_gives_the_type_if_the_body_has_none() {
    let body = with(image(), json!({"mediaType": null})).to_string();
    for header in [OCI_IMAGE_MANIFEST, "application/vnd.OCI.image.manifest.v1+json ; charset=utf-8"] {
        let manifest = Manifest::parse(body.as_bytes(), Some(header)).unwrap();
        assert_eq!(manifest.media_type, OCI_IMAGE_MANIFEST);
    }
    for header in [None, Some(""), Some(" ; charset=utf-8")] {
        let error = Manifest::parse(body.as_bytes(), header).unwrap_err();
        assert_eq!(error, ManifestError::MissingMediaType);
    }
    let docker = Manifest::parse(body.as_bytes(), Some(DOCKER_MANIFEST_V2)).unwrap();
    assert_eq!((docker.media_type.as_str(), docker.kind), (DOCKER_MANIFEST_V2, Kind::Image));
}

#[test]
fn body_and_header_must_agree() {
    let body = image().to_string();
    assert!(Manifest::parse(body.as_bytes(), Some(OCI_IMAGE_MANIFEST)).is_ok());
    for header in [OCI_IMAGE_INDEX, DOCKER_MANIFEST_V2, "application/json", "application/octet-stream", "x"] {
        let error = Manifest::parse(body.as_bytes(), Some(header)).unwrap_err();
        let (body, header) = (OCI_IMAGE_MANIFEST.to_owned(), header.to_owned());
        assert_eq!(error, ManifestError::MediaTypeMismatch { body, header });
    }
}

#[test]
fn a_type_that_is_not_a_manifests_is_refused() {
    for media_type in
        ["application/json", "application/vnd.example.manifest.v1+json", OCI_IMAGE_CONFIG, "\u{1f600}"]
    {
        let error = parse(&with(image(), json!({"mediaType": media_type}))).unwrap_err();
        assert_eq!(error, ManifestError::UnsupportedMediaType(media_type.to_owned()));
    }
    // In the body, a type in other letter case is another type: clients compare it exactly.
    let error = parse(&with(image(), json!({"mediaType": OCI_IMAGE_MANIFEST.to_uppercase()}))).unwrap_err();
    assert!(matches!(error, ManifestError::UnsupportedMediaType(_)));
}

#[test]
fn a_manifest_that_is_image_and_index_is_refused() {
    for (media_type, members) in [
        (OCI_IMAGE_MANIFEST, json!({"manifests": []})),
        (OCI_IMAGE_MANIFEST, json!({"manifests": [descriptor(OCI_IMAGE_MANIFEST, A, 1)]})),
        (OCI_IMAGE_INDEX, json!({"manifests": []})),
        (OCI_IMAGE_INDEX, json!({"manifests": [], "config": null})),
        (OCI_IMAGE_INDEX, json!({"manifests": [], "layers": null})),
        (DOCKER_MANIFEST_V2, json!({"manifests": []})),
    ] {
        let manifest = with(with(image(), json!({"mediaType": media_type})), members);
        assert!(matches!(parse(&manifest), Err(ManifestError::Ambiguous(..))), "{manifest}");
    }
}

#[test]
fn a_body_that_does_not_match_its_type_is_refused() {
    let missing = |value| match parse(&value) {
        Err(ManifestError::MissingField(field)) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(missing(with(index(), json!({"mediaType": OCI_IMAGE_MANIFEST}))), "config");
    assert_eq!(missing(with(image(), json!({"mediaType": OCI_IMAGE_INDEX}))), "manifests");
    assert_eq!(missing(with(image(), json!({"config": null}))), "config");
}

#[test]
fn schema_1_is_refused_with_its_own_error() {
    let unlabelled = json!({"schemaVersion": 1, "name": "x", "tag": "y", "fsLayers": []}).to_string();
    let cases: [(&[u8], _); 5] = [
        (b"{}", Some(DOCKER_SCHEMA1)),
        (b"not even JSON", Some(DOCKER_SCHEMA1_SIGNED)),
        (unlabelled.as_bytes(), None),
        (unlabelled.as_bytes(), Some("application/json")),
        (br#"{"mediaType":"application/vnd.docker.distribution.manifest.v1+json"}"#, None),
    ];
    for (body, header) in cases {
        let error = Manifest::parse(body, header).unwrap_err();
        assert_eq!(error, ManifestError::UnsupportedSchema1, "{header:?}");
        assert!(error.to_string().contains("schema 1 is not supported"));
    }
}

#[test]
fn the_schema_version_must_be_the_number_2() {
    for version in ["3", "0", "-1", "2.0", "2e0", "\"2\"", "null", "[2]", "true", "99999999999999999999"] {
        let text = image_text("").replace(r#""schemaVersion":2"#, &format!(r#""schemaVersion":{version}"#));
        assert_eq!(parse_text(&text), Err(ManifestError::SchemaVersion), "{version}");
    }
    assert_eq!(parse(&with(image(), json!({"schemaVersion": null}))), Err(ManifestError::SchemaVersion));
}

#[test]
fn a_duplicate_key_is_refused() {
    let d = format!(r#""digest":"{A}","size":1"#);
    for (members, key) in [
        (r#","layers":[]"#.to_owned(), "layers"),
        (r#","schemaVersion":2"#.to_owned(), "schemaVersion"),
        (r#","x":1,"x":2"#.to_owned(), "x"),
        (r#","\u0078":1,"x":2"#.to_owned(), "x"),
        (r#","annotations":{"a":"1","a":"1"}"#.to_owned(), "a"),
        (format!(r#","subject":{{{d},"digest":"{B}"}}"#), "digest"),
        (format!(r#","subject":{{{d},"x":1,"x":1}}"#), "x"),
        (format!(r#","subject":{{{d},"annotations":{{"a":"1","\u0061":"2"}}}}"#), "a"),
    ] {
        let error = parse_text(&image_text(&members)).unwrap_err();
        assert_eq!(error, ManifestError::DuplicateKey(key.to_owned()), "{members}");
    }
}

#[test]
fn a_key_in_another_letter_case_is_refused() {
    for (members, found) in [
        (r#","Manifests":[]"#, "Manifests"),
        (r#","LAYERS":[]"#, "LAYERS"),
        (r#","mediatype":"x""#, "mediatype"),
        (",\"manife\u{17f}ts\":[]", "manife\u{17f}ts"),
        (r#","manife\u017fts":[]"#, "manife\u{17f}ts"),
    ] {
        let error = parse_text(&image_text(members)).unwrap_err();
        assert!(
            matches!(&error, ManifestError::MiscasedKey { found: f, .. } if f == found),
            "{members}: {error}"
        );
    }
    let error = parse_text(&image_text(&format!(r#","subject":{{"Digest":"{B}","size":1}}"#))).unwrap_err();
    assert!(matches!(error, ManifestError::MiscasedKey { expected: "digest", .. }), "{error}");
    assert!(parse_text(&image_text(r#","layer":[],"Layers2":[],"annotations":{"Size":"1"}"#)).is_ok());
}

#[test]
fn errors_name_the_place_of_a_bad_descriptor() {
    let ok = format!(r#"{{"digest":"{A}","size":1}}"#);
    for (bad, reason) in [
        ("null".to_owned(), "`layers[1]` is null"),
        ("{}".to_owned(), "`layers[1]` has no `digest`"),
        (format!(r#"{{"digest":"{A}"}}"#), "`layers[1]` has no `size`"),
        (r#"{"size":1}"#.to_owned(), "`layers[1]` has no `digest`"),
        (r#"{"digest":"sha256:bad","size":1}"#.to_owned(), "`layers[1]` has a bad `digest`"),
        (r#"{"digest":"sha384:abc","size":1}"#.to_owned(), "algorithm is not supported"),
        (r#"{"digest":null,"size":1}"#.to_owned(), "`layers[1]` has no `digest`"),
        (r#"{"digest":["x"],"size":1}"#.to_owned(), "`layers[1]` has a `digest` that is not a string"),
        (format!(r#"{{"digest":"{A}","size":1,"urls":[1]}}"#), "has a URL that is not a string"),
        (format!(r#"{{"digest":"{A}","size":1,"annotations":{{"a":1}}}}"#), "the annotation `a`"),
    ] {
        let error = parse_text(&image_text("").replace("[]", &format!("[{ok},{bad}]"))).unwrap_err();
        assert!(matches!(error, ManifestError::InvalidDescriptor(_)), "{bad}: {error:?}");
        assert!(error.to_string().contains(reason), "{bad}: {error}");
    }
}

#[test]
fn sizes_are_whole_numbers_that_fit() {
    for size in
        ["-1", "1.0", "1e3", "9223372036854775808", "1e400", "99999999999999999999999", "\"1\"", "null", "{}"]
    {
        let error =
            parse_text(&image_text("").replace("\"size\":1", &format!("\"size\":{size}"))).unwrap_err();
        let is_number_that_no_float_holds = size == "1e400";
        assert!(
            if is_number_that_no_float_holds {
                matches!(error, ManifestError::NotJson(_))
            } else {
                matches!(error, ManifestError::InvalidDescriptor(_))
            },
            "{size}: {error:?}"
        );
    }
    let text = image_text("").replace("\"size\":1", "\"size\":9223372036854775807");
    assert_eq!(parse_text(&text).unwrap().config.unwrap().size, 9_223_372_036_854_775_807);
}

#[test]
fn the_sum_of_absurd_sizes_does_not_overflow() {
    let layer = descriptor(LAYER, B, i64::MAX.unsigned_abs());
    let manifest = parse(&with(image(), json!({"layers": [layer, layer, layer]}))).unwrap();
    assert_eq!(manifest.total_size(), i64::MAX.unsigned_abs());
}

#[test]
fn fields_of_the_wrong_type_are_refused() {
    for members in [
        r#","mediaType":1"#,
        r#","artifactType":{}"#,
        r#","artifactType":"a\nb""#,
        r#","subject":[]"#,
        r#","subject":"sha256:x""#,
        r#","annotations":[]"#,
        r#","annotations":{"a":null}"#,
        r#","annotations":{"a":{"b":"c"}}"#,
        r#","blobs":{}"#,
    ] {
        let error = parse_text(&image_text(members)).unwrap_err();
        assert!(matches!(error, ManifestError::InvalidField(_)), "{members}: {error:?}");
    }
    let long = format!(r#","artifactType":"{}""#, "a".repeat(256));
    assert!(matches!(parse_text(&image_text(&long)), Err(ManifestError::InvalidField(_))));
    for text in ["[]", "1", "null", "\"x\"", "true", r#"{"layers":{}}"#, r#"{"config":[1]}"#] {
        assert!(matches!(parse_text(text), Err(ManifestError::InvalidField(_))), "{text}");
    }
}

#[test]
fn text_that_is_not_json_is_refused() {
    let good = image_text("");
    let (cut, trailing, bom) = (&good[..good.len() - 1], format!("{good}{{}}"), format!("\u{feff}{good}"));
    let texts =
        ["", " ", "{", "{]", "{'a':1}", "{\"a\":1,}", "{\"a\":NaN}", "{\"a\":01}", "{\"a\":\"\n\"}", cut];
    for text in texts.into_iter().chain([&*trailing, &*bom]) {
        let error = parse_text(text).unwrap_err();
        assert!(matches!(error, ManifestError::NotJson(_)), "{text}: {error:?}");
    }
    let latin1 = b"{\"a\":\"\xe4\"}";
    assert!(matches!(Manifest::parse(latin1, None), Err(ManifestError::NotJson(_))));
    assert!(parse_text(&format!(" {good}\n")).is_ok(), "white space around it is JSON");
}

#[test]
fn errors_quote_only_a_short_part_of_hostile_text() {
    let long = "x\u{e9}".repeat(100_000);
    for members in [
        format!(r#","mediaType":"{OCI_IMAGE_MANIFEST}","{long}":1,"{long}":1"#),
        format!(r#","annotations":{{"{long}":1}}"#),
        format!(r#","subject":"{long}""#),
    ] {
        let error = parse_text(&image_text(&members)).unwrap_err();
        assert!(error.to_string().chars().count() < 300, "{} characters", error.to_string().len());
    }
}

#[test]
fn artifact_manifests_from_before_oci_1_1_are_parsed() {
    for media_type in [OCI_ARTIFACT_MANIFEST, ORAS_ARTIFACT_MANIFEST] {
        let artifact = json!({
            "mediaType": media_type,
            "artifactType": "sbom/example",
            "blobs": [descriptor("application/json", B, 5)],
            "subject": descriptor(OCI_IMAGE_MANIFEST, A, 9),
        });
        let manifest = parse(&artifact).unwrap();
        assert_eq!((manifest.kind, manifest.config.as_ref()), (Kind::Image, None));
        assert_eq!(manifest.blobs().map(|blob| blob.size).collect::<Vec<_>>(), [5]);
        assert_eq!(manifest.effective_artifact_type(), Some("sbom/example"));
        assert!(manifest.subject.is_some());
        let error = parse(&with(artifact.clone(), json!({"artifactType": null}))).unwrap_err();
        assert_eq!(error, ManifestError::MissingField("artifactType"));
        for key in ["manifests", "layers"] {
            let error = parse(&with(artifact.clone(), json!({key: []}))).unwrap_err();
            assert_eq!(error, ManifestError::Ambiguous("blobs", key));
        }
        let error = parse(&with(artifact, json!({"schemaVersion": 3}))).unwrap_err();
        assert_eq!(error, ManifestError::SchemaVersion);
    }
}
