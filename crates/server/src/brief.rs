//! HTTP/1.1 for few clients with small requests (metrics, credentials of a node): a small number of connections, each
//! with a time limit. A new connection replaces the oldest.

use std::collections::VecDeque;
use std::error::Error;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio::time::timeout;

const MAX_CONNECTIONS: usize = 128;
/// For the head of a request.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// For a whole connection. A running request may then finish within [`LAST_REQUEST`].
const CONNECTION_TIME: Duration = Duration::from_mins(2);
const LAST_REQUEST: Duration = Duration::from_secs(10);
const MAX_BUFFER: usize = 16 * 1024;

/// The tasks of connections. They end when this is dropped.
struct Connections(VecDeque<AbortHandle>);

impl Connections {
    fn add(&mut self, connection: impl Future<Output = ()> + Send + 'static) {
        self.0.retain(|known| !known.is_finished());
        if self.0.len() >= MAX_CONNECTIONS
            && let Some(oldest) = self.0.pop_front()
        {
            oldest.abort();
        }
        self.0.push_back(tokio::spawn(connection).abort_handle());
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}

/// Answers with `service` until `stop` is ready.
pub async fn serve<S, B>(listener: TcpListener, service: S, stop: impl Future<Output = ()>)
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut connections = Connections(VecDeque::new());
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => return,
        };
        match accepted {
            Ok((stream, _)) => connections.add(connection(stream, service.clone())),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn connection<S, B>(stream: TcpStream, service: S)
where
    S: Service<Request<Incoming>, Response = Response<B>>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).max_buf_size(MAX_BUFFER);
    let mut serving = pin!(builder.serve_connection(TokioIo::new(stream), service));
    if timeout(CONNECTION_TIME, serving.as_mut()).await.is_err() {
        serving.as_mut().graceful_shutdown();
        let _cut_off = timeout(LAST_REQUEST, serving).await;
    }
}
