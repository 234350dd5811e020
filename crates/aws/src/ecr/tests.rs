//! What a request body must contain, and what it must not contain.

use proptest::prelude::*;

use super::*;
use crate::json::{decode, epoch_seconds};
use crate::shape::{Request, Rule};

fn refusal<T: Request>(body: &str) -> (&'static str, String) {
    match decode::<T>(body.as_bytes()) {
        Ok(_) => panic!("was to be refused: {body}"),
        Err(invalid) => (invalid.code(), invalid.message),
    }
}

fn parameter<T: Request>(body: &str) -> String {
    let (code, message) = refusal::<T>(body);
    assert_eq!(code, "InvalidParameterException", "{message}");
    message
}

/// The texts were captured from ECR.
#[test]
fn errors_have_ecrs_texts() {
    let long = format!(r#"{{"repositoryName":"{}"}}"#, "a".repeat(257));
    let said = [
        parameter::<CreateRepositoryRequest>("{}"),
        parameter::<CreateRepositoryRequest>(r#"{"repositoryName":"a"}"#),
        parameter::<CreateRepositoryRequest>(&long),
        parameter::<CreateRepositoryRequest>(r#"{"repositoryName":"Bad_Name!"}"#),
        parameter::<CreateRepositoryRequest>(r#"{"repositoryName":"aa","imageTagMutability":"X"}"#),
        parameter::<CreateRepositoryRequest>(
            r#"{"repositoryName":"aa","tags":[{"Key":"a","Value":""},{"Value":"x"}]}"#,
        ),
        parameter::<DescribeRepositoriesRequest>(r#"{"registryId":"12"}"#),
        parameter::<DescribeRepositoriesRequest>(r#"{"maxResults":1001}"#),
        parameter::<BatchGetImageRequest>(r#"{"repositoryName":"aa","imageIds":[]}"#),
    ];
    insta::assert_snapshot!(said.join("\n"), @r"
    Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must not be null'
    Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must have length greater than or equal to 2'
    Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must have length less than or equal to 256'
    Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must satisfy regular expression '[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*''
    Invalid parameter at 'imageTagMutability' failed to satisfy constraint: 'Member must satisfy enum value set: [IMMUTABLE, MUTABLE, MUTABLE_WITH_EXCLUSION, IMMUTABLE_WITH_EXCLUSION]'
    Invalid parameter at 'tags.2.member.key' failed to satisfy constraint: 'Member must not be null'
    Invalid parameter at 'registryId' failed to satisfy constraint: 'must satisfy regular expression [0-9]{12}'
    Invalid parameter at 'maxResults' failed to satisfy constraint: 'Member must have value less than or equal to 1000'
    Invalid parameter at 'imageIds' failed to satisfy constraint: 'Member must have length greater than or equal to 1'
    ");
}

#[test]
fn text_has_no_nul() {
    let with = |description: &str| {
        format!(r#"{{"prefix":"aa","appliedFor":["REPLICATION"],"description":"{description}"}}"#)
    };
    assert!(decode::<CreateRepositoryCreationTemplateRequest>(with("a").as_bytes()).is_ok());
    assert_eq!(
        parameter::<CreateRepositoryCreationTemplateRequest>(&with(r"a\u0000")),
        r"Invalid parameter at 'description' failed to satisfy constraint: 'must satisfy regular expression '[^\u0000]*''"
    );
}

#[test]
fn tags_of_resources_have_rules_of_their_own() {
    let with = |tags: &str| format!(r#"{{"repositoryName":"aa","tags":[{tags}]}}"#);
    let many: Vec<_> = (0..51).map(|n| format!(r#"{{"Key":"k{n}","Value":""}}"#)).collect();
    assert_eq!(refusal::<CreateRepositoryRequest>(&with(&many.join(","))).0, "TooManyTagsException");
    let (code, message) = refusal::<CreateRepositoryRequest>(&with(r#"{"Key":"","Value":""}"#));
    assert_eq!((code, message.as_str()), ("InvalidTagParameterException", "Tag parameters are invalid"));
    for tags in [r#"{"Key":"AWS:x","Value":""}"#, r#"{"Key":"a","Value":""},{"Key":"a","Value":"b"}"#] {
        assert_eq!(refusal::<CreateRepositoryRequest>(&with(tags)).0, "InvalidTagParameterException");
    }
    assert!(decode::<CreateRepositoryRequest>(with(&many[..50].join(",")).as_bytes()).is_ok());
}

#[test]
fn null_is_absent_and_unknown_members_are_ignored() {
    let body = br#"{"repositoryName":"aa","registryId":null,"tags":null,"stranger":[{"x":1}]}"#;
    let request = decode::<CreateRepositoryRequest>(body).unwrap();
    assert_eq!((request.repository_name.as_str(), request.registry_id), ("aa", None));
    assert_eq!(decode::<DescribeRegistryRequest>(b"").unwrap(), DescribeRegistryRequest::default());
}

#[test]
fn invalid_bodies_are_serialization_errors() {
    let deep = format!("{}{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
    for body in [
        "[]",
        "{",
        "null",
        "1e999999",
        "\"x\"",
        r#"{"repositoryName":7}"#,
        r#"{"repositoryName":["a"]}"#,
        &deep,
    ] {
        assert_eq!(refusal::<DeleteRepositoryRequest>(body).0, "SerializationException", "{body:.40}");
    }
    let (code, message) = refusal::<DescribeRepositoriesRequest>(r#"{"maxResults":1.5}"#);
    assert_eq!(code, "SerializationException");
    assert_eq!(message, "DECIMAL_VALUE can not be converted to an Integer at 'maxResults'");
}

#[test]
fn parts_of_a_layer_are_base64_of_at_most_twenty_mebibytes() {
    let with = |blob: &str| {
        format!(
            r#"{{"repositoryName":"aa","uploadId":"12345678-1234-1234-1234-123456789012","partFirstByte":0,"partLastByte":0,"layerPartBlob":"{blob}"}}"#
        )
    };
    assert_eq!(decode::<UploadLayerPartRequest>(with("eA==").as_bytes()).unwrap().layer_part_blob, b"x");
    assert_eq!(refusal::<UploadLayerPartRequest>(&with("e")).0, "SerializationException");
    let largest = format!("{}AAA=", "AAAA".repeat(20_971_520 / 3));
    assert!(decode::<UploadLayerPartRequest>(with(&largest).as_bytes()).is_ok());
    let above = "AAAA".repeat(20_971_520 / 3 + 1);
    assert!(parameter::<UploadLayerPartRequest>(&with(&above)).contains("'layerPartBlob'"));
}

#[test]
fn a_list_of_names_has_no_pages() {
    let body = r#"{"repositoryNames":["aa"],"nextToken":"t"}"#;
    assert!(parameter::<DescribeRepositoriesRequest>(body).contains("'nextToken'"));
}

proptest! {
    #[test]
    fn hostile_bytes_are_refused_or_read_but_never_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _either_is_fine = decode::<PutImageRequest>(&body).is_ok();
        let text = String::from_utf8_lossy(&body).into_owned();
        let request = serde_json::json!({ "repositoryName": text, "imageManifest": text }).to_string();
        let is_name = oci_like(&text);
        prop_assert_eq!(decode::<PutImageRequest>(request.as_bytes()).is_ok(), is_name);
    }
}

/// Random bytes are almost never a repository name. If they can be one, the first character shows it.
fn oci_like(text: &str) -> bool {
    text.len() >= 2
        && text.split('/').all(|part| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        })
}

#[test]
fn timestamps_keep_milliseconds_and_nothing_finer() {
    let seconds = |nanosecond| {
        let at = jiff::Timestamp::new(1_499_287_667, nanosecond).unwrap();
        serde_json::to_string(&epoch_seconds(at)).unwrap()
    };
    assert_eq!(seconds(0), "1499287667.0");
    assert_eq!(seconds(123_456_789), "1499287667.123");
}

#[test]
fn unknown_members_are_skipped_within_limits() {
    let with = |unknown: &str| format!(r#"{{"x":{unknown},"repositoryName":"aa"}}"#);
    let listed = |count: usize| format!("[{}]", vec!["{}"; count].join(","));
    assert!(decode::<CreateRepositoryRequest>(with(&listed(1_000)).as_bytes()).is_ok());
    let (code, message) = refusal::<CreateRepositoryRequest>(&with(&listed(1_000_000)));
    assert_eq!((code, message.as_str()), ("SerializationException", "The request body has too many values."));
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    assert_eq!(refusal::<CreateRepositoryRequest>(&with(&deep)).0, "SerializationException");
}

#[test]
fn a_list_is_read_up_to_one_item_over_its_maximum() {
    let digests = vec![r#""sha256:aa""#; 5_000].join(",");
    let body = format!(r#"{{"repositoryName":"aa","layerDigests":[{digests}]}}"#);
    let (_, message) = refusal::<BatchCheckLayerAvailabilityRequest>(&body);
    assert!(message.contains("'layerDigests'") && message.contains("less than or equal to 100"), "{message}");
}

#[test]
fn the_names_are_sorted_as_the_search_needs() {
    assert!(OPERATIONS.is_sorted());
    assert!(OPERATIONS.iter().all(|name| is_operation(name)));
    assert!(!is_operation("DescribeWharf"));
}

#[test]
fn exceptions_of_the_model_have_their_statuses() {
    let status = |code: &str| EXCEPTIONS.iter().find(|known| known.code == code).map(|known| known.status);
    assert_eq!(status("RepositoryNotFoundException"), Some(400));
    assert_eq!(status("ServerException"), Some(500));
    let invalid = crate::shape::Invalid::parameter("a", "b");
    assert_eq!(status(invalid.code()), Some(400));
    let part = EXCEPTIONS.iter().find(|known| known.code == "InvalidLayerPartException").unwrap();
    assert!(part.members.contains(&"lastValidByteReceived"));
}

#[test]
fn the_bound_of_a_layer_part_is_the_models() {
    let part = UploadLayerPartRequest::MEMBERS.iter().find(|member| member.name == "layerPartBlob").unwrap();
    assert!(matches!(part.rule, Rule::Blob { max: MAX_LAYER_PART_BYTES }));
}
