//! The resources of EventBridge that requests name: rules, connections and API destinations. The gate makes their ARNs
//! for its own account and Region, decides on them, and puts the same ARN into the permit as the key in the store.

use aws::service::Service;
use meta::ListIamTags;

use super::{Gate, keys};
use crate::error::Result;
use crate::op::Effect;
use crate::permit::{Of, OnAccount, Permit};

/// A kind of resource of EventBridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    Rule,
    Connection,
    ApiDestination,
    EventBus,
}

impl EventKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Connection => "connection",
            Self::ApiDestination => "api-destination",
            Self::EventBus => "event-bus",
        }
    }
}

impl Gate {
    /// The ARN of a resource, as policies name it. ARNs of connections and API destinations have an ID at their end, which
    /// policies leave out (Service Authorization Reference, "Amazon EventBridge").
    pub fn event_arn(&self, kind: EventKind, name: &str) -> String {
        let (partition, kind) = (self.region.partition(), kind.as_str());
        format!("arn:{partition}:events:{}:{}:{kind}/{name}", self.region, self.account_id)
    }

    /// Decides on an operation on a resource, whether or not it exists. Rules have tags, which conditions can test.
    pub async fn permit_event<E: Effect<On = OnAccount>>(
        &self,
        (kind, name): (EventKind, &str),
        mut keys: policy::Context,
    ) -> Result<Permit<Of<E>>> {
        let arn = self.event_arn(kind, name);
        if kind == EventKind::Rule {
            let tags = self.read(ListIamTags { owner: arn.clone() }).await?;
            keys::add_resource_tags(&mut keys, Service::EventBridge, &tags);
        }
        self.allow_on(E::OP, &arn, keys)?;
        Ok(self.permit_of(&arn, &arn))
    }
}
