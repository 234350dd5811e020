//! Connections: how API destinations authenticate. Secrets are sealed in the store and never shown.

use access::authz::EventKind;
use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::event_bridge;
use access::permit::{Reads, ResourceKey};
use access::seal::Purpose;
use access::store::{
    ConnectionFields, CreateEventConnection, CreateNamedRefusal, DeleteEventConnection, EventConnection,
    FindEventConnection, ListEventConnections, RefusedExt as _, ReplaceEventConnection, StoreResultExt as _,
};
use aws::event_bridge::{
    Connection, ConnectionAuthorizationType, ConnectionState, CreateConnectionRequest,
    CreateConnectionResponse, DeleteConnectionRequest, DeleteConnectionResponse, DescribeConnectionRequest,
    DescribeConnectionResponse, ListConnectionsRequest, ListConnectionsResponse, UpdateConnectionRequest,
    UpdateConnectionResponse,
};
use aws::ids::Region;

use super::http_parameters::{check_endpoint, check_header, check_parameters, shown};
use super::{changed_meanwhile, new_id, not_found, seconds, validation, without_id};
use crate::Events;
use crate::authorization::{Authorization, Credentials};

/// The longest sealed JSON of a connection's parameters.
const MAX_BYTES: usize = 64 * 1024;

fn no_connection(name: &str) -> Error {
    not_found(format!("Failed to describe the connection(s). Connection '{name}' does not exist."))
}

/// The ARN that clients see.
pub(super) fn full_arn(arn: &str, id: &str) -> String {
    format!("{arn}/{id}")
}

/// The connection with an ARN as clients see it.
pub(crate) async fn connection_of_arn(
    store: &impl Reads<FindEventConnection>,
    full_arn: &str,
) -> Result<Option<EventConnection>> {
    let Some((arn, id)) = without_id(full_arn) else { return Ok(None) };
    let found = store.look_up(FindEventConnection { arn: arn.to_owned() }).await?;
    Ok(found.filter(|found| found.id == id))
}

fn no_kms(key: Option<&str>) -> Result<()> {
    match key {
        Some(key) if !key.is_empty() => Err(validation(
            "KmsKeyIdentifier is not supported here yet: secrets are sealed with the server's own keys.",
        )),
        _ => Ok(()),
    }
}

impl Events {
    fn sealed(&self, authorization: &Authorization) -> Result<Vec<u8>> {
        check_parameters(authorization.parameters.as_ref())?;
        match &authorization.credentials {
            Credentials::Basic { .. } => {}
            Credentials::ApiKey { name, .. } => check_header(name)?,
            Credentials::OAuth(oauth) => {
                check_endpoint("AuthorizationEndpoint", &oauth.endpoint)?;
                check_parameters(oauth.parameters.as_ref())?;
            }
        }
        let text = serde_json::to_vec(authorization).map_err(Error::internal)?;
        if text.len() > MAX_BYTES {
            return Err(validation(format!("AuthParameters are longer than {MAX_BYTES} bytes.")));
        }
        self.access.keys.seal(Purpose::Connection, &text).map_err(Error::internal)
    }

    pub(crate) fn opened(&self, connection: &EventConnection) -> Result<Authorization> {
        let text = self.access.keys.open_value(Purpose::Connection, &connection.sealed_auth);
        serde_json::from_slice(&text.map_err(Error::internal)?).map_err(Error::internal)
    }

    /// Creates a connection. Its credentials are first used with the first event.
    pub async fn create_connection(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: CreateConnectionRequest,
    ) -> Result<CreateConnectionResponse> {
        let gate = self.gate(ctx, region).await?;
        let named = (EventKind::Connection, input.name.as_str());
        let permit =
            gate.permit_event::<event_bridge::CreateConnection>(named, policy::Context::new()).await?;
        no_kms(input.kms_key_identifier.as_deref())?;
        let kind = input.authorization_type;
        let authorization = Authorization::created(kind, input.auth_parameters).map_err(validation)?;
        let fields = ConnectionFields {
            description: input.description,
            authorization_type: kind.as_str().to_owned(),
            sealed_auth: self.sealed(&authorization)?,
        };
        let (id, at) = (new_id(), ctx.at());
        let arn = full_arn(&gate.event_arn(EventKind::Connection, &input.name), &id);
        let quota = self.access.quotas().connections_per_region;
        let create =
            |key: ResourceKey| CreateEventConnection { arn: key.arn, id, fields, limit: quota.limit(), at };
        permit.write(create).await.or_refused(|refusal| match refusal {
            CreateNamedRefusal::Exists => {
                let message = format!("Connection {} already exists.", input.name);
                Error::aws(AwsCode::EventResourceExists, message)
            }
            CreateNamedRefusal::Limit => quota.exceeded(),
        })?;
        Ok(CreateConnectionResponse {
            connection_arn: Some(arn),
            connection_state: Some(ConnectionState::Authorized),
            creation_time: Some(seconds(at)),
            last_modified_time: Some(seconds(at)),
        })
    }

