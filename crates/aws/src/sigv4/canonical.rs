//! The canonical form of a request and the string to sign.
//!
//! INVARIANT: two different requests never have the same canonical form. Values are treated as bytes (a text decoder
//! would map different invalid bytes to one replacement character), and line breaks are refused.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};
use sha2::{Digest as _, Sha256};

use super::date::AmzDate;
use super::signed_headers::SignedHeaders;
use super::{ALGORITHM, Request, Scope, SigV4Error};

/// The unreserved characters of RFC 3986 section 2.3 stay unchanged.
const PARAMETER: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const PATH: &AsciiSet = &PARAMETER.remove(b'/');

/// The query parameter that is not signed: the signature itself.
pub(super) const SIGNATURE_PARAMETER: &str = "X-Amz-Signature";

/// The hash of a body in the canonical request.
#[derive(Clone, Copy)]
pub(super) enum PayloadHash {
    Sha256([u8; 32]),
    Unsigned,
}

/// The text that is signed.
pub(super) fn string_to_sign(
    request: &Request<'_>,
    signed: &SignedHeaders,
    payload: PayloadHash,
    date: AmzDate,
    scope: &Scope,
) -> Result<String, SigV4Error> {
    let hash = hex::encode(Sha256::digest(canonical_request(request, signed, payload)?));
    Ok(format!("{ALGORITHM}\n{date}\n{scope}\n{hash}"))
}

fn canonical_request(
    request: &Request<'_>,
    signed: &SignedHeaders,
    payload: PayloadHash,
) -> Result<Vec<u8>, SigV4Error> {
    if !request.method.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(SigV4Error::SignatureMismatch);
    }
    let mut text = Vec::with_capacity(512);
    text.extend_from_slice(request.method.as_bytes());
    text.push(b'\n');
    text.extend_from_slice(canonical_path(request.path).as_bytes());
    text.push(b'\n');
    text.extend_from_slice(canonical_query(request.query).as_bytes());
    text.push(b'\n');
    for name in signed.names() {
        text.extend_from_slice(name.as_bytes());
        text.push(b':');
        for (index, value) in request.header(name).enumerate() {
            if index > 0 {
                text.push(b',');
            }
            append_header_value(&mut text, value)?;
        }
        text.push(b'\n');
    }
    text.push(b'\n');
    text.extend_from_slice(signed.as_str().as_bytes());
    text.push(b'\n');
    match payload {
        PayloadHash::Sha256(hash) => text.extend_from_slice(hex::encode(hash).as_bytes()),
        PayloadHash::Unsigned => text.extend_from_slice(b"UNSIGNED-PAYLOAD"),
    }
    Ok(text)
}

/// The path, normalised and encoded once more.
///
/// The path of a request is percent-encoded already; every service but S3 encodes it a second time for the
/// signature (IAM User Guide, "Create a canonical request": "each path segment must be URI-encoded twice,
/// except for Amazon S3"). Dot segments and repeated slashes are resolved, also except for S3; a path that has
/// neither is signed as it is, byte for byte. Whoever routes by path must not resolve dots after this.
fn canonical_path(path: &str) -> String {
    percent_encode(normal_path(path).as_bytes(), PATH).to_string()
}

fn normal_path(path: &str) -> Cow<'_, str> {
    let is_normal = path.starts_with('/')
        && !path.contains("//")
        && !path.split('/').any(|segment| matches!(segment, "." | ".."));
    if is_normal {
        return Cow::Borrowed(path);
    }
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            segment => kept.push(segment),
        }
    }
    let names_a_folder = matches!(path.rsplit('/').next(), Some("" | "." | ".."));
    let end = if names_a_folder && !kept.is_empty() { "/" } else { "" };
    Cow::Owned(format!("/{}{end}", kept.join("/")))
}

/// Decoded name and value of each parameter. `+` is a space and an incomplete escape stays unchanged, as in the URL
/// standard's form decoder, which the official signer uses.
pub(super) fn parameters(query: &str) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    query.split('&').filter(|part| !part.is_empty()).map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (decode(name), decode(value))
    })
}

fn decode(text: &str) -> Vec<u8> {
    let spaced = text.replace('+', " ");
    percent_decode(spaced.as_bytes()).collect()
}

/// Parameters in their canonical encoding, sorted by encoded name, then value.
fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = parameters(query)
        .filter(|(name, _)| name != SIGNATURE_PARAMETER.as_bytes())
        .map(|(name, value)| (encode_parameter(&name), encode_parameter(&value)))
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

pub(super) fn encode_parameter(bytes: &[u8]) -> String {
    percent_encode(bytes, PARAMETER).to_string()
}

/// The value without spaces at its ends and with each run of spaces reduced to one. Only spaces: the official signer
/// does not change tabs.
fn append_header_value(text: &mut Vec<u8>, value: &[u8]) -> Result<(), SigV4Error> {
    if value.iter().any(|byte| matches!(byte, b'\n' | b'\r' | 0)) {
        return Err(SigV4Error::SignatureMismatch);
    }
    let words = value.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    for (index, word) in words.enumerate() {
        if index > 0 {
            text.push(b' ');
        }
        text.extend_from_slice(word);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised_and_encoded_twice() {
        for (path, canonical) in [
            ("", "/"),
            ("/", "/"),
            ("//", "/"),
            ("/a/b", "/a/b"),
            ("/a/b/", "/a/b/"),
            ("/a//b///c", "/a/b/c"),
            ("/./a/../b/.", "/b/"),
            ("/../..", "/"),
            ("/a/..", "/"),
            ("/a/b/..", "/a/"),
            ("a", "/a"),
            ("/a%20b", "/a%2520b"),
            ("/a:b@c!$*~", "/a%3Ab%40c%21%24%2A~"),
            ("/...", "/..."),
        ] {
            assert_eq!(canonical_path(path), canonical, "{path}");
        }
    }

    #[test]
    fn queries_are_sorted_by_encoded_name_and_value() {
        for (query, canonical) in [
            ("", ""),
            ("b=2&a=1", "a=1&b=2"),
            ("a=2&a=1&a", "a=&a=1&a=2"),
            ("a=b=c", "a=b%3Dc"),
            ("&&a=1&", "a=1"),
            ("=", "="),
            ("a=x+y%20z%2f", "a=x%20y%20z%2F"),
            ("a=%zz%4", "a=%25zz%254"),
            ("a=%FF&a=%FE", "a=%FE&a=%FF"),
            ("X-Amz-Signature=00&a=1&X-Amz-Date=d", "X-Amz-Date=d&a=1"),
        ] {
            assert_eq!(canonical_query(query), canonical, "{query}");
        }
    }

    #[test]
    fn header_values_are_folded_and_cannot_end_the_line() {
        let folded = |value: &[u8]| {
            let mut text = Vec::new();
            append_header_value(&mut text, value).map(|()| text)
        };
        assert_eq!(folded(b"  a   b  ").unwrap(), b"a b");
        assert_eq!(folded(b"a\t b").unwrap(), b"a\t b");
        assert_eq!(folded(b"\xff\xfe").unwrap(), b"\xff\xfe");
        for hostile in [&b"a\nx-amz-target:b"[..], b"a\rb", b"a\0b"] {
            assert_eq!(folded(hostile), Err(SigV4Error::SignatureMismatch));
        }
    }
}
