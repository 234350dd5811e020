//! The trusted certificate authorities.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// The certificate authorities for a server.
#[derive(Clone, Copy, Debug)]
pub enum Roots<'a> {
    /// Those that the operating system trusts; `SSL_CERT_FILE` and `SSL_CERT_DIR` select others.
    System,
    /// Only the certificates of a PEM text.
    Only(&'a str),
}

/// Why a set of certificate authorities is invalid.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// The system has no certificate authority.
    #[error("the system has no list of trusted certificate authorities")]
    NoSystemRoots,
    /// The text is not PEM.
    #[error("the certificate authority is not readable PEM")]
    Pem(#[source] rustls::pki_types::pem::Error),
    /// A certificate cannot be a certificate authority.
    #[error("the certificate authority holds a certificate that cannot be used")]
    Certificate(#[source] rustls::Error),
    /// The PEM text has no certificate.
    #[error("the certificate authority holds no certificate")]
    Empty,
}

/// More certificates than this are the list of a whole system, not the authorities of one deployment.
const MOST_CERTIFICATES: usize = 64;

impl Roots<'_> {
    pub(crate) fn load(self) -> Result<RootCertStore, RootsError> {
        let mut store = RootCertStore::empty();
        match self {
            Self::System => {
                // A damaged file does not make the others unusable.
                store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                if store.is_empty() { Err(RootsError::NoSystemRoots) } else { Ok(store) }
            }
            Self::Only(pem) => {
                for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()).take(MOST_CERTIFICATES) {
                    let certificate = certificate.map_err(RootsError::Pem)?;
                    store.add(certificate).map_err(RootsError::Certificate)?;
                }
                if store.is_empty() { Err(RootsError::Empty) } else { Ok(store) }
            }
        }
    }

    /// Whether these roots are usable.
    pub fn check(self) -> Result<(), RootsError> {
        self.load().map(|_| ())
    }
}
