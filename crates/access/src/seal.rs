//! Sealed values: docker passwords, page tokens, download URLs, secrets at rest.
//!
//! Each is sealed with AES-256-GCM, under a key that is derived for its purpose. It begins with a format version and a
//! key ID, so keys can be added and retired while values sealed under older keys still open
//! (docs/adr/0009-sealed-values-and-the-key-ring.md).

use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::key_ring::{Entry, Ring};
use crate::settings::MasterKey;

const FORMAT: u8 = 1;
const HEADER_LEN: usize = 2;

/// What a sealed value is for. A value sealed for one purpose does not open for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The docker password.
    Token,
    /// The bearer token of ECR Public for a caller with a password.
    Bearer,
    /// The bearer token of ECR Public for nobody.
    Anonymous,
    /// `nextToken` and `last`.
    Page,
    /// The URL that GetDownloadUrlForLayer gives.
    Download,
    /// Secret access keys in the store.
    AccessKey,
    /// How an API destination of EventBridge authenticates, in the store.
    Connection,
    /// The value of a secret of Secrets Manager, in the store.
    SecretValue,
    /// The session token of temporary credentials.
    Session,
    /// The context of a session that is too large for a docker password, in the store.
    SessionContext,
    /// Seeds of MFA devices in the store.
    MfaSeed,
}

impl Purpose {
    fn label(self) -> &'static [u8] {
        match self {
            Self::Token => b"wharf token",
            Self::Bearer => b"wharf bearer",
            Self::Anonymous => b"wharf anonymous",
            Self::Page => b"wharf page",
            Self::Download => b"wharf download",
            Self::AccessKey => b"wharf access key",
            Self::Connection => b"wharf connection",
            Self::SecretValue => b"wharf secret value",
            Self::Session => b"wharf session",
            Self::SessionContext => b"wharf session context",
            Self::MfaSeed => b"wharf mfa seed",
        }
    }
}

/// Why a sealed value does not open. It says nothing of what was inside.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// Not of our making, damaged, or of a retired key.
    #[error("the value does not open")]
    Broken,
    /// The library refused to work (no randomness, a key of the wrong length).
    #[error("sealing failed")]
    Failed,
}

/// How long a node knows a key before it seals with it: twice the time in which each node reads the ring.
const KNOWN_SECONDS: i64 = 20;

struct Len32;

impl KeyType for Len32 {
    fn len(&self) -> usize {
        32
    }
}

/// The keys under which values are sealed and opened; all nodes share one ring. It is the ring as it was last read from
/// the store, which is looked at again every few seconds.
pub struct Keys {
    /// The key that wraps the ring in the store.
    master: RwLock<MasterKey>,
    ring: RwLock<Arc<KeyRing>>,
}

struct KeyRing {
    keys: Vec<(u8, [u8; 32])>,
    /// Since when this node knows each of them, in seconds of its own clock.
    known_from: Vec<(u8, i64)>,
    /// The one of them that seals.
    sealing: (u8, [u8; 32]),
}

impl KeyRing {
    /// A key that this node has just read does not seal yet, even if it should by the clock of this node: other nodes may
    /// not have read it, and clocks differ.
    fn of(ring: &Ring, now: Timestamp, before: Option<&Self>) -> Result<Self, SealError> {
        let key = |entry: &Entry| Some((entry.id, entry.bytes()?));
        let keys = ring.entries().iter().map(key).collect::<Option<Vec<_>>>().ok_or(SealError::Broken)?;
        let now_seconds = now.as_second();
        let since = |id: u8| match before {
            None => i64::MIN,
            Some(before) => before.since(id).unwrap_or(now_seconds),
        };
        let known_from: Vec<_> = keys.iter().map(|(id, _)| (*id, since(*id))).collect();
        let latest = now_seconds.saturating_sub(KNOWN_SECONDS);
        let is_known = |at: &usize| known_from.get(*at).is_some_and(|(_, from)| *from <= latest);
        let sealing = (0..=ring.sealing(now)).rev().find(is_known).unwrap_or_default();
        let sealing = *keys.get(sealing).ok_or(SealError::Broken)?;
        Ok(Self { keys, known_from, sealing })
    }

    fn since(&self, id: u8) -> Option<i64> {
        self.known_from.iter().find(|(known, _)| *known == id).map(|(_, from)| *from)
    }

    fn find(&self, id: u8) -> Result<&[u8; 32], SealError> {
        self.keys.iter().find(|(known, _)| *known == id).map(|(_, key)| key).ok_or(SealError::Broken)
    }
}

impl Keys {
    pub fn new(master: MasterKey, ring: &Ring, now: Timestamp) -> Result<Self, SealError> {
        let ring = KeyRing::of(ring, now, None)?;
        Ok(Self { master: RwLock::new(master), ring: RwLock::new(Arc::new(ring)) })
    }

    /// Goes on with the ring that the store holds by now, and the master key that opens it.
    pub fn renew(&self, master: MasterKey, ring: &Ring, now: Timestamp) -> Result<(), SealError> {
        let ring = Arc::new(KeyRing::of(ring, now, Some(&self.ring()))?);
        *self.master.write().unwrap_or_else(PoisonError::into_inner) = master;
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        Ok(())
    }

