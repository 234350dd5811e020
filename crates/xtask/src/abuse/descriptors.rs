//! A server that may not open more than 1,024 files, while sockets take them: there is still one for the file of a
//! blob that somebody pulls on a connection that is open.

use std::sync::Arc;

use anyhow::Result;

use super::attack::Scale;
use super::outcome::Check;
use super::site::Site;
use super::slots::{Occupant, hold};

/// `ulimit -n`, which cannot be raised.
pub(super) const LIMIT: u32 = 1024;
const SOCKETS: u32 = 1200;

/// Takes all that there are; honest clients pull beside it.
pub(super) async fn run(site: Arc<Site>, scale: Scale) -> Result<Vec<Check>> {
    hold(site.attack_route(), SOCKETS, Occupant::KeptAlive, scale.hold()).await;
    hold(site.attack_route(), SOCKETS, Occupant::HalfHead, scale.hold()).await;
    Ok(Vec::new())
}
