//! TLS with certificate and key from files that can change while the server runs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::options::TlsFiles;

/// Why certificate files are invalid.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or contains no PEM of the right kind.
    #[error("{}: not a readable PEM file with a {what}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The expected content.
        what: &'static str,
        /// The cause.
        source: rustls::pki_types::pem::Error,
    },
    /// The file contains no certificate.
    #[error("{}: no certificate in it", .0.display())]
    Empty(PathBuf),
    /// The key does not belong to the certificate, or its kind is not supported.
    #[error("the key in {} does not fit the certificate", path.display())]
    Key {
        /// The key's file.
        path: PathBuf,
        /// The cause.
        source: rustls::Error,
    },
}

/// The current certificate; readers never wait for a reload.
#[derive(Debug)]
pub(crate) struct Certificate {
    current: RwLock<Arc<CertifiedKey>>,
}

impl Certificate {
    pub(crate) fn load(files: &TlsFiles) -> Result<Arc<Self>, TlsError> {
        Ok(Arc::new(Self { current: RwLock::new(Arc::new(read(files)?)) }))
    }

    /// Checks the files regularly, and loads them when they have changed and are complete. If they do not match (one
    /// file is written, the other not yet), the old certificate stays in use and the files are tried again.
    pub(crate) async fn watch(self: Arc<Self>, files: TlsFiles, every: Duration) {
        let mut seen = stamps(&files);
        loop {
            tokio::time::sleep(every).await;
            let now = stamps(&files);
            if now == seen {
                continue;
            }
            match read(&files) {
                Ok(key) => {
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
                    seen = now;
                    tracing::info!(certificate = %files.certificate.display(), "certificate reloaded");
                }
                Err(error) => {
                    tracing::warn!(%error, "changed certificate files not taken; the old ones stay in use");
                }
            }
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Whether certificate files are valid, for a check before serving.
pub fn check(files: &TlsFiles) -> Result<(), TlsError> {
    read(files).map(|_| ())
}

/// The server side of TLS 1.2 and 1.3, with HTTP/2 preferred.
pub(crate) fn server_config(certificate: Arc<Certificate>) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn read(files: &TlsFiles) -> Result<CertifiedKey, TlsError> {
    let unreadable = |path: &Path, what| {
        let path = path.to_owned();
        move |source| TlsError::Read { path, what, source }
    };
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(unreadable(&files.certificate, "certificate"))?;
    if chain.is_empty() {
        return Err(TlsError::Empty(files.certificate.clone()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(unreadable(&files.key, "private key"))?;
    CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())
        .map_err(|source| TlsError::Key { path: files.key.clone(), source })
}

/// The modification time and length of each file. An unreadable file counts as a state of its own.
fn stamps(files: &TlsFiles) -> [Option<(SystemTime, u64)>; 2] {
    let stamp = |path: &Path| -> io::Result<(SystemTime, u64)> {
        let meta = fs::metadata(path)?;
        Ok((meta.modified()?, meta.len()))
    };
    [stamp(&files.certificate).ok(), stamp(&files.key).ok()]
}
