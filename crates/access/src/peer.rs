//! Requests between deployments. Each deployment has a key of its own (Ed25519), and knows the public keys of its peers.
//! A request carries signed claims: who asks whom and when, for which account, at which registry, and what exactly it
//! asks. The account of the peer acts as an account of this deployment, if the operator mapped it: in a session of that
//! account's service-linked role for replication, about which the gate decides as for replication between accounts here.

use std::fmt;
use std::sync::Arc;

use aws::ids::{AccountId, Region};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use meta::{Micros, PeerOrder};
use oci::name::RepositoryName;
use serde::{Deserialize, Serialize};

use crate::Access;
use crate::context::{Ctx, RepositoryRef};
use crate::error::{Code, Error, Result};
use crate::settings::Peer;

/// The scheme of the `Authorization` header.
const SCHEME: &str = "Wharf-Peer ";
/// How far the time of a request may be from the time of the server, in microseconds: as with SigV4.
const LONGEST: u64 = 300_000_000;
/// The maximum length of a header.
const MAX_HEADER: usize = 4 * 1024;

/// The public key of a deployment. Its text is base64.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Reads its text.
    pub fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// The key with which a deployment signs its requests to peers. No `Debug`: it is a secret.
pub struct PeerKey(Ed25519KeyPair);

impl PeerKey {
    /// The key of these 32 random bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Option<Self> {
        Ed25519KeyPair::from_seed_unchecked(seed).ok().map(Self)
    }

    /// The key that peers know.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.public_key().as_ref().first_chunk().copied().unwrap_or_default())
    }

    /// The `Authorization` header of a request to a peer.
    pub fn sign(&self, to: PublicKey, asks: PeerAsks<'_>, now: Timestamp) -> Result<String> {
        let claims = Claims {
            from: self.public().to_string(),
            to: to.to_string(),
            at: now.as_microsecond(),
            path: asks.path.to_owned(),
            body: asks.body.map(hash),
            source: asks.source.into(),
            destination: (&asks.repository.account_id, &asks.repository.region).into(),
            repository: asks.repository.name.to_string(),
        };
        let claims = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims).map_err(Error::internal)?);
        let signature = URL_SAFE_NO_PAD.encode(self.0.sign(claims.as_bytes()).as_ref());
        Ok(format!("{SCHEME}{claims}.{signature}"))
    }
}

/// What a request asks.
#[derive(Clone, Copy)]
pub struct PeerAsks<'a> {
    /// The path with the query.
    pub path: &'a str,
    /// The body; None: a part of a layer, whose digest is verified when all of it has arrived.
    pub body: Option<&'a [u8]>,
    /// The registry that is replicated.
    pub source: (&'a AccountId, &'a Region),
    /// The repository at the destination.
    pub repository: &'a RepositoryRef,
}

#[derive(Serialize, Deserialize)]
struct Place {
    account: String,
    region: String,
}

impl From<(&AccountId, &Region)> for Place {
    fn from((account, region): (&AccountId, &Region)) -> Self {
        Self { account: account.to_string(), region: region.to_string() }
    }
}

impl Place {
    fn read(&self) -> Option<(AccountId, Region)> {
        Some((self.account.parse().ok()?, self.region.parse().ok()?))
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    from: String,
    to: String,
    at: i64,
    path: String,
    body: Option<String>,
    source: Place,
    destination: Place,
    repository: String,
}

fn hash(body: &[u8]) -> String {
    hex::encode(digest(&SHA256, body))
}

/// A request of a peer whose signature is valid, for an account that is mapped.
pub struct PeerRequest {
    /// The registry that is replicated: the account here that acts, and the Region of the peer.
    pub source: (AccountId, Region),
    /// The repository at the destination.
    pub repository: RepositoryRef,
    /// The place of the request among those of the same source.
    pub order: PeerOrder,
    peer: Arc<Peer>,
    body: Option<String>,
}

impl PeerRequest {
    /// The account here that an account of the peer acts as; None: it is not mapped, so it is nobody here.
    pub fn account_here(&self, theirs: &str) -> Option<&AccountId> {
        self.peer.accounts.get(&theirs.parse().ok()?)
    }

