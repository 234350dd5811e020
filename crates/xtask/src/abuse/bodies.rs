//! Bodies that never end, sent before their sender is authenticated or authorized: unsigned forms, signed calls with a
//! known key ID and a wrong signature, manifests with a password without permissions.

use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use futures::future::join_all;
use http::{Method, Request, header};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::attack::Scale;
use super::content::{MANIFEST, MIB};
use super::outcome::Check;
use super::sign::{Service, plain};
use super::site::{ABUSED, Site};
use super::streams::{self, Sent, Streams};

/// The maximum number of streams per connection.
const STREAMS: usize = 200;

/// The senders.
#[derive(Clone, Copy)]
enum Sender {
    Unsigned,
    Forged,
    Powerless,
}

impl Sender {
    /// Connections, streams on each, and bytes of each body.
    fn amount(self) -> (usize, usize, usize) {
        match self {
            Self::Unsigned => (20, STREAMS, 95 * 1024),
            // The budget does not admit more than a few streams of this size.
            Self::Forged => (12, 4, 28 * MIB),
            Self::Powerless => (2, STREAMS, 4 * MIB - 1024),
        }
    }

    fn request(self, site: &Site) -> Result<Request<Bytes>> {
        match self {
            Self::Unsigned => {
                let form = Some("application/x-www-form-urlencoded");
                plain(&site.host, Method::POST, "/", None, form, Bytes::new())
            }
            Self::Forged => {
                let key = site.honest.key.forged();
                key.json(&site.host, Service::Ecr, "UploadLayerPart", Bytes::new())
            }
            Self::Powerless => {
                let path = format!("/v2/{ABUSED}/manifests/latest");
                plain(
                    &site.host,
                    Method::PUT,
                    &path,
                    Some(&site.powerless.basic),
                    Some(MANIFEST),
                    Bytes::new(),
                )
            }
        }
    }
}

/// All three at once, held for a while.
pub(super) async fn run(site: Arc<Site>, scale: Scale) -> Result<Vec<Check>> {
    let mut connections = JoinSet::new();
    for sender in [Sender::Unsigned, Sender::Forged, Sender::Powerless] {
        for _ in 0..sender.amount().0 {
            connections.spawn(hold(Arc::clone(&site), sender));
        }
    }
    let _ = timeout(scale.hold(), connections.join_all()).await;
    Ok(Vec::new())
}

async fn hold(site: Arc<Site>, sender: Sender) -> Result<()> {
    let (_, count, bytes) = sender.amount();
    let connection = Streams::open(site.attack_route(), 64 * 1024).await?;
    let (head, _) = sender.request(&site)?.into_parts();
    let requests = (0..count).map(|_| {
        let mut request: Request<Sent> = Request::from_parts(head.clone(), streams::unfinished(bytes));
        request.headers_mut().insert(header::CONTENT_LENGTH, bytes.into());
        connection.send(request)
    });
    // Some can be refused at once; the others wait.
    let _answers = join_all(requests).await;
    std::future::pending().await
}
