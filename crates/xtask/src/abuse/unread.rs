//! HTTP/2 bodies that wait for the server to read them: many connections with streams that are sent as far as the
//! windows allow, while the server has no room for them. Refused requests are sent again.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use futures::future::join_all;
use http::{Request, header};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::attack::Scale;
use super::content::MIB;
use super::outcome::Check;
use super::sign::Service;
use super::site::Site;
use super::streams::{self, Sent, Streams};

/// More than may wait for room in one share.
const CONNECTIONS: u32 = 1200;
const STREAMS: usize = 3;
/// The pause before a retry: the attack is on memory, not on the network or the processors, which both sides share.
const PAUSE: Duration = Duration::from_secs(3);
const BYTES: usize = 28 * MIB;

/// With the keys of three users and wrong secrets, for a while.
pub(super) async fn run(site: Arc<Site>, scale: Scale) -> Result<Vec<Check>> {
    let mut connections = JoinSet::new();
    for number in 0..CONNECTIONS {
        let site = Arc::clone(&site);
        connections.spawn(async move {
            sleep(Duration::from_secs(1) * number / CONNECTIONS).await;
            send_again(&site, number).await
        });
    }
    let _ = timeout(scale.hold(), connections.join_all()).await;
    Ok(Vec::new())
}

async fn send_again(site: &Site, number: u32) -> Result<()> {
    let user = match number % 3 {
        0 => &site.honest,
        1 => &site.writer,
        _ => &site.powerless,
    };
    let key = user.key.forged();
    loop {
        let (head, _) = key.json(&site.host, Service::Ecr, "UploadLayerPart", Bytes::new())?.into_parts();
        // The server can have ended the connection for another one.
        if let Ok(connection) = Streams::open(site.attack_route(), 64 * 1024).await {
            let requests = (0..STREAMS).map(|_| {
                let mut request: Request<Sent> =
                    Request::from_parts(head.clone(), streams::unfinished(BYTES));
                request.headers_mut().insert(header::CONTENT_LENGTH, BYTES.into());
                connection.send(request)
            });
            let _answers = join_all(requests).await;
        }
        sleep(PAUSE).await;
    }
}
