//! Paths of the data plane: `/v2/...` → [`Route`].
//!
//! Repository names contain slashes and can contain the API's own words (`blobs/uploads`, `manifests`). A path is
//! therefore parsed from the end: the last parts say what it is, and everything before them is the name. No path has
//! two meanings: the word before the last part decides (`manifests`, `blobs`, `referrers`, `tags`, `uploads`), and
//! these words differ.

use std::{borrow::Cow, fmt};

use percent_encoding::percent_decode_str;

use crate::{
    digest::Digest,
    name::{NameError, Reference, RepositoryName},
};

/// What a path of the data plane refers to.
#[derive(Clone, Debug, Eq, PartialEq, Hash)]
pub enum Route {
    /// `/v2/`: checks whether this is a registry, and whether the credentials are valid.
    Base,
    /// `/v2/_catalog`: the list of repositories.
    Catalog,
    /// `/v2/<name>/tags/list`
    Tags {
        /// The repository.
        name: RepositoryName,
    },
    /// `/v2/<name>/manifests/<reference>`
    Manifest {
        /// The repository.
        name: RepositoryName,
        /// The tag or digest.
        reference: Reference,
    },
    /// `/v2/<name>/blobs/<digest>`
    Blob {
        /// The repository.
        name: RepositoryName,
        /// The blob's digest.
        digest: Digest,
    },
    /// `/v2/<name>/blobs/uploads/`, which starts an upload.
    Uploads {
        /// The repository.
        name: RepositoryName,
    },
    /// `/v2/<name>/blobs/uploads/<id>`: an upload session.
    Upload {
        /// The repository.
        name: RepositoryName,
        /// The upload ID from the client. It may not exist.
        id: String,
    },
    /// `/v2/<name>/referrers/<digest>`
    Referrers {
        /// The repository.
        name: RepositoryName,
        /// The subject's digest.
        digest: Digest,
    },
}

/// Why a path is invalid. The string is the wrong part, as it was sent.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PathError {
    /// The path has none of the known forms.
    #[error("there is nothing at this path")]
    NotFound,
    /// The form is known, but the repository name is invalid.
    #[error("`{0}` is not a repository name")]
    InvalidName(String),
    /// The form is known, but the tag is invalid.
    #[error("`{0}` is not a tag")]
    InvalidReference(String),
    /// The form is known, but the digest is invalid or its algorithm is not supported.
    #[error(
        "`{0}` is not a digest that is supported: `sha256:` or `sha512:` and lower-case hexadecimal digits"
    )]
    InvalidDigest(String),
}

/// The maximum length of an upload ID.
const MAX_UPLOAD_ID_LEN: usize = 128;

/// Parses a path as it was sent, without its query.
///
/// ```
/// use oci::path::{Route, parse};
///
/// let route = parse("/v2/blobs/uploads/manifests/latest")?;
/// let name = "blobs/uploads".parse()?;
/// assert_eq!(route, Route::Manifest { name, reference: "latest".parse()? });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn parse(raw_path: &str) -> Result<Route, PathError> {
    let path = match raw_path.strip_prefix("/v2") {
        None => return Err(PathError::NotFound),
        Some("" | "/") => return Ok(Route::Base),
        Some("/_catalog") => return Ok(Route::Catalog),
        Some(path) => path.strip_prefix('/').ok_or(PathError::NotFound)?,
    };
    let (before, last) = path.rsplit_once('/').ok_or(PathError::NotFound)?;
    if last.is_empty() {
        // The only resource whose path ends with a slash. Uploads can also be started without it.
        return uploads(before.strip_suffix("/blobs/uploads"));
    }
    let (before, word) = before.rsplit_once('/').ok_or(PathError::NotFound)?;
    match word {
        "tags" if last == "list" => Ok(Route::Tags { name: name(before)? }),
        "manifests" => Ok(Route::Manifest { name: name(before)?, reference: reference(last)? }),
        "blobs" if last == "uploads" => uploads(Some(before)),
        "blobs" => Ok(Route::Blob { name: name(before)?, digest: digest(last)? }),
        "referrers" => Ok(Route::Referrers { name: name(before)?, digest: digest(last)? }),
        "uploads" => {
            let before = before.strip_suffix("/blobs").ok_or(PathError::NotFound)?;
            Ok(Route::Upload { name: name(before)?, id: upload_id(last)? })
        }
        _ => Err(PathError::NotFound),
    }
}

