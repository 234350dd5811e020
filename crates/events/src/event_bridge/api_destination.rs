//! API destinations: HTTPS endpoints that get events.

use access::authz::{EventKind, Gate};
use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::{Effect, event_bridge};
use access::permit::{OnAccount, Reads, ResourceKey};
use access::store::{
    ApiDestinationFields, ApiDestinationRow, CreateApiDestination, CreateNamedRefusal, DeleteApiDestination,
    FindApiDestination, FindEventConnection, ListApiDestinations, RefusedExt as _, ReplaceApiDestination,
    StoreResultExt as _,
};
use aws::event_bridge::{
    ApiDestination, ApiDestinationHttpMethod, ApiDestinationState, CreateApiDestinationRequest,
    CreateApiDestinationResponse, DeleteApiDestinationRequest, DeleteApiDestinationResponse,
    DescribeApiDestinationRequest, DescribeApiDestinationResponse, ListApiDestinationsRequest,
    ListApiDestinationsResponse, UpdateApiDestinationRequest, UpdateApiDestinationResponse,
};
use aws::ids::Region;

use super::connection::{connection_of_arn, full_arn};
use super::http_parameters::check_endpoint;
use super::{changed_meanwhile, new_id, not_found, seconds, without_id};
use crate::Events;

fn no_destination(name: &str) -> Error {
    not_found(format!("An api-destination '{name}' does not exist."))
}

fn no_connection(arn: &str) -> Error {
    not_found(format!("Connection '{arn}' does not exist."))
}

/// Decides whether an API destination may use a connection: the action is decided on both (Service Authorization
/// Reference, "Amazon EventBridge").
fn decide_on_connection<E: Effect<On = OnAccount>>(gate: &Gate, connection_arn: &str) -> Result<()> {
    let (arn, _) = without_id(connection_arn).ok_or_else(|| no_connection(connection_arn))?;
    gate.allow_on(E::OP, arn, policy::Context::new())
}

/// Whether a connection of the account and Region has this ARN.
async fn check_connection(
    gate: &Gate,
    store: &impl Reads<FindEventConnection>,
    connection_arn: &str,
) -> Result<()> {
    let is_here = connection_arn.starts_with(&gate.event_arn(EventKind::Connection, ""));
    let found = if is_here { connection_of_arn(store, connection_arn).await? } else { None };
    found.map(|_| ()).ok_or_else(|| no_connection(connection_arn))
}

/// The API destination with an ARN as clients see it.
pub(crate) async fn destination_of_arn(
    store: &impl Reads<FindApiDestination>,
    full_arn: &str,
) -> Result<Option<ApiDestinationRow>> {
    let Some((arn, id)) = without_id(full_arn) else { return Ok(None) };
    let found = store.look_up(FindApiDestination { arn: arn.to_owned() }).await?;
    Ok(found.filter(|found| found.id == id))
}

fn state(is_active: bool) -> ApiDestinationState {
    if is_active { ApiDestinationState::Active } else { ApiDestinationState::Inactive }
}

impl Events {
    /// Creates an API destination.
    pub async fn create_api_destination(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: CreateApiDestinationRequest,
    ) -> Result<CreateApiDestinationResponse> {
        let gate = self.gate(ctx, region).await?;
        let named = (EventKind::ApiDestination, input.name.as_str());
        let keys = policy::Context::new();
        let permit = gate.permit_event::<event_bridge::CreateApiDestination>(named, keys).await?;
        decide_on_connection::<event_bridge::CreateApiDestination>(&gate, &input.connection_arn)?;
        check_endpoint("InvocationEndpoint", &input.invocation_endpoint)?;
        check_connection(&gate, &permit, &input.connection_arn).await?;
        let fields = ApiDestinationFields {
            description: input.description,
            connection_arn: input.connection_arn,
            endpoint: input.invocation_endpoint,
            method: input.http_method.as_str().to_owned(),
            rate: input.invocation_rate_limit_per_second,
        };
        let (id, at) = (new_id(), ctx.at());
        let arn = full_arn(&gate.event_arn(EventKind::ApiDestination, &input.name), &id);
        let quota = self.access.quotas().api_destinations_per_region;
        let create =
            |key: ResourceKey| CreateApiDestination { arn: key.arn, id, fields, limit: quota.limit(), at };
        permit.write(create).await.or_refused(|refusal| match refusal {
            CreateNamedRefusal::Exists => {
                let message = format!("An api-destination '{}' already exists.", input.name);
                Error::aws(AwsCode::EventResourceExists, message)
            }
            CreateNamedRefusal::Limit => quota.exceeded(),
        })?;
        Ok(CreateApiDestinationResponse {
            api_destination_arn: Some(arn),
            api_destination_state: Some(state(true)),
            creation_time: Some(seconds(at)),
            last_modified_time: Some(seconds(at)),
        })
    }

