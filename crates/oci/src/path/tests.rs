//! Valid, invalid and ambiguous paths.

use proptest::prelude::*;

use super::*;
use crate::digest::Algorithm;

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

fn manifest(of: &str, reference: &str) -> Route {
    Route::Manifest { name: name(of), reference: reference.parse().unwrap() }
}

fn blob(of: &str) -> Route {
    Route::Blob { name: name(of), digest: DIGEST.parse().unwrap() }
}

fn upload(of: &str, id: &str) -> Route {
    Route::Upload { name: name(of), id: id.to_owned() }
}

#[test]
fn every_route_has_its_path() {
    for (path, route) in [
        ("/v2", Route::Base),
        ("/v2/", Route::Base),
        ("/v2/_catalog", Route::Catalog),
        ("/v2/a1/tags/list", Route::Tags { name: name("a1") }),
        ("/v2/a1/manifests/latest", manifest("a1", "latest")),
        (&format!("/v2/a1/manifests/{DIGEST}"), manifest("a1", DIGEST)),
        (&format!("/v2/a1/blobs/{DIGEST}"), blob("a1")),
        ("/v2/a1/blobs/uploads", Route::Uploads { name: name("a1") }),
        ("/v2/a1/blobs/uploads/", Route::Uploads { name: name("a1") }),
        ("/v2/a1/blobs/uploads/0f-1", upload("a1", "0f-1")),
        (
            &format!("/v2/a1/referrers/{DIGEST}"),
            Route::Referrers { name: name("a1"), digest: DIGEST.parse().unwrap() },
        ),
    ] {
        assert_eq!(parse(path), Ok(route), "{path}");
    }
}

#[test]
fn a_repository_name_can_contain_words_of_the_api() {
    for (path, route) in [
        ("/v2/manifests/manifests/latest", manifest("manifests", "latest")),
        ("/v2/blobs/uploads/manifests/latest", manifest("blobs/uploads", "latest")),
        ("/v2/tags/list/manifests/list", manifest("tags/list", "list")),
        ("/v2/a1/manifests/manifests", manifest("a1", "manifests")),
        ("/v2/a1/manifests/uploads", manifest("a1", "uploads")),
        ("/v2/a1/blobs/manifests/uploads", manifest("a1/blobs", "uploads")),
        ("/v2/blobs/uploads/tags/list", Route::Tags { name: name("blobs/uploads") }),
        ("/v2/a1/manifests/tags/list", Route::Tags { name: name("a1/manifests") }),
        ("/v2/a1/blobs/blobs/uploads", Route::Uploads { name: name("a1/blobs") }),
        ("/v2/blobs/uploads/blobs/uploads/", Route::Uploads { name: name("blobs/uploads") }),
        ("/v2/blobs/uploads/blobs/uploads/uploads", upload("blobs/uploads", "uploads")),
        ("/v2/a1/blobs/uploads/uploads", upload("a1", "uploads")),
        ("/v2/a1/blobs/uploads/blobs", upload("a1", "blobs")),
        (&format!("/v2/blobs/uploads/blobs/{DIGEST}"), blob("blobs/uploads")),
        (
            &format!("/v2/referrers/x1/referrers/{DIGEST}"),
            Route::Referrers { name: name("referrers/x1"), digest: DIGEST.parse().unwrap() },
        ),
    ] {
        assert_eq!(parse(path), Ok(route), "{path}");
    }
}

#[test]
fn unknown_paths_are_not_found() {
    for path in [
        "",
        "/",
        "/v1/",
        "/v2x",
        "/v20/",
        "v2/",
        "//v2/",
        "/V2/",
        "/v2//",
        "/v2/a1",
        "/v2/a1/",
        "/v2/_catalog/",
        "/v2/a1/_catalog",
        "/v2/tags/list",
        "/v2/manifests/latest",
        "/v2/blobs/uploads",
        "/v2/blobs/uploads/",
        "/v2/blobs/uploads/x",
        "/v2/a1/tags",
        "/v2/a1/tags/",
        "/v2/a1/tags/list/",
        "/v2/a1/tags/lists",
        "/v2/a1/manifests",
        "/v2/a1/manifests/",
        "/v2/a1/manifests/latest/",
        "/v2/a1/blobs/",
        "/v2/a1/blobs/uploads//",
        "/v2/a1/blobs/uploads/x/",
        "/v2/a1/uploads/x",
        "/v2/a1/blobs/uploads/..",
        "/v2/a1/blobs/uploads/%2e%2e",
        "/v2/a1/blobs/uploads/a%2fb",
        "/v2/a1/blobs/uploads/a b",
        "/v2/a1/blobs/uploads/%zz",
        "/v2/a1/%6danifests/latest",
        "/v2/a1/manifests%2Flatest",
        "/v2%2Fa1/manifests/latest",
        "/v2/../v2/",
    ] {
        assert_eq!(parse(path), Err(PathError::NotFound), "{path}");
    }
    let long_id = format!("/v2/a1/blobs/uploads/{}", "x".repeat(129));
    assert_eq!(parse(&long_id), Err(PathError::NotFound));
}