    /// Describes a connection, without its secrets.
    pub async fn describe_connection(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: DescribeConnectionRequest,
    ) -> Result<DescribeConnectionResponse> {
        let gate = self.gate(ctx, region).await?;
        let named = (EventKind::Connection, input.name.as_str());
        let permit =
            gate.permit_event::<event_bridge::DescribeConnection>(named, policy::Context::new()).await?;
        let found = permit.read(|key| FindEventConnection { arn: key.arn.as_ref().to_owned() }).await?;
        let found = found.ok_or_else(|| no_connection(&input.name))?;
        Ok(DescribeConnectionResponse {
            connection_arn: Some(full_arn(&found.arn, &found.id)),
            auth_parameters: Some(self.opened(&found)?.shown(shown)),
            name: Some(found.name),
            description: found.description,
            connection_state: Some(ConnectionState::Authorized),
            authorization_type: ConnectionAuthorizationType::parse(&found.authorization_type),
            creation_time: Some(seconds(found.created_at)),
            last_modified_time: Some(seconds(found.updated_at)),
            last_authorized_time: Some(seconds(found.authorized_at)),
            ..DescribeConnectionResponse::default()
        })
    }

    /// Lists connections by name.
    pub async fn list_connections(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: ListConnectionsRequest,
    ) -> Result<ListConnectionsResponse> {
        let gate = self.gate(ctx, region).await?;
        let permit = gate.permit_on::<event_bridge::ListConnections>("*", policy::Context::new())?;
        let page = self.page_of(format!("connections {region}"), input.next_token.as_deref(), input.limit)?;
        let list = |account_id| ListEventConnections(page.names(account_id, region, input.name_prefix));
        let mut found = permit.read(list).await?;
        let next_token = self.cut(&page, &mut found, |connection| &connection.name)?;
        let is_asked = |_: &EventConnection| {
            input.connection_state.is_none_or(|state| state == ConnectionState::Authorized)
        };
        let connections = found.into_iter().filter(is_asked).map(listed).collect();
        Ok(ListConnectionsResponse { connections, next_token })
    }

    /// Changes a connection. What the request leaves out stays.
    pub async fn update_connection(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: UpdateConnectionRequest,
    ) -> Result<UpdateConnectionResponse> {
        let gate = self.gate(ctx, region).await?;
        let named = (EventKind::Connection, input.name.as_str());
        let permit =
            gate.permit_event::<event_bridge::UpdateConnection>(named, policy::Context::new()).await?;
        no_kms(input.kms_key_identifier.as_deref())?;
        let found = permit.read(|key| FindEventConnection { arn: key.arn.as_ref().to_owned() }).await?;
        let old = found.ok_or_else(|| no_connection(&input.name))?;
        let stored = ConnectionAuthorizationType::parse(&old.authorization_type);
        let kind = input.authorization_type.or(stored).unwrap_or(ConnectionAuthorizationType::ApiKey);
        let given = input.auth_parameters.unwrap_or_default();
        let authorization = self.opened(&old)?.updated(kind, given).map_err(validation)?;
        let fields = ConnectionFields {
            description: input.description.or(old.description),
            authorization_type: kind.as_str().to_owned(),
            sealed_auth: self.sealed(&authorization)?,
        };
        let (version, at) = (old.version, ctx.at());
        let replace = |key: ResourceKey| ReplaceEventConnection { arn: key.arn, version, fields, at };
        permit.write(replace).await.or_refused(|_| changed_meanwhile())?;
        Ok(UpdateConnectionResponse {
            connection_arn: Some(full_arn(&old.arn, &old.id)),
            connection_state: Some(ConnectionState::Authorized),
            creation_time: Some(seconds(old.created_at)),
            last_modified_time: Some(seconds(at)),
            last_authorized_time: Some(seconds(at)),
        })
    }

    /// Deletes a connection. API destinations that use it become inactive.
    pub async fn delete_connection(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: DeleteConnectionRequest,
    ) -> Result<DeleteConnectionResponse> {
        let gate = self.gate(ctx, region).await?;
        let named = (EventKind::Connection, input.name.as_str());
        let permit =
            gate.permit_event::<event_bridge::DeleteConnection>(named, policy::Context::new()).await?;
        let delete = |key: ResourceKey| DeleteEventConnection { arn: key.arn };
        let old = permit.write(delete).await.or_store_error()?;
        let old = old.ok_or_else(|| no_connection(&input.name))?;
        Ok(DeleteConnectionResponse {
            connection_arn: Some(full_arn(&old.arn, &old.id)),
            connection_state: Some(ConnectionState::Deleting),
            creation_time: Some(seconds(old.created_at)),
            last_modified_time: Some(seconds(old.updated_at)),
            last_authorized_time: Some(seconds(old.authorized_at)),
        })
    }
}

fn listed(found: EventConnection) -> Connection {
    Connection {
        connection_arn: Some(full_arn(&found.arn, &found.id)),
        name: Some(found.name),
        connection_state: Some(ConnectionState::Authorized),
        state_reason: None,
        authorization_type: ConnectionAuthorizationType::parse(&found.authorization_type),
        creation_time: Some(seconds(found.created_at)),
        last_modified_time: Some(seconds(found.updated_at)),
        last_authorized_time: Some(seconds(found.authorized_at)),
    }
}
