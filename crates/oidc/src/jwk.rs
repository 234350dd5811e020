//! An issuer's keys: a JWK set (RFC 7517). Only public signature keys are kept.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::members::Members;
use crate::signature::{Algorithm, Curve, PublicKey};

/// IAM User Guide, "Create an OpenID Connect identity provider": at most 100 RSA and 100 EC keys.
const MOST_KEYS: usize = 200;
/// RFC 8017 has no limit; NIST SP 800-131A has required 2048 bits since 2014.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The keys of one issuer.
#[derive(Debug)]
pub(crate) struct KeySet(Vec<Key>);

#[derive(Debug)]
struct Key {
    id: Option<String>,
    algorithm: Option<Algorithm>,
    public: PublicKey,
}

/// Why there is no key for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoKey {
    /// The `kid` does not exist; a newer set may have it.
    Unknown,
    /// The key with this ID has another type, or is for another algorithm.
    OtherKind,
    /// The token has no `kid`, and there is not exactly one matching key.
    Ambiguous,
}

impl KeySet {
    /// The approximate size in memory: for each key, the longest RSA modulus and the name.
    pub(crate) fn weight(&self) -> usize {
        const KEY: usize = 2_048;
        self.0.iter().map(|key| KEY + key.id.as_ref().map_or(0, String::len)).sum()
    }

    /// Parses a set. Keys for encryption and keys of unknown types are ignored, as RFC 7517 §5 requires. A set without
    /// any remaining key, or with two keys of the same ID, is refused.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, &'static str> {
        let set = Members::parse(json).ok_or("not a JSON object")?;
        let keys = set.get("keys").and_then(Value::as_array).ok_or("no list \"keys\"")?;
        if keys.len() > MOST_KEYS {
            return Err("more than 200 keys");
        }
        let mut kept: Vec<Key> = Vec::new();
        for key in keys.iter().filter_map(read_key) {
            if key.id.is_some() && kept.iter().any(|other| other.id == key.id) {
                return Err("two keys with the same \"kid\"");
            }
            kept.push(key);
        }
        if kept.is_empty() {
            return Err("no RSA (2048 to 8192 bits) or EC (P-256, P-384, P-521) signature key");
        }
        Ok(Self(kept))
    }

    /// The key for a token's header.
    pub(crate) fn find(&self, key_id: Option<&str>, algorithm: Algorithm) -> Result<&PublicKey, NoKey> {
        let fits =
            |key: &&Key| algorithm.fits(&key.public) && key.algorithm.is_none_or(|only| only == algorithm);
        if let Some(key_id) = key_id {
            let named = self.0.iter().find(|key| key.id.as_deref() == Some(key_id));
            let key = named.ok_or(NoKey::Unknown)?;
            return if fits(&key) { Ok(&key.public) } else { Err(NoKey::OtherKind) };
        }
        let mut fitting = self.0.iter().filter(fits);
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(&key.public),
            _ => Err(NoKey::Ambiguous),
        }
    }
}

fn read_key(key: &Value) -> Option<Key> {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
    if key.get("use").is_some_and(|usage| usage.as_str() != Some("sig")) {
        return None;
    }
    if let Some(operations) = key.get("key_ops") {
        operations.as_array()?.iter().find(|operation| operation.as_str() == Some("verify"))?;
    }
    let algorithm = match key.get("alg") {
        None => None,
        Some(name) => Some(Algorithm::parse(name.as_str()?)?),
    };
    let public = match text("kty")? {
        "RSA" => {
            let n: Vec<u8> = bytes("n")?.into_iter().skip_while(|byte| *byte == 0).collect();
            let e: Vec<u8> = bytes("e")?.into_iter().skip_while(|byte| *byte == 0).collect();
            let leading = n.first()?.leading_zeros() as usize;
            if !RSA_BITS.contains(&(n.len() * 8 - leading)) {
                return None;
            }
            PublicKey::Rsa { n, e }
        }
        "EC" => {
            let curve = Curve::parse(text("crv")?)?;
            let (x, y) = (bytes("x")?, bytes("y")?);
            if x.len() != curve.coordinate_bytes() || y.len() != curve.coordinate_bytes() {
                return None;
            }
            // SEC 1 §2.3.3: 04 and both coordinates.
            let point = [&[4], x.as_slice(), y.as_slice()].concat();
            PublicKey::Elliptic { curve, point }
        }
        _ => return None,
    };
    Some(Key { id: text("kid").map(str::to_owned), algorithm, public })
}
