//! The container credentials endpoint of ECS and EKS Pod Identity. `AWS_CONTAINER_CREDENTIALS_FULL_URI` contains its
//! URL, and `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` the file with the value for `Authorization`.

use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use serde_json::json as value;
use subtle::ConstantTimeEq as _;

use super::agent::{Agent, json};
use crate::files;

/// The path of the endpoint.
pub(super) const PATH: &str = "/v1/credentials";

/// The minimum length of a token that the user created.
const MIN_TOKEN_BYTES: usize = 16;

/// The authorization token in a file. A missing file is created with a random token. Every user who can read the file
/// gets the role. A user who can write it could get the role too, so a token that others can have written is refused.
pub(crate) fn load_or_make_token(path: &Path) -> anyhow::Result<String> {
    if let Some(found) = files::read_optional(path)? {
        if !files::is_own(path, 0o022) {
            bail!(
                "{}: the file of the token must belong to you or to root, and only its owner may write it (chmod go-w)",
                path.display()
            );
        }
        let token = String::from_utf8(found).unwrap_or_default().trim().to_owned();
        if token.len() < MIN_TOKEN_BYTES || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            bail!("{}: a token has {MIN_TOKEN_BYTES} or more visible characters on one line", path.display());
        }
        return Ok(token);
    }
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| anyhow!("the operating system provides no random numbers"))?;
    let token = hex::encode(bytes);
    files::write_private(path, token.as_bytes()).context("the authorization token")?;
    Ok(token)
}

/// GET on [`PATH`].
pub(super) async fn get(State(agent): State<Agent>, headers: HeaderMap) -> Response {
    let refuse = |status: StatusCode, code: &str, message: String| {
        (status, json(&value!({"code": code, "message": message}))).into_response()
    };
    let Some(expected) = agent.authorization() else {
        return refuse(StatusCode::NOT_FOUND, "NotFound", "this agent serves no containers".to_owned());
    };
    let Some(given) = headers.get(header::AUTHORIZATION) else {
        return refuse(StatusCode::UNAUTHORIZED, "Unauthorized", "no Authorization header".to_owned());
    };
    if !bool::from(given.as_bytes().ct_eq(expected.as_bytes())) {
        return refuse(StatusCode::FORBIDDEN, "Forbidden", "the authorization token is wrong".to_owned());
    }
    match agent.kept().get(Timestamp::now()) {
        Ok(credentials) => json(&credentials.for_container(agent.role_arn())),
        Err(failure) => refuse(StatusCode::SERVICE_UNAVAILABLE, "CredentialsNotAvailable", failure),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_token_that_others_can_write_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let made = load_or_make_token(&path).unwrap();
        assert_eq!(load_or_make_token(&path).unwrap(), made);
        // Readable by a group, so the containers of this group get the role.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(load_or_make_token(&path).unwrap(), made);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        assert!(load_or_make_token(&path).unwrap_err().to_string().contains("chmod go-w"));
    }
}
