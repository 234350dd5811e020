//! One request to a peer, and what its answer means.

use access::context::RepositoryRef;
use access::error::Error;
use access::peer::PeerAsks;
use access::settings::Peers;
use bytes::Bytes;
use jiff::Timestamp;
use upstream::UpstreamError;

use super::link::Link;
use super::message::{Answer, Ask, PATH, Refused};
use crate::replication::Route;

/// The longest code of a refusal that is kept.
const MAX_CODE: usize = 64;

/// A code as it is kept and logged; None if it is not the name of an error.
pub(super) fn kept_code(code: &str) -> Option<String> {
    let is_code = !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_code.then(|| code.chars().take(MAX_CODE).collect())
}

/// Why something is not at a peer.
pub(super) enum Failure {
    /// The peer does not answer, or does not serve this deployment now. Nothing is sent to it for a while.
    NotReached(String),
    /// The pass is over. The next one goes on.
    Paused,
    /// The upload of a layer is not where it was expected.
    Moved,
    /// The peer failed in a way that says nothing about the image.
    Failed(String),
    /// The destination refuses it, with this code.
    Refused(String),
    /// This deployment failed, or refuses it.
    Here(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Here(error)
    }
}

/// A destination at a peer, and a repository there.
pub(super) struct Way<'a> {
    pub(super) peers: &'a Peers,
    pub(super) link: &'a Link,
    pub(super) route: &'a Route,
    pub(super) to: RepositoryRef,
}

impl Way<'_> {
    /// Asks the peer.
    pub(super) async fn ask(&self, ask: &Ask) -> Result<Answer, Failure> {
        let body = serde_json::to_vec(ask).map_err(Error::internal)?;
        let signed = self.sign(PATH, Some(&body))?;
        self.post(PATH, &signed, body.into()).await
    }

    /// Sends a part of a layer.
    pub(super) async fn send_part(&self, path: &str, part: Bytes) -> Result<Answer, Failure> {
        let signed = self.sign(path, None)?;
        self.post(path, &signed, part).await
    }

    fn sign(&self, path: &str, body: Option<&[u8]>) -> Result<String, Failure> {
        let none = || Failure::NotReached("the settings have no key for peers".to_owned());
        let key = self.peers.key.as_ref().ok_or_else(none)?;
        let destination = &self.route.destination;
        let source = (&destination.source_account_id, &destination.source_region);
        let asks = PeerAsks { path, body, source, repository: &self.to };
        Ok(key.sign(self.link.peer.public_key, asks, Timestamp::now())?)
    }

    async fn post(&self, path: &str, signed: &str, body: Bytes) -> Result<Answer, Failure> {
        let client = self.link.client().map_err(Failure::NotReached)?;
        let answer = client.post(path, signed, body).await.map_err(|error| not_reached(&error))?;
        if answer.status == 200 {
            self.link.was_reached();
            let unreadable = || Failure::Failed("the peer's answer cannot be read".to_owned());
            return serde_json::from_slice(&answer.body).map_err(|_| unreadable());
        }
        let refused: Refused = serde_json::from_slice(&answer.body).unwrap_or_default();
        Err(refusal(answer.status, refused))
    }
}

fn not_reached(error: &UpstreamError) -> Failure {
    Failure::NotReached(error.to_string())
}

fn refusal(status: u16, refused: Refused) -> Failure {
    let Refused { code, message } = refused;
    let kept = kept_code(&code);
    let text = || -> String {
        format!("{status} {message}").chars().filter(|char| !char.is_control()).take(500).collect()
    };
    match (status, code.as_str()) {
        (_, "UploadNotFound" | "UploadRangeInvalid" | "ClientGone") => Failure::Moved,
        // The URL is not that of the peer, the peer does not know this deployment, or it is busy.
        (..=399 | 401 | 429 | 502 | 503 | 504, _) => Failure::NotReached(text()),
        // What is not Wharf's can be about this request alone: a proxy refuses what it does not like.
        _ => match kept.filter(|_| status < 500) {
            None => Failure::Failed(text()),
            Some(code) => {
                let why = text();
                tracing::info!(code, why, "a peer refused a replication");
                Failure::Refused(code)
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, code: &str) -> &'static str {
        match refusal(status, Refused { code: code.to_owned(), message: String::new() }) {
            Failure::NotReached(_) => "not reached",
            Failure::Moved => "moved",
            Failure::Failed(_) => "failed",
            Failure::Refused(_) => "refused",
            Failure::Paused | Failure::Here(_) => "other",
        }
    }

    #[test]
    fn a_status_says_who_failed() {
        assert_eq!(of(403, "AccessDenied"), "refused");
        assert_eq!(of(401, "InvalidToken"), "not reached");
        assert_eq!(of(503, "Unavailable"), "not reached");
        assert_eq!(of(301, ""), "not reached");
        assert_eq!(of(404, ""), "failed");
        assert_eq!(of(403, "<html>"), "failed");
        assert_eq!(of(500, ""), "failed");
        assert_eq!(of(502, ""), "not reached");
        assert_eq!(of(500, "Internal"), "failed");
        assert_eq!(of(416, "UploadRangeInvalid"), "moved");
    }

    #[test]
    fn only_a_short_code_is_kept() {
        assert_eq!(kept_code("AccessDenied").as_deref(), Some("AccessDenied"));
        assert_eq!(kept_code(&"A".repeat(1 << 20)), Some("A".repeat(64)));
        for text in ["", "<html>", "two words", "a\nb"] {
            assert_eq!(kept_code(text), None, "{text}");
        }
        let long = Refused { code: "A".repeat(100), message: String::new() };
        assert!(matches!(refusal(403, long), Failure::Refused(code) if code.len() == 64));
    }
}