    pub fn master(&self) -> MasterKey {
        self.master.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn ring(&self) -> Arc<KeyRing> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Seals bytes for one purpose under the key that seals.
    pub fn seal(&self, purpose: Purpose, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let (id, key) = self.ring().sealing;
        seal_under(&key, purpose.label(), id, plain)
    }

    /// Opens what `seal` made for the same purpose.
    pub fn open_value(&self, purpose: Purpose, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let id = *sealed.get(1).ok_or(SealError::Broken)?;
        open_under(self.ring().find(id)?, purpose.label(), sealed)
    }

    /// The id of the key that new values are sealed under.
    pub fn sealing(&self) -> u8 {
        self.ring().sealing.0
    }

    /// 40 characters that only this ring can make of a key of it and a name: the secret of temporary credentials,
    /// which any node derives again.
    pub fn derive_secret(&self, key_id: u8, name: &str) -> Result<String, SealError> {
        let prk = Salt::new(HKDF_SHA256, b"wharf session secret").extract(self.ring().find(key_id)?);
        let mut bytes = [0_u8; 32];
        prk.expand(&[name.as_bytes()], Len32)
            .and_then(|okm| okm.fill(&mut bytes))
            .map_err(|_| SealError::Failed)?;
        let secret = base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes);
        Ok(secret.chars().take(40).collect())
    }

    /// `seal` of a JSON value, as text fit for a URL or a password (no `:`).
    pub fn seal_json<T: Serialize>(&self, purpose: Purpose, value: &T) -> Result<String, SealError> {
        let plain = serde_json::to_vec(value).map_err(|_| SealError::Failed)?;
        Ok(URL_SAFE_NO_PAD.encode(self.seal(purpose, &plain)?))
    }

    /// Opens what `seal_json` made.
    pub fn open_json<T: for<'de> Deserialize<'de>>(
        &self,
        purpose: Purpose,
        text: &str,
    ) -> Result<T, SealError> {
        let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| SealError::Broken)?;
        let plain = self.open_value(purpose, &sealed)?;
        serde_json::from_slice(&plain).map_err(|_| SealError::Broken)
    }
}

fn derived(key: &[u8; 32], label: &[u8]) -> Result<RandomizedNonceKey, SealError> {
    let prk = Salt::new(HKDF_SHA256, b"wharf").extract(key);
    let mut bytes = [0_u8; 32];
    prk.expand(&[label], Len32).and_then(|okm| okm.fill(&mut bytes)).map_err(|_| SealError::Failed)?;
    RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| SealError::Failed)
}

pub fn seal_under(key: &[u8; 32], label: &[u8], id: u8, plain: &[u8]) -> Result<Vec<u8>, SealError> {
    let header = [FORMAT, id];
    let mut body = plain.to_vec();
    let nonce = derived(key, label)?
        .seal_in_place_append_tag(Aad::from(header), &mut body)
        .map_err(|_| SealError::Failed)?;
    let mut sealed = Vec::with_capacity(HEADER_LEN + NONCE_LEN + body.len());
    sealed.extend_from_slice(&header);
    sealed.extend_from_slice(nonce.as_ref());
    sealed.extend_from_slice(&body);
    Ok(sealed)
}

pub fn open_under(key: &[u8; 32], label: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    let (header, rest) = sealed.split_at_checked(HEADER_LEN).ok_or(SealError::Broken)?;
    let (nonce, body) = rest.split_at_checked(NONCE_LEN).ok_or(SealError::Broken)?;
    if header.first() != Some(&FORMAT) {
        return Err(SealError::Broken);
    }
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Broken)?;
    let mut body = body.to_vec();
    let plain = derived(key, label)?
        .open_in_place(nonce, Aad::from(header), &mut body)
        .map_err(|_| SealError::Broken)?;
    Ok(plain.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring() -> Keys {
        let now = Timestamp::UNIX_EPOCH;
        Keys::new(MasterKey::new([7; 32]), &Ring::generate(now).unwrap(), now).unwrap()
    }

    #[test]
    fn a_value_opens_for_its_purpose_alone() {
        let ring = ring();
        let sealed = ring.seal_json(Purpose::Token, &"value").unwrap();
        assert_eq!(ring.open_json::<String>(Purpose::Token, &sealed).unwrap(), "value");
        assert!(ring.open_json::<String>(Purpose::Page, &sealed).is_err());
    }

    #[test]
    fn every_one_byte_change_is_refused() {
        let ring = ring();
        let sealed = ring.seal(Purpose::Token, b"value").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(ring.open_value(Purpose::Token, &changed).is_err(), "byte {at}");
        }
        for len in 0..sealed.len() {
            assert!(ring.open_value(Purpose::Token, &sealed[..len]).is_err(), "length {len}");
        }
    }

    #[test]
    fn a_new_key_seals_after_all_nodes_have_read_it() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut ring = Ring::generate(at(0)).unwrap();
        let node = || Keys::new(MasterKey::new([7; 32]), &ring, at(0)).unwrap();
        let [right, ahead] = [node(), node()];
        ring.turn(at(100)).unwrap().unwrap();
        let sealing = |node: &Keys, second| {
            node.renew(MasterKey::new([7; 32]), &ring, at(second)).unwrap();
            node.sealing()
        };
        assert_eq!([105, 115, 129, 130].map(|second| sealing(&right, second)), [1, 1, 1, 2]);
        // By this clock, which is 40 s ahead, the key seals already.
        assert_eq!([145, 155, 164, 165].map(|second| sealing(&ahead, second)), [1, 1, 1, 2]);
    }
}
