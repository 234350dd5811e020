//! Valid and invalid names, tags and references.

use proptest::prelude::*;

use super::*;
use crate::digest::Algorithm;

#[test]
fn names_that_follow_the_grammar_are_valid() {
    let longest = "a".repeat(256);
    for name in [
        "ab",
        "a1",
        "00",
        "a/b",
        "team/service",
        "a.b/c_d/e__f/g-h/i--j/k-----l",
        "blobs/uploads",
        "manifests",
        "tags/list",
        "v2",
        &longest,
    ] {
        assert_eq!(name.parse::<RepositoryName>().unwrap().as_str(), name);
    }
}

#[test]
fn wrong_lengths_have_their_own_error() {
    let long = "a".repeat(257);
    let long_and_bad = "A".repeat(257);
    for name in ["", "a", "A", &long, &long_and_bad] {
        assert_eq!(name.parse::<RepositoryName>(), Err(NameError::RepositoryLength), "{name}");
    }
}

#[test]
fn names_outside_the_grammar_are_refused() {
    for name in [
        "Ab", "aB", "a b", "a/", "/a", "a//b", "//", "a/../b", "..", "a/.", "-a", "a-", "_a", "a_", ".a",
        "a.", "a..b", "a___b", "a._b", "a.-b", "a-_b", "a_-b", "a-.b", "a:b", "a@b", "a%2fb", "ä1",
        "a\u{0}b", "a\nb", "ab\n", "_catalog", "a\\b",
    ] {
        assert_eq!(name.parse::<RepositoryName>(), Err(NameError::RepositoryForm), "{name:?}");
    }
}

#[test]
fn tags_follow_the_specifications_grammar() {
    let longest = "a".repeat(128);
    for tag in
        ["a", "1", "_", "latest", "v1.2.3", "A-b_C.d", "__", "sha256-abc.sig", "a..b", "tags", &longest]
    {
        assert_eq!(tag.parse::<Tag>().unwrap().as_str(), tag);
    }
    let long = "a".repeat(129);
    for tag in ["", ".", "..", ".a", "-a", "a b", "a/b", "a:b", "a@b", "a+b", "ä", "a\n", &long] {
        assert_eq!(tag.parse::<Tag>(), Err(NameError::Tag), "{tag:?}");
    }
}

#[test]
fn a_reference_with_a_colon_is_a_digest() {
    let digest = Digest::of(Algorithm::Sha512, b"");
    let reference: Reference = digest.to_string().parse().unwrap();
    assert_eq!(reference, Reference::Digest(digest));
    assert_eq!((reference.digest(), reference.tag()), (Some(&digest), None));
    assert_eq!(reference.as_str(), digest.to_string());

    let reference: Reference = "latest".parse().unwrap();
    assert_eq!(reference.tag().map(Tag::as_str), Some("latest"));
    assert_eq!(reference.digest(), None);
    assert_eq!(reference.as_str(), "latest");

    for (text, error) in [
        ("sha256:baddigeststring", NameError::Digest(DigestError::Malformed)),
        ("sha384:abcd", NameError::Digest(DigestError::UnsupportedAlgorithm)),
        ("a b", NameError::Tag),
        ("", NameError::Tag),
    ] {
        assert_eq!(text.parse::<Reference>(), Err(error), "{text}");
    }
}

#[test]
fn names_in_json_are_validated() {
    assert_eq!(serde_json::from_str::<RepositoryName>("\"a/b\"").unwrap().as_str(), "a/b");
    assert!(serde_json::from_str::<RepositoryName>("\"A\"").is_err());
    assert!(serde_json::from_str::<Tag>("\"a b\"").is_err());
    let name: RepositoryName = "a/b".parse().unwrap();
    assert_eq!(serde_json::to_string(&name).unwrap(), "\"a/b\"");
}

/// ECR's pattern for the grammar, as a proptest generator.
const ECR_PATTERN: &str = r"[a-z0-9]{1,3}((\.|_|__|-{1,3})[a-z0-9]{1,3}){0,3}(/[a-z0-9]{1,3}((\.|_|__|-{1,3})[a-z0-9]{1,3}){0,3}){0,3}";

proptest! {
    #[test]
    fn every_name_from_ecrs_pattern_is_valid(name in ECR_PATTERN) {
        if name.len() >= 2 {
            prop_assert_eq!(name.parse::<RepositoryName>().map(String::from), Ok(name));
        }
    }

    #[test]
    fn names_contain_nothing_that_is_special_in_a_path(text in "[a-z/._%-]{0,12}") {
        if let Ok(name) = text.parse::<RepositoryName>() {
            prop_assert_eq!(name.as_str(), &*text);
            prop_assert!(!text.contains("..") && !text.contains("//") && !text.contains('%'));
            prop_assert!(!text.starts_with('/') && !text.ends_with('/'));
        }
    }

    #[test]
    fn a_printed_reference_is_parsed_back(text in "([A-Za-z0-9_.:-]{0,8}|sha256:[0-9a-f]{63,65})") {
        if let Ok(reference) = text.parse::<Reference>() {
            prop_assert_eq!(reference.to_string(), text);
        }
    }
}