    /// Describes an API destination.
    pub async fn describe_api_destination(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: DescribeApiDestinationRequest,
    ) -> Result<DescribeApiDestinationResponse> {
        let gate = self.gate(ctx, region).await?;
        let named = (EventKind::ApiDestination, input.name.as_str());
        let keys = policy::Context::new();
        let permit = gate.permit_event::<event_bridge::DescribeApiDestination>(named, keys).await?;
        let found = permit.read(|key| FindApiDestination { arn: key.arn.as_ref().to_owned() }).await?;
        let found = found.ok_or_else(|| no_destination(&input.name))?;
        Ok(DescribeApiDestinationResponse {
            api_destination_arn: Some(full_arn(&found.arn, &found.id)),
            name: Some(found.name),
            description: found.fields.description,
            api_destination_state: Some(state(found.is_active)),
            connection_arn: Some(found.fields.connection_arn),
            invocation_endpoint: Some(found.fields.endpoint),
            http_method: ApiDestinationHttpMethod::parse(&found.fields.method),
            invocation_rate_limit_per_second: found.fields.rate,
            creation_time: Some(seconds(found.created_at)),
            last_modified_time: Some(seconds(found.updated_at)),
        })
    }

    /// Lists API destinations by name.
    pub async fn list_api_destinations(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: ListApiDestinationsRequest,
    ) -> Result<ListApiDestinationsResponse> {
        let gate = self.gate(ctx, region).await?;
        let permit = gate.permit_on::<event_bridge::ListApiDestinations>("*", policy::Context::new())?;
        let list = format!("API destinations {region}");
        let page = self.page_of(list, input.next_token.as_deref(), input.limit)?;
        let list = |account_id| ListApiDestinations(page.names(account_id, region, input.name_prefix));
        let mut found = permit.read(list).await?;
        let next_token = self.cut(&page, &mut found, |destination| &destination.name)?;
        let is_asked = |found: &ApiDestinationRow| {
            input.connection_arn.as_ref().is_none_or(|arn| *arn == found.fields.connection_arn)
        };
        let api_destinations = found.into_iter().filter(is_asked).map(listed).collect();
        Ok(ListApiDestinationsResponse { api_destinations, next_token })
    }

    /// Changes an API destination. What the request leaves out stays.
    pub async fn update_api_destination(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: UpdateApiDestinationRequest,
    ) -> Result<UpdateApiDestinationResponse> {
        let gate = self.gate(ctx, region).await?;
        let named = (EventKind::ApiDestination, input.name.as_str());
        let keys = policy::Context::new();
        let permit = gate.permit_event::<event_bridge::UpdateApiDestination>(named, keys).await?;
        if let Some(connection_arn) = &input.connection_arn {
            decide_on_connection::<event_bridge::UpdateApiDestination>(&gate, connection_arn)?;
        }
        if let Some(endpoint) = &input.invocation_endpoint {
            check_endpoint("InvocationEndpoint", endpoint)?;
        }
        let found = permit.read(|key| FindApiDestination { arn: key.arn.as_ref().to_owned() }).await?;
        let old = found.ok_or_else(|| no_destination(&input.name))?;
        if let Some(connection_arn) = &input.connection_arn {
            check_connection(&gate, &permit, connection_arn).await?;
        }
        let is_active = input.connection_arn.is_some() || old.is_active;
        let fields = ApiDestinationFields {
            description: input.description.or(old.fields.description),
            connection_arn: input.connection_arn.unwrap_or(old.fields.connection_arn),
            endpoint: input.invocation_endpoint.unwrap_or(old.fields.endpoint),
            method: input.http_method.map_or(old.fields.method, |method| method.as_str().to_owned()),
            rate: input.invocation_rate_limit_per_second.or(old.fields.rate),
        };
        let (version, at) = (old.version, ctx.at());
        let replace = |key: ResourceKey| ReplaceApiDestination { arn: key.arn, version, fields, at };
        permit.write(replace).await.or_refused(|_| changed_meanwhile())?;
        Ok(UpdateApiDestinationResponse {
            api_destination_arn: Some(full_arn(&old.arn, &old.id)),
            api_destination_state: Some(state(is_active)),
            creation_time: Some(seconds(old.created_at)),
            last_modified_time: Some(seconds(at)),
        })
    }

    /// Deletes an API destination. What waits for it becomes dead letters of the targets that name it.
    pub async fn delete_api_destination(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: DeleteApiDestinationRequest,
    ) -> Result<DeleteApiDestinationResponse> {
        let gate = self.gate(ctx, region).await?;
        let named = (EventKind::ApiDestination, input.name.as_str());
        let keys = policy::Context::new();
        let permit = gate.permit_event::<event_bridge::DeleteApiDestination>(named, keys).await?;
        let delete = |key: ResourceKey| DeleteApiDestination { arn: key.arn };
        let existed = permit.write(delete).await.or_store_error()?;
        if existed { Ok(DeleteApiDestinationResponse {}) } else { Err(no_destination(&input.name)) }
    }
}

fn listed(found: ApiDestinationRow) -> ApiDestination {
    ApiDestination {
        api_destination_arn: Some(full_arn(&found.arn, &found.id)),
        name: Some(found.name),
        api_destination_state: Some(state(found.is_active)),
        connection_arn: Some(found.fields.connection_arn),
        invocation_endpoint: Some(found.fields.endpoint),
        http_method: ApiDestinationHttpMethod::parse(&found.fields.method),
        invocation_rate_limit_per_second: found.fields.rate,
        creation_time: Some(seconds(found.created_at)),
        last_modified_time: Some(seconds(found.updated_at)),
    }
}
