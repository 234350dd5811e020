//! Signature algorithms (RFC 7518 §3), and the type of key for each.

use aws_lc_rs::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey};
use aws_lc_rs::signature::{EcdsaVerificationAlgorithm, VerificationAlgorithm};

/// An algorithm with a public key. There are no others: `none` and the shared-secret algorithms (`HS…`) do not exist
/// here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    Es512,
}

/// A public key for verification.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PublicKey {
    /// Modulus and exponent, big-endian without leading zeros.
    Rsa { n: Vec<u8>, e: Vec<u8> },
    /// A point on the curve, uncompressed.
    Elliptic { curve: Curve, point: Vec<u8> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            "P-256" => Some(Self::P256),
            "P-384" => Some(Self::P384),
            "P-521" => Some(Self::P521),
            _ => None,
        }
    }

    /// The length of each coordinate.
    pub(crate) fn coordinate_bytes(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

/// How an algorithm verifies, by the type of its key.
enum Method {
    Rsa(&'static RsaParameters),
    Elliptic(Curve, &'static EcdsaVerificationAlgorithm),
}

impl Algorithm {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rs256,
            "RS384" => Self::Rs384,
            "RS512" => Self::Rs512,
            "PS256" => Self::Ps256,
            "PS384" => Self::Ps384,
            "PS512" => Self::Ps512,
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            "ES512" => Self::Es512,
            _ => return None,
        })
    }

    fn method(self) -> Method {
        match self {
            Self::Rs256 => Method::Rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
            Self::Rs384 => Method::Rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
            Self::Rs512 => Method::Rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
            Self::Ps256 => Method::Rsa(&signature::RSA_PSS_2048_8192_SHA256),
            Self::Ps384 => Method::Rsa(&signature::RSA_PSS_2048_8192_SHA384),
            Self::Ps512 => Method::Rsa(&signature::RSA_PSS_2048_8192_SHA512),
            Self::Es256 => Method::Elliptic(Curve::P256, &signature::ECDSA_P256_SHA256_FIXED),
            Self::Es384 => Method::Elliptic(Curve::P384, &signature::ECDSA_P384_SHA384_FIXED),
            Self::Es512 => Method::Elliptic(Curve::P521, &signature::ECDSA_P521_SHA512_FIXED),
        }
    }

    /// Whether the key has the type that this algorithm needs. The key decides, not the token.
    pub(crate) fn fits(self, key: &PublicKey) -> bool {
        match (self.method(), key) {
            (Method::Rsa(_), PublicKey::Rsa { .. }) => true,
            (Method::Elliptic(wanted, _), PublicKey::Elliptic { curve, .. }) => wanted == *curve,
            _ => false,
        }
    }

    /// Whether the signature was made with the key. RSA keys outside 2048 to 8192 bits are never accepted.
    pub(crate) fn verifies(self, key: &PublicKey, signed: &[u8], signature: &[u8]) -> bool {
        match (self.method(), key) {
            (Method::Rsa(parameters), PublicKey::Rsa { n, e }) => {
                RsaPublicKeyComponents { n, e }.verify(parameters, signed, signature).is_ok()
            }
            (Method::Elliptic(wanted, method), PublicKey::Elliptic { curve, point }) if wanted == *curve => {
                let method: &'static dyn VerificationAlgorithm = method;
                UnparsedPublicKey::new(method, point).verify(signed, signature).is_ok()
            }
            _ => false,
        }
    }
}
