//! The default event bus.

use access::authz::EventKind;
use access::context::Ctx;
use access::error::Result;
use access::op::event_bridge;
use aws::event_bridge::{
    DescribeEventBusRequest, DescribeEventBusResponse, EventBus, ListEventBusesRequest,
    ListEventBusesResponse,
};
use aws::ids::Region;

use super::{DEFAULT_BUS, bus_name, no_bus};
use crate::Events;

impl Events {
    /// Describes the default event bus.
    pub async fn describe_event_bus(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: DescribeEventBusRequest,
    ) -> Result<DescribeEventBusResponse> {
        let gate = self.gate(ctx, region).await?;
        let name = bus_name(&gate, input.name.as_deref());
        let keys = policy::Context::new();
        gate.permit_event::<event_bridge::DescribeEventBus>((EventKind::EventBus, &name), keys).await?;
        if name != DEFAULT_BUS {
            return Err(no_bus(&name));
        }
        let arn = Some(gate.event_arn(EventKind::EventBus, &name));
        Ok(DescribeEventBusResponse { name: Some(name), arn, ..DescribeEventBusResponse::default() })
    }

    /// Lists event buses: the default one.
    pub async fn list_event_buses(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: ListEventBusesRequest,
    ) -> Result<ListEventBusesResponse> {
        let gate = self.gate(ctx, region).await?;
        gate.permit_on::<event_bridge::ListEventBuses>("*", policy::Context::new())?;
        let arn = Some(gate.event_arn(EventKind::EventBus, DEFAULT_BUS));
        let bus = EventBus { name: Some(DEFAULT_BUS.to_owned()), arn, ..EventBus::default() };
        let is_listed = input.name_prefix.is_none_or(|prefix| DEFAULT_BUS.starts_with(&prefix));
        let event_buses = is_listed.then_some(bus).into_iter().collect();
        Ok(ListEventBusesResponse { event_buses, next_token: None })
    }
}