fn uploads(name_part: Option<&str>) -> Result<Route, PathError> {
    Ok(Route::Uploads { name: name(name_part.ok_or(PathError::NotFound)?)? })
}

/// A name may be percent-encoded, but not its slashes: proxies disagree on an encoded slash, and the permission check
/// and the operation must see the same name.
fn name(raw: &str) -> Result<RepositoryName, PathError> {
    let invalid = || PathError::InvalidName(raw.to_owned());
    let decoded = decode(raw).ok_or_else(invalid)?;
    decoded.parse().map_err(|_| invalid())
}

fn reference(raw: &str) -> Result<Reference, PathError> {
    let decoded = decode(raw).ok_or_else(|| PathError::InvalidReference(raw.to_owned()))?;
    decoded.parse().map_err(|error| match error {
        NameError::Digest(_) => PathError::InvalidDigest(raw.to_owned()),
        _ => PathError::InvalidReference(raw.to_owned()),
    })
}

fn digest(raw: &str) -> Result<Digest, PathError> {
    let invalid = || PathError::InvalidDigest(raw.to_owned());
    decode(raw).ok_or_else(invalid)?.parse().map_err(|_| invalid())
}

/// The server creates IDs from unreserved characters (RFC 3986 §2.3). Any other text cannot be an ID.
fn upload_id(raw: &str) -> Result<String, PathError> {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    let id = decode(raw).ok_or(PathError::NotFound)?;
    let is_id = (1..=MAX_UPLOAD_ID_LEN).contains(&id.len()) && id.bytes().all(is_unreserved);
    if is_id && !matches!(&*id, "." | "..") { Ok(id.into_owned()) } else { Err(PathError::NotFound) }
}

/// Decodes percent-encoding once and strictly: `%` must be followed by two hexadecimal digits, the result must be
/// UTF-8, and it must contain no slash.
fn decode(raw: &str) -> Option<Cow<'_, str>> {
    let mut escapes = raw.split('%');
    let literal = escapes.next()?;
    if literal.len() == raw.len() {
        return Some(Cow::Borrowed(raw));
    }
    let is_escape = |rest: &str| {
        rest.get(..2).is_some_and(|digits| {
            digits.bytes().all(|byte| byte.is_ascii_hexdigit()) && !digits.eq_ignore_ascii_case("2f")
        })
    };
    if !escapes.all(is_escape) {
        return None;
    }
    percent_decode_str(raw).decode_utf8().ok()
}

impl Route {
    /// The repository of the path, if it has one.
    pub const fn repository(&self) -> Option<&RepositoryName> {
        match self {
            Self::Base | Self::Catalog => None,
            Self::Tags { name }
            | Self::Manifest { name, .. }
            | Self::Blob { name, .. }
            | Self::Uploads { name }
            | Self::Upload { name, .. }
            | Self::Referrers { name, .. } => Some(name),
        }
    }
}

/// The path of the route. [`parse`] parses it back.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base => f.write_str("/v2/"),
            Self::Catalog => f.write_str("/v2/_catalog"),
            Self::Tags { name } => write!(f, "/v2/{name}/tags/list"),
            Self::Manifest { name, reference } => write!(f, "/v2/{name}/manifests/{reference}"),
            Self::Blob { name, digest } => write!(f, "/v2/{name}/blobs/{digest}"),
            Self::Uploads { name } => write!(f, "/v2/{name}/blobs/uploads/"),
            Self::Upload { name, id } => write!(f, "/v2/{name}/blobs/uploads/{id}"),
            Self::Referrers { name, digest } => write!(f, "/v2/{name}/referrers/{digest}"),
        }
    }
}

#[cfg(test)]
mod tests;
