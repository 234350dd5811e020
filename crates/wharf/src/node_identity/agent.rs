//! The local agent's listener and its routes.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::uri::Authority;
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, put};
use hyper_util::service::TowerToHyperService;
use serde_json::Value;
use server::serve_briefly;
use tokio::net::TcpListener;

use super::imds::Tokens;
use super::keeper::Kept;
use super::source::Role;
use super::{container, imds};

/// The state of the routes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Agent(Arc<Parts>);

struct Parts {
    role_arn: String,
    role_name: String,
    account: String,
    region: String,
    kept: Kept,
    authorization: Option<String>,
    is_imds: bool,
    tokens: Tokens,
}

impl Agent {
    /// The container credentials endpoint.
    pub(crate) const CONTAINER_PATH: &str = container::PATH;

    /// `authorization` is the token that containers must send; without it the endpoint is disabled.
    pub(crate) fn new(
        role: &Role,
        region: &str,
        kept: Kept,
        authorization: Option<String>,
        is_imds: bool,
    ) -> anyhow::Result<Self> {
        Ok(Self(Arc::new(Parts {
            role_arn: role.arn.clone(),
            role_name: role.name().to_owned(),
            account: role.account().to_owned(),
            region: region.to_owned(),
            kept,
            authorization,
            is_imds,
            tokens: Tokens::new()?,
        })))
    }

    pub(super) fn role_arn(&self) -> &str {
        &self.0.role_arn
    }

    pub(super) fn role_name(&self) -> &str {
        &self.0.role_name
    }

    pub(super) fn account(&self) -> &str {
        &self.0.account
    }

    pub(super) fn region(&self) -> &str {
        &self.0.region
    }

    pub(super) fn kept(&self) -> &Kept {
        &self.0.kept
    }

    pub(super) fn authorization(&self) -> Option<&str> {
        self.0.authorization.as_deref()
    }

    pub(super) fn tokens(&self) -> &Tokens {
        &self.0.tokens
    }

    fn router(&self) -> Router {
        let mut router = Router::new().route(container::PATH, get(container::get));
        if self.0.is_imds {
            router = router.merge(self.metadata());
        }
        router
            .layer(middleware::from_fn(refuse_names))
            .layer(DefaultBodyLimit::max(1024))
            .with_state(self.clone())
    }

    fn metadata(&self) -> Router<Self> {
        const ROLES: &str = "/latest/meta-data/iam/security-credentials";
        const ZONE: &str = "/latest/meta-data/placement/availability-zone";
        let questions = Router::new()
            .route(ROLES, get(imds::roles))
            .route(&format!("{ROLES}/"), get(imds::roles))
            .route(&format!("{ROLES}/{{role}}"), get(imds::credentials))
            .route(ZONE, get(imds::zone))
            .route(&format!("{ZONE}/"), get(imds::zone))
            .route("/latest/meta-data/placement/region", get(imds::region))
            .route("/latest/dynamic/instance-identity/document", get(imds::identity))
            .route_layer(middleware::from_fn_with_state(self.clone(), imds::require_token));
        questions.route("/latest/api/token", put(imds::token))
    }
}

/// Refuses a name in `Host` other than `localhost`: a web page whose name resolves to this machine sends its own name.
async fn refuse_names(request: Request, next: Next) -> Response {
    let host =
        request.headers().get(header::HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let name = host.as_ref().map_or("", |host| host.host().trim_matches(['[', ']']));
    let is_address = name.parse::<IpAddr>().is_ok();
    if is_address || name.eq_ignore_ascii_case("localhost") {
        next.run(request).await
    } else {
        StatusCode::FORBIDDEN.into_response()
    }
}

/// An answer in JSON.
pub(super) fn json(value: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

/// IPv4 and IPv6 each have their own limit. A socket of IPv6 gets both, because it can also accept IPv4 connections.
fn limit_hops(listener: &TcpListener, hops: u8) -> anyhow::Result<()> {
    listener.set_ttl(u32::from(hops))?;
    if listener.local_addr()?.is_ipv6() {
        rustix::net::sockopt::set_ipv6_unicast_hops(listener, Some(hops))?;
    }
    Ok(())
}

/// An open socket.
pub(crate) struct Socket(TcpListener);

impl Socket {
    /// `hops` limits the number of routers that an answer may pass. Accepted connections inherit the limit from the
    /// listening socket.
    pub(crate) async fn open(listen: SocketAddr, hops: Option<u8>) -> anyhow::Result<Self> {
        let listener = server::listen(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
        if let Some(hops) = hops {
            limit_hops(&listener, hops).with_context(|| format!("cannot limit answers to {hops} hops"))?;
        }
        Ok(Self(listener))
    }

    pub(crate) fn address(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.0.local_addr()?)
    }

    /// Serves until `stop` resolves. A client that sends nothing, or an incomplete request, does not block others.
    pub(crate) async fn serve(self, agent: Agent, stop: impl Future<Output = ()>) {
        serve_briefly(self.0, TowerToHyperService::new(agent.router()), stop).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn an_accepted_connection_has_the_listeners_hop_limit() {
        let accepted = async |listen: &str, client: &str| {
            let socket = Socket::open(listen.parse().unwrap(), Some(2)).await.unwrap();
            let port = socket.address().unwrap().port();
            let _client = TcpStream::connect((client, port)).await.unwrap();
            socket.0.accept().await.unwrap().0
        };
        assert_eq!(accepted("127.0.0.1:0", "127.0.0.1").await.ttl().unwrap(), 2);
        assert_eq!(accepted("[::]:0", "127.0.0.1").await.ttl().unwrap(), 2, "IPv4 on a socket of IPv6");
        let of_ipv6 = accepted("[::1]:0", "::1").await;
        assert_eq!(rustix::net::sockopt::ipv6_unicast_hops(&of_ipv6).unwrap(), 2);
        let refused = Socket::open("127.0.0.1:0".parse().unwrap(), Some(0)).await;
        assert!(refused.is_err(), "a limit that cannot be set is no limit");
    }
}
