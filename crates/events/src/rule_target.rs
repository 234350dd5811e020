//! Targets of tenants' rules: what is needed to call them.

use access::effects::authority;
use access::error::{Code, Error, Result};
use access::op::event_bridge;
use access::permit::Permit;
use access::service_role::work_of_service;
use access::store::{FindRoutedTarget, RoutedTarget};
use jiff::Timestamp;

use crate::Events;
use crate::event_bridge::{connection_of_arn, destination_of_arn, for_rule, stored};
use crate::input::Input;
use crate::invocation::Invocation;
use crate::retry::Failure;

impl Events {
    /// What is needed to call the target of a rule; None if it was removed. The role's permission is decided now.
    pub(crate) async fn invocation(
        &self,
        permit: &Permit<authority::DeliverEvents>,
        delivery: &str,
    ) -> Result<Option<std::result::Result<Invocation, Failure>>> {
        let found = permit.read(|()| FindRoutedTarget { delivery: delivery.to_owned() }).await?;
        let Some(routed) = found else { return Ok(None) };
        match self.prepared(permit, routed).await {
            Ok(prepared) => Ok(Some(prepared)),
            // The store can answer later. What waits for the target is not lost because of this server.
            Err(error) if matches!(error.code, Code::Unavailable) => Err(error),
            Err(error) if matches!(error.code, Code::Internal) => Ok(Some(Err(Failure::temporary(error)))),
            Err(error) => Ok(Some(Err(Failure::permanent(error)))),
        }
    }

    async fn prepared(
        &self,
        permit: &Permit<authority::DeliverEvents>,
        routed: RoutedTarget,
    ) -> Result<std::result::Result<Invocation, Failure>> {
        let target = stored(&routed.target)?;
        let gone =
            |what: &str, arn: &str| Ok(Err(Failure::permanent(format!("{what} {arn} does not exist"))));
        let Some(destination) = destination_of_arn(permit, &target.arn).await? else {
            return gone("the API destination", &target.arn);
        };
        let connection_arn = destination.fields.connection_arn.clone();
        let Some(connection) = connection_of_arn(permit, &connection_arn).await? else {
            return gone("the connection", &connection_arn);
        };
        let role_arn = target.role_arn.clone().unwrap_or_default();
        let to = for_rule(&routed.account_id, &routed.rule_arn);
        let Some(ctx) = work_of_service(permit, &role_arn, to, ("deliver-events", Timestamp::now())).await?
        else {
            return Ok(Err(Failure::permanent(format!(
                "events.amazonaws.com may not assume the role {role_arn}"
            ))));
        };
        let gate = self.access.registry_gate(&ctx, &routed.account_id, &routed.region).await?;
        let permit =
            gate.permit_on::<event_bridge::InvokeApiDestination>(&target.arn, policy::Context::new())?;
        Ok(Ok(Invocation {
            permit,
            destination_arn: target.arn.clone(),
            destination: destination.fields,
            connection: (connection_arn, connection.version),
            authorization: self.opened(&connection)?,
            input: Input::of(&target).map_err(|error| Error::new(Code::Validation, error))?,
            target,
            rule: (routed.rule_arn, routed.rule_name),
        }))
    }
}
