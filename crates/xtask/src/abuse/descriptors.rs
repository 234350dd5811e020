//! A server with a limit of 1,024 open files, while sockets use them: it must still be able to open the file of a blob
//! that a client pulls on an open connection.

use std::sync::Arc;

use anyhow::Result;

use super::attack::Scale;
use super::outcome::Check;
use super::site::Site;
use super::slots::{Occupant, hold};

/// `ulimit -n`, which cannot be raised.
pub(super) const LIMIT: u32 = 1024;
const SOCKETS: u32 = 1200;

/// Opens all sockets that are possible; honest clients pull at the same time.
pub(super) async fn run(site: Arc<Site>, scale: Scale) -> Result<Vec<Check>> {
    hold(site.attack_route(), SOCKETS, Occupant::KeptAlive, scale.hold()).await;
    hold(site.attack_route(), SOCKETS, Occupant::HalfHead, scale.hold()).await;
    Ok(Vec::new())
}
