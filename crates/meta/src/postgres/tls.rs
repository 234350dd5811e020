//! TLS to PostgreSQL, asked for as in libpq: `sslmode`, `sslrootcert`, `sslcert` and `sslkey` in the URL (PostgreSQL manual,
//! "SSL Mode Descriptions").

use std::{
    convert::Infallible,
    future::Future,
    io,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::{
    Config, Socket,
    config::{Host, SslMode},
    tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream},
};
use tokio_rustls::TlsConnector;

use crate::error::StoreError;

/// How much of the server's certificate is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
    /// Nothing: the connection is encrypted, and anybody can be at its other end.
    Nothing,
    /// An authority that is trusted signed it.
    Authority,
    /// And it names the host.
    Name,
}

/// What the URL says about TLS.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    mode: Option<String>,
    roots: Option<PathBuf>,
    /// The authorities that the system trusts, asked for by name. As in libpq, anybody can have a certificate of theirs.
    trusts_system: bool,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

/// The configuration of a connection, and its TLS.
pub(super) fn of_url(url: &str) -> Result<(Config, Rustls), StoreError> {
    let (url, asked) = split(url)?;
    let mut config: Config = url.parse()?;
    let (hosts, addresses) = (config.get_hosts(), config.get_hostaddrs());
    let is_local = addresses.is_empty() && hosts.iter().all(|host| matches!(host, Host::Unix(_)));
    if asked.trusts_system && asked.mode.as_deref() != Some("verify-full") {
        return Err(StoreError::Tls("sslrootcert=system needs sslmode=verify-full".into()));
    }
    let (mode, check) = match asked.mode.as_deref() {
        // Like libpq, which ignores the mode for a Unix socket.
        Some("disable") => (SslMode::Disable, Check::Nothing),
        _ if is_local => (SslMode::Disable, Check::Nothing),
        None | Some("prefer") => (SslMode::Prefer, Check::Nothing),
        // As in libpq, authorities that are given are used.
        Some("require") if asked.roots.is_none() => (SslMode::Require, Check::Nothing),
        Some("require" | "verify-ca") => (SslMode::Require, Check::Authority),
        Some("verify-full") => (SslMode::Require, Check::Name),
        Some(_) => {
            return Err(StoreError::Tls(
                "sslmode must be disable, prefer, require, verify-ca or verify-full".into(),
            ));
        }
    };
    config.ssl_mode(mode);
    Ok((config, Rustls(Arc::new(client(check, &asked)?))))
}

/// Takes what is about TLS out of the URL, because the library knows none of it but three modes.
fn split(url: &str) -> Result<(String, Asked), StoreError> {
    let mut asked = Asked::default();
    let Some((base, query)) = url.split_once('?') else { return Ok((url.to_owned(), asked)) };
    let mut rest = Vec::new();
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_decoded(value)?;
        match name {
            "sslmode" => asked.mode = Some(value),
            "sslrootcert" if value == "system" => asked.trusts_system = true,
            "sslrootcert" => asked.roots = Some(value.into()),
            "sslcert" => asked.certificate = Some(value.into()),
            "sslkey" => asked.key = Some(value.into()),
            _ => rest.push(pair),
        }
    }
    let base = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
    Ok((base, asked))
}

fn percent_decoded(text: &str) -> Result<String, StoreError> {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
    decoded.map(Into::into).map_err(|_| StoreError::Tls("a parameter of the URL is not UTF-8".into()))
}

fn client(check: Check, asked: &Asked) -> Result<ClientConfig, StoreError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| StoreError::Tls(error.to_string()))?;
    let builder = match check {
        Check::Name => builder.with_root_certificates(roots(asked.roots.as_deref())?),
        Check::Authority => {
            let roots = Arc::new(roots(asked.roots.as_deref())?);
            let inner = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider))
                .build()
                .map_err(|error| StoreError::Tls(error.to_string()))?;
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Verifier { provider, inner: Some(inner) }))
        }
        Check::Nothing => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Verifier { provider, inner: None }))
        }
    };
    let Some(path) = &asked.certificate else { return Ok(builder.with_no_client_auth()) };
    let key = asked.key.as_ref().ok_or_else(|| StoreError::Tls("sslcert needs sslkey".into()))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, &error))?;
    builder
        .with_client_auth_cert(certificates(path)?, key)
        .map_err(|error| StoreError::Tls(error.to_string()))
}

