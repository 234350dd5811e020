//! The key that signs for one day, region and service.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::Scope;
use super::signature::Signature;
use crate::ids::SecretKey;

/// A key derived from a secret for one [`Scope`]. It cannot be turned back into the secret and is good for
/// one day, so a server may keep it in memory, under the access key's id and the scope, to save four HMACs a
/// request; the secret must then not change under that id.
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
    let mut mac = match Hmac::<Sha256>::new_from_slice(key) {
        Ok(mac) => mac,
        // HMAC takes keys of any length (RFC 2104 section 3); the error exists for other MACs.
        Err(_) => Hmac::<Sha256>::new(&hmac::digest::Key::<Hmac<Sha256>>::default()),
    };
    mac.update(message);
    mac.finalize().into_bytes().into()
}
