//! Events for other systems: which targets get an event, and its delivery, at least once and in order.
//!
//! `route` writes the deliveries of new events, `deliver` sends them. Both run in the reconciler `deliver-events`
//! (docs/adr/0027-delivery-of-events.md). Targets are sinks of the operator, and API destinations of tenants' rules,
//! which `event_bridge` manages (docs/adr/0030-targets-of-tenants.md).
//!
//! Architecture invariants: every call to another server goes through a guarded client of `outbound`. This crate
//! contains no SQL. A call for a rule needs the permit of the target's role.

mod authorization;
mod cloud_event;
mod deliver;
mod due;
mod envelope;
mod event_bridge;
mod forward;
mod input;
mod invocation;
mod lines;
mod oauth;
mod rate;
mod retry;
mod route;
mod rule_target;
mod sink;
mod webhook;
mod writer;

use std::sync::{Arc, OnceLock};

use access::Access;
use access::error::{Error, Result};
use outbound::{Client, Roots};

use crate::due::Turns;
use crate::oauth::Tokens;
use crate::rate::Rates;
use crate::retry::Failure;
use crate::sink::Sink;
use crate::writer::Writer;

pub use deliver::Delivered;
pub use forward::forward;
pub use sink::{InvalidSink, check};

/// The delivery of events of one deployment.
pub struct Events {
    access: Arc<Access>,
    /// Made for the first call: it needs the certificate authorities of the system.
    client: OnceLock<Client>,
    sinks: Vec<Sink>,
    writer: Writer,
    tokens: Tokens,
    rates: Rates,
    turns: Turns,
}

impl Events {
    /// The delivery of a deployment.
    pub fn new(access: Arc<Access>) -> Result<Arc<Self>> {
        let sinks = access.settings.event_sinks.iter().map(Sink::new).collect::<std::result::Result<_, _>>();
        let sinks = sinks.map_err(Error::internal)?;
        Ok(Arc::new(Self {
            access,
            client: OnceLock::new(),
            sinks,
            writer: Writer::default(),
            tokens: Tokens::default(),
            rates: Rates::default(),
            turns: Turns::default(),
        }))
    }

    /// The client for every target.
    fn client(&self) -> std::result::Result<&Client, Failure> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client =
            Client::guarded(&self.access.settings.dialler, Roots::System).map_err(Failure::temporary)?;
        Ok(self.client.get_or_init(|| client))
    }
}
