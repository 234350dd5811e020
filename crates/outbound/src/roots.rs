//! Whose certificates are believed.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// The authorities that may vouch for a server.
#[derive(Clone, Copy, Debug)]
pub enum Roots<'a> {
    /// Those that the operating system trusts; `SSL_CERT_FILE` and `SSL_CERT_DIR` name others.
    System,
    /// The certificates of a PEM text, and no others.
    Only(&'a str),
}

/// Why a set of authorities cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// The system has no authority at all.
    #[error("the system has no list of trusted certificate authorities")]
    NoSystemRoots,
    /// Not PEM.
    #[error("the certificate authority is not readable PEM")]
    Pem(#[source] rustls::pki_types::pem::Error),
    /// A certificate that cannot vouch for others.
    #[error("the certificate authority holds a certificate that cannot be used")]
    Certificate(#[source] rustls::Error),
    /// PEM without a certificate.
    #[error("the certificate authority holds no certificate")]
    Empty,
}

/// More certificates than this are a whole system's list, not one deployment's own.
const MOST_CERTIFICATES: usize = 64;

impl Roots<'_> {
    pub(crate) fn load(self) -> Result<RootCertStore, RootsError> {
        let mut store = RootCertStore::empty();
        match self {
            Self::System => {
                // A damaged file among many does not make the others useless.
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

    /// Whether these roots can be used at all.
    pub fn check(self) -> Result<(), RootsError> {
        self.load().map(|_| ())
    }
}
