//! The signing key for one day, Region and service.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::Scope;
use super::signature::Signature;
use crate::ids::SecretKey;

/// A key that is derived from a secret for one [`Scope`]. The secret cannot be computed from it, and it is valid for
/// one day. A server may cache it by access key ID and scope, to save four HMACs per request; the secret must then not
/// change for that ID.
///
/// No `Debug` and no `==`: it signs.
#[derive(Clone)]
pub struct SigningKey([u8; 32]);

impl SigningKey {
    /// Derives the key (IAM User Guide: "Derive a signing key for AWS API requests").
    pub fn derive(secret: &SecretKey, scope: &Scope) -> Self {
        let mut start = Vec::with_capacity(4 + secret.expose().len());
        start.extend_from_slice(b"AWS4");
        start.extend_from_slice(secret.expose().as_bytes());
        let date = hmac_sha256(&start, scope.date.as_bytes());
        start.fill(0);
        let region = hmac_sha256(&date, scope.region.as_str().as_bytes());
        let service = hmac_sha256(&region, scope.service.as_bytes());
        Self(hmac_sha256(&service, b"aws4_request"))
    }

    pub(super) fn sign(&self, string_to_sign: &str) -> Signature {
        Signature::new(hmac_sha256(&self.0, string_to_sign.as_bytes()))
    }
}

impl Drop for SigningKey {
    fn drop(&mut self) {
        self.0.fill(0);
        std::hint::black_box(&self.0);
    }
}

fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    // A key is padded to the block's length, and hashed first if it is longer (RFC 2104 section 2). This is done here
    // because the constructor for keys of any length returns a Result.
    let mut block = [0_u8; 64];
    let hashed: [u8; 32];
    let key = if key.len() > block.len() {
        hashed = Sha256::digest(key).into();
        &hashed
    } else {
        key
    };
    for (slot, byte) in block.iter_mut().zip(key) {
        *slot = *byte;
    }
    let mut mac = Hmac::<Sha256>::new(&block.into());
    block.fill(0);
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_any_length_agree_with_the_library() {
        for length in [0, 1, 63, 64, 65, 200] {
            let key = vec![0xa5; length];
            let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
            mac.update(b"message");
            let expected: [u8; 32] = mac.finalize().into_bytes().into();
            assert_eq!(hmac_sha256(&key, b"message"), expected, "{length}");
        }
    }
}