#[test]
fn a_bad_name_is_reported_as_a_bad_name() {
    for raw in [
        "", "A1", "a", "a1/", "/a1", "a1//b", "a1/../b", "..", "%2e%2e", "a1%2Fb", "a1%2fb", "a1%00", "a1%",
        "a1%4", "a1%zz", "a1%ff", "a1%252fb", "a1%c3%a4", "a1?x", "a1#x", "a%2", "ä%2fb",
    ] {
        for path in [
            format!("/v2/{raw}/manifests/latest"),
            format!("/v2/{raw}/tags/list"),
            format!("/v2/{raw}/blobs/{DIGEST}"),
            format!("/v2/{raw}/blobs/uploads/"),
            format!("/v2/{raw}/blobs/uploads/x"),
            format!("/v2/{raw}/referrers/{DIGEST}"),
        ] {
            assert_eq!(parse(&path), Err(PathError::InvalidName(raw.to_owned())), "{path}");
        }
    }
}

#[test]
fn a_malformed_digest_is_not_taken_for_a_tag() {
    let upper = DIGEST.to_uppercase();
    for raw in ["sha256:baddigeststring", "sha384:abc", "sha256%3Abad", ":", "sha256:%zz:", &upper] {
        let error = PathError::InvalidDigest(raw.to_owned());
        assert_eq!(parse(&format!("/v2/a1/blobs/{raw}")), Err(error.clone()), "{raw}");
        assert_eq!(parse(&format!("/v2/a1/referrers/{raw}")), Err(error.clone()), "{raw}");
        if !raw.contains("%zz") {
            assert_eq!(parse(&format!("/v2/a1/manifests/{raw}")), Err(error), "{raw}");
        }
    }
    assert_eq!(parse("/v2/a1/blobs/latest"), Err(PathError::InvalidDigest("latest".to_owned())));
    for raw in ["-a", "..", "a@b", "a%2fb", "a%zz", "a%20b", "é"] {
        let error = PathError::InvalidReference(raw.to_owned());
        assert_eq!(parse(&format!("/v2/a1/manifests/{raw}")), Err(error), "{raw}");
    }
}

#[test]
fn escapes_in_names_are_decoded_once() {
    let escaped = DIGEST.replace(':', "%3a");
    assert_eq!(parse(&format!("/v2/a1/blobs/{escaped}")), Ok(blob("a1")));
    assert_eq!(parse(&format!("/v2/a1/manifests/{escaped}")), Ok(manifest("a1", DIGEST)));
    assert_eq!(parse("/v2/%61%31/b%2Dc/manifests/%6Catest"), Ok(manifest("a1/b-c", "latest")));
    assert_eq!(parse("/v2/a1/blobs/uploads/0%66"), Ok(upload("a1", "0f")));
}

/// Names made of the API's own words, where a parser could fail.
fn confusing_name() -> impl Strategy<Value = RepositoryName> {
    let part = prop_oneof![
        Just("blobs"),
        Just("uploads"),
        Just("manifests"),
        Just("tags"),
        Just("list"),
        Just("referrers"),
        Just("v2"),
        Just("a1"),
    ];
    prop::collection::vec(part, 1..6).prop_map(|parts| name(&parts.join("/")))
}

fn route() -> impl Strategy<Value = Route> {
    let reference = prop_oneof![
        Just("blobs".to_owned()),
        Just("uploads".to_owned()),
        Just("manifests".to_owned()),
        Just("list".to_owned()),
        Just(Digest::of(Algorithm::Sha512, b"x").to_string()),
        "[A-Za-z0-9_][A-Za-z0-9._-]{0,127}",
    ];
    let id = prop_oneof![Just("uploads".to_owned()), Just("blobs".to_owned()), "[A-Za-z0-9_~-]{1,128}"];
    (confusing_name(), reference, id, 0_usize..8).prop_map(|(name, reference, id, which)| match which {
        0 => Route::Base,
        1 => Route::Catalog,
        2 => Route::Tags { name },
        3 => Route::Manifest { name, reference: reference.parse().unwrap() },
        4 => Route::Blob { name, digest: DIGEST.parse().unwrap() },
        5 => Route::Uploads { name },
        6 => Route::Upload { name, id },
        _ => Route::Referrers { name, digest: Digest::of(Algorithm::Sha512, id.as_bytes()) },
    })
}

proptest! {
    #[test]
    fn a_printed_path_is_parsed_back(route in route()) {
        prop_assert_eq!(parse(&route.to_string()), Ok(route));
    }
}
