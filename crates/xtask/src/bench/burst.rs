//! The memory of a server after bursts: uploads, connections that close, connections that stay open.

use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;

use super::content::{Blob, MIB};
use super::http::Connection;
use super::load;
use super::side::{Kind, Memory, Side};

const UPLOADS: usize = 200;
const UPLOAD_BYTES: u64 = 8 * MIB;
const UPLOAD_CONNECTIONS: usize = 8;
const CONNECTIONS: usize = 2_000;
/// Memory that a server returns later than this counts as kept.
const SETTLE: Duration = Duration::from_secs(5);

/// The memory of one server.
pub(crate) struct Bursts {
    /// Freshly started.
    pub(crate) idle: Memory,
    /// After 200 uploads of 8 MiB; none if it takes no uploads.
    pub(crate) uploads: Option<Memory>,
    /// After that and 2,000 connections that asked once and closed.
    pub(crate) closed: Memory,
    /// With 2,000 open connections that asked once.
    pub(crate) open: Memory,
}

/// The name for `--only`.
pub(crate) const NAME: &str = "memory after bursts";

impl Bursts {
    /// Runs the bursts on a fresh server.
    pub(crate) fn take(side: &Side) -> Result<Self> {
        println!("{NAME}, {} …", side.name);
        let idle = side.memory()?;
        let uploads = (side.kind == Kind::Registry).then(|| after_uploads(side)).transpose()?;
        for _ in 0..CONNECTIONS {
            drop(asked(side)?);
        }
        sleep(SETTLE);
        let closed = side.memory()?;
        let connections = (0..CONNECTIONS).map(|_| asked(side)).collect::<Result<Vec<_>>>()?;
        sleep(SETTLE);
        let open = side.memory()?;
        drop(connections);
        sleep(Duration::from_secs(1));
        Ok(Self { idle, uploads, closed, open })
    }

    /// KiB of each open connection.
    #[expect(clippy::cast_precision_loss, reason = "memory sizes are far below what a double counts exactly")]
    pub(crate) fn each(&self) -> f64 {
        self.open.now.saturating_sub(self.closed.now) as f64 / CONNECTIONS as f64
    }
}

fn after_uploads(side: &Side) -> Result<Memory> {
    for _ in 0..UPLOADS / UPLOAD_CONNECTIONS {
        let blobs =
            (0..UPLOAD_CONNECTIONS).map(|_| Blob::random(UPLOAD_BYTES)).collect::<Result<Vec<_>>>()?;
        load::push_all(side, &blobs, UPLOAD_CONNECTIONS)?;
    }
    sleep(SETTLE);
    side.memory()
}

/// A connection that sent one request and read its answer. The status does not matter.
fn asked(side: &Side) -> Result<Connection> {
    let mut connection = side.connect()?;
    connection.exchange(&side.head("GET", "/v2/", ""), &[], |_| ())?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::{Bursts, Memory};

    #[test]
    fn a_connection_costs_its_share_of_the_growth() {
        let memory = |now| Memory { now, own: now, peak: now };
        let bursts = Bursts { idle: memory(1), uploads: None, closed: memory(1_000), open: memory(41_000) };
        assert!((bursts.each() - 20.0).abs() < 1e-9);
    }
}
