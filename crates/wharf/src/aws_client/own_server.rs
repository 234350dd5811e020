//! The question of a health check to the server of this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::Request;
use http::header::HOST;
use outbound::{Client, Limits};

const LIMITS: Limits = Limits { bytes: 4096, time: Duration::from_secs(5) };

/// Whether the server that listens on this address accepts requests: an error says why not.
pub(crate) async fn ready(listens_on: SocketAddr, is_tls: bool) -> anyhow::Result<()> {
    let scheme = if is_tls { "https" } else { "http" };
    let url = format!("{scheme}://{}/readyz", reachable(listens_on));
    let request = Request::get(&url).header(HOST, "localhost").body(Bytes::new())?;
    let answer = Client::of_own_server()?.send(request, LIMITS).await;
    let answer = answer.with_context(|| format!("no answer from {url}"))?;
    if !answer.status().is_success() {
        let text = String::from_utf8_lossy(answer.body()).trim().to_owned();
        bail!("not ready: {} {text}", answer.status().as_u16());
    }
    Ok(())
}

/// An address of this machine at which the server is reached: it may listen on all of them.
fn reachable(listens_on: SocketAddr) -> SocketAddr {
    let ip = match listens_on.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listens_on.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_all_addresses_is_asked_on_loopback() {
        for (listens_on, asked) in [
            ("0.0.0.0:443", "127.0.0.1:443"),
            ("[::]:443", "[::1]:443"),
            ("192.0.2.7:5100", "192.0.2.7:5100"),
        ] {
            assert_eq!(reachable(listens_on.parse().unwrap()).to_string(), asked);
        }
    }
}