    /// Whether the request is a part of a layer, which the signature does not cover.
    pub fn is_part(&self) -> bool {
        self.body.is_none()
    }

    /// Whether this is the body that the peer signed.
    pub fn is_signed(&self, body: &[u8]) -> bool {
        self.body.as_ref().is_some_and(|signed| *signed == hash(body))
    }
}

impl Access {
    /// Verifies the head of a request of a peer. This needs no body, and reads nothing from the store.
    pub fn peer_request(&self, header: Option<&str>, path: &str, now: Timestamp) -> Result<PeerRequest> {
        let invalid = || Error::new(Code::InvalidToken, "The request is not signed by a peer.");
        let peers = &self.settings.peers;
        let own = peers.key.as_ref().ok_or_else(invalid)?.public().to_string();
        let header = header.filter(|text| text.len() <= MAX_HEADER).ok_or_else(invalid)?;
        let signed = header.strip_prefix(SCHEME).and_then(|text| text.split_once('.'));
        let (text, signature) = signed.ok_or_else(invalid)?;
        let decoded = (URL_SAFE_NO_PAD.decode(text).ok(), URL_SAFE_NO_PAD.decode(signature).ok());
        let (Some(claims), Some(signature)) = decoded else { return Err(invalid()) };
        let claims: Claims = serde_json::from_slice(&claims).map_err(|_| invalid())?;
        let from = PublicKey::parse(&claims.from).ok_or_else(invalid)?;
        let peer = peers.list.iter().find(|peer| peer.public_key == from).ok_or_else(invalid)?;
        let key = UnparsedPublicKey::new(&ED25519, peer.public_key.0);
        key.verify(text.as_bytes(), &signature).map_err(|_| invalid())?;
        if claims.to != own || claims.path != path {
            return Err(invalid());
        }
        if now.as_microsecond().abs_diff(claims.at) > LONGEST {
            let message = "The time of the peer's request is too far from the time of this server.";
            return Err(Error::new(Code::ExpiredToken, message));
        }
        let places = claims.source.read().zip(claims.destination.read());
        let ((account, source_region), (account_id, region)) = places.ok_or_else(invalid)?;
        let Some(acts_as) = peer.accounts.get(&account) else {
            tracing::info!(peer = peer.name, %account, "an account of a peer is not mapped");
            let message =
                format!("The account {account} cannot replicate here: the operator has not mapped it.");
            return Err(Error::new(Code::AccessDenied, message));
        };
        let name: RepositoryName = claims.repository.parse().map_err(|_| invalid())?;
        let source = format!("{}/{account}/{source_region}", peer.name);
        Ok(PeerRequest {
            order: PeerOrder { source, sent_at: Micros(claims.at) },
            source: (acts_as.clone(), source_region),
            repository: RepositoryRef { account_id, region, name },
            peer: Arc::clone(peer),
            body: claims.body,
        })
    }

    /// The context of a request of a peer.
    pub async fn peer_ctx(&self, asked: &PeerRequest, id: Arc<str>, now: Timestamp) -> Result<Ctx> {
        let (account_id, region) = &asked.source;
        let to = &asked.repository.region;
        let ctx = self.replication_ctx((account_id, region), to, id, now).await?;
        let ctx = ctx.ok_or_else(|| {
            let message = format!(
                "The account {account_id} has no service-linked role for replication. CreateServiceLinkedRole creates it."
            );
            Error::new(Code::AccessDenied, message)
        })?;
        Ok(Ctx { of_peer: Some(asked.order.source.as_str().into()), ..ctx })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_key_is_read_from_its_text() {
        let key = PeerKey::from_seed(&[7; 32]).unwrap().public();
        assert!(PublicKey::parse(&key.to_string()) == Some(key));
        for text in ["", "AAAA", "not base64!"] {
            assert!(PublicKey::parse(text).is_none(), "{text}");
        }
    }
}