/// The authorities in a file, or those that the system trusts.
fn roots(path: Option<&Path>) -> Result<RootCertStore, StoreError> {
    let mut roots = RootCertStore::empty();
    let found = match path {
        Some(path) => certificates(path)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    roots.add_parsable_certificates(found);
    if roots.is_empty() {
        return Err(StoreError::Tls("there is no certificate to trust: set sslrootcert".into()));
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, StoreError> {
    let found = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    found.map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &rustls::pki_types::pem::Error) -> StoreError {
    StoreError::Tls(format!("{} cannot be read: {error}", path.display()))
}

/// A check of the server's certificate that is weaker than usual. It always checks that the server has its key.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    /// Checks the authority, if it is checked.
    inner: Option<Arc<WebPkiServerVerifier>>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use rustls::{CertificateError, Error::InvalidCertificate};
        let Some(inner) = &self.inner else { return Ok(ServerCertVerified::assertion()) };
        match inner.verify_server_cert(end, between, name, ocsp, now) {
            // The name is compared after everything else.
            Err(InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Encrypts connections.
#[derive(Clone)]
pub(super) struct Rustls(Arc<ClientConfig>);

impl MakeTlsConnect<Socket> for Rustls {
    type Stream = Encrypted;
    type TlsConnect = Handshake;
    type Error = Infallible;

    fn make_tls_connect(&mut self, host: &str) -> Result<Handshake, Infallible> {
        // Also called for the path of a Unix socket, whose connections are not encrypted.
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other);
        Ok(Handshake { connector: TlsConnector::from(Arc::clone(&self.0)), name })
    }
}

/// One handshake to come.
pub(super) struct Handshake {
    connector: TlsConnector,
    name: io::Result<ServerName<'static>>,
}

impl TlsConnect<Socket> for Handshake {
    type Stream = Encrypted;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Encrypted>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move { Ok(Encrypted(self.connector.connect(self.name?, socket).await?)) })
    }
}

/// An encrypted connection.
pub(super) struct Encrypted(tokio_rustls::client::TlsStream<Socket>);

impl TlsStream for Encrypted {
    /// The name in the certificate binds the connection to the server; a channel binding is not used.
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str) -> SslMode {
        of_url(url).unwrap().0.get_ssl_mode()
    }

    #[test]
    fn only_a_unix_socket_is_not_encrypted() {
        let verified = "sslmode=verify-full";
        assert_eq!(mode(&format!("postgres://u@%2Frun%2Fpg/db?{verified}")), SslMode::Disable);
        assert_eq!(mode(&format!("postgres://u@db/db?{verified}")), SslMode::Require);
        assert_eq!(mode(&format!("postgres://u@%2Frun%2Fpg,db/db?{verified}")), SslMode::Require);
        assert_eq!(mode(&format!("postgres://u@/db?hostaddr=127.0.0.1&{verified}")), SslMode::Require);
        assert_eq!(mode("postgres://u@db/db"), SslMode::Prefer);
    }

    #[test]
    fn the_roots_of_the_system_need_a_name() {
        for weaker in ["", "&sslmode=require", "&sslmode=verify-ca", "&sslmode=prefer"] {
            let refused = of_url(&format!("postgres://u@db/db?sslrootcert=system{weaker}"));
            let Err(StoreError::Tls(why)) = refused else { panic!("accepted: {weaker}") };
            assert!(why.contains("verify-full"), "{why}");
        }
        of_url("postgres://u@db/db?sslrootcert=system&sslmode=verify-full").unwrap();
    }
}
