//! Access keys of users: at most two. The secret is shown once.

use access::context::Ctx;
use access::effects::authority;
use access::error::{AwsCode, Code, Error, Result};
use access::op::{Effect, iam};
use access::permit::{Of, OnAccount, Opens, Permit, ResourceKey};
use access::seal::Purpose;
use access::store::{
    AccessKeyInfo, CreateAccessKey, CreateAccessKeyWithin, CreateAccessKeyWithinRefusal, DeleteAccessKey,
    EntityKind, FindAccessKey, ListAccessKeys, RecordAccessKeyUse, RefusedExt as _, SetAccessKeyStatus,
    StoreResultExt as _,
};
use aws::iam::{
    AccessKey, AccessKeyLastUsed, AccessKeyMetadata, CreateAccessKeyRequest, CreateAccessKeyResponse,
    DeleteAccessKeyRequest, GetAccessKeyLastUsedRequest, GetAccessKeyLastUsedResponse, ListAccessKeysRequest,
    ListAccessKeysResponse, StatusType, UpdateAccessKeyRequest,
};
use aws::ids::AccessKeyId;

use super::entity::own_entity_at;
use super::user::{Whom, whom};
use super::{entity_arn, no_such_entity, time};
use crate::Identity;
use crate::bootstrap::random_access_key;

/// The owner of the keys in a request.
struct Owner {
    unique_id: String,
    name: String,
}

fn gone(id: &str) -> Error {
    Error::aws(AwsCode::NoSuchEntity, format!("The Access Key with id {id} cannot be found."))
}

/// How often the last use of a key is recorded.
const USE_RESOLUTION_SECONDS: i64 = 60;

/// A key of the owner, by ID.
async fn key_of<E: Opens<ListAccessKeys>>(
    permit: &Permit<E>,
    owner: &Owner,
    id: &str,
) -> Result<AccessKeyInfo> {
    let keys = permit.read(|_| ListAccessKeys { owner: owner.unique_id.clone() }).await?;
    keys.into_iter().find(|key| key.id.as_str() == id).ok_or_else(|| gone(id))
}

impl Identity {
    /// The named user; without a name, the user or root that calls.
    async fn key_owner<E: Effect<On = OnAccount>>(
        &self,
        ctx: &Ctx,
        name: Option<String>,
    ) -> Result<(Permit<Of<E>>, Owner)> {
        let gate = self.access.account_gate(ctx).await?;
        match whom::<E>(&gate, name)? {
            Whom::User(name) => {
                let named = (EntityKind::User, name.as_str());
                let user = own_entity_at::<E>(&gate, named, policy::Context::new()).await?;
                Ok((user.permit, Owner { unique_id: user.on.unique_id, name: user.on.name }))
            }
            Whom::Root(permit) => {
                let (unique_id, name) = (ctx.caller.unique_id.clone(), "root".to_owned());
                Ok((permit, Owner { unique_id, name }))
            }
        }
    }

    /// Creates an access key. Its secret is sealed in the store and cannot be shown again.
    pub async fn create_access_key(
        &self,
        ctx: &Ctx,
        input: CreateAccessKeyRequest,
    ) -> Result<CreateAccessKeyResponse> {
        let (permit, owner) = self.key_owner::<iam::CreateAccessKey>(ctx, input.user_name).await?;
        let (id, secret) = random_access_key()?;
        let sealed_secret =
            self.access.keys.seal(Purpose::AccessKey, secret.expose().as_bytes()).map_err(Error::internal)?;
        let limit = self.access.quotas().access_keys_per_user.limit();
        let create = |owner: ResourceKey| {
            let key = CreateAccessKey { id: id.clone(), owner: owner.id, sealed_secret, at: ctx.at() };
            CreateAccessKeyWithin { key, limit }
        };
        permit.write(create).await.or_refused(|refusal| match refusal {
            CreateAccessKeyWithinRefusal::Limit => self.access.quotas().access_keys_per_user.exceeded(),
            CreateAccessKeyWithinRefusal::Key(_) => no_such_entity(EntityKind::User, &owner.name),
        })?;
        let access_key = AccessKey {
            user_name: owner.name,
            access_key_id: id.to_string(),
            status: StatusType::Active,
            secret_access_key: secret,
            create_date: ctx.now.into(),
        };
        Ok(CreateAccessKeyResponse { access_key })
    }

    /// Lists the access keys of a user.
    pub async fn list_access_keys(
        &self,
        ctx: &Ctx,
        input: ListAccessKeysRequest,
    ) -> Result<ListAccessKeysResponse> {
        let (permit, owner) = self.key_owner::<iam::ListAccessKeys>(ctx, input.user_name).await?;
        let page =
            self.page_of(format!("keys of {}", owner.unique_id), input.marker.as_deref(), input.max_items)?;
        let list = ListAccessKeys { owner: owner.unique_id };
        let mut keys = permit.read(|_| list).await?;
        let position = |key: &AccessKeyInfo| format!("{:020} {}", key.created_at.0, key.id);
        keys.retain(|key| position(key) > page.after);
        let marker = self.cut(&page, &mut keys, position)?;
        let shown = |key: AccessKeyInfo| AccessKeyMetadata {
            user_name: owner.name.clone(),
            access_key_id: key.id.to_string(),
            status: if key.active { StatusType::Active } else { StatusType::Inactive },
            create_date: time(key.created_at).into(),
        };
        Ok(ListAccessKeysResponse {
            access_key_metadata: keys.into_iter().map(shown).collect(),
            is_truncated: marker.is_some(),
            marker,
        })
    }

    /// Activates or deactivates an access key. This applies also to docker tokens and sessions that were created with
    /// it.
    pub async fn update_access_key(&self, ctx: &Ctx, input: UpdateAccessKeyRequest) -> Result<()> {
        let (permit, owner) = self.key_owner::<iam::UpdateAccessKey>(ctx, input.user_name).await?;
        let key = key_of(&permit, &owner, &input.access_key_id).await?;
        let active = input.status == StatusType::Active;
        let set = |owner: ResourceKey| SetAccessKeyStatus { id: key.id, owner: owner.id, active };
        permit.write(set).await.or_refused(|_| gone(&input.access_key_id))
    }

    pub async fn delete_access_key(&self, ctx: &Ctx, input: DeleteAccessKeyRequest) -> Result<()> {
        let (permit, owner) = self.key_owner::<iam::DeleteAccessKey>(ctx, input.user_name).await?;
        let key = key_of(&permit, &owner, &input.access_key_id).await?;
        let delete = |owner: ResourceKey| DeleteAccessKey { id: key.id, owner: owner.id };
        permit.write(delete).await.or_refused(|_| gone(&input.access_key_id))
    }

    /// Returns when an access key of the account was last used. The denial is the same for a key that does not exist,
    /// for one of another account, and for one without permission, so it does not show the owner of the key.
    pub async fn get_access_key_last_used(
        &self,
        ctx: &Ctx,
        input: GetAccessKeyLastUsedRequest,
    ) -> Result<GetAccessKeyLastUsedResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let account_id = &ctx.caller.account_id;
        let id: Option<AccessKeyId> = input.access_key_id.parse().ok();
        let found = match id {
            Some(id) => gate.read(FindAccessKey { id }).await?,
            None => None,
        };
        let found = found.filter(|key| key.principal.account_id == *account_id);
        let arn = match &found {
            Some(key) => entity_arn(account_id, EntityKind::User, &key.principal.path, &key.principal.name),
            None => format!("arn:aws:iam::{account_id}:user/*"),
        };
        let denied = || {
            let (caller, id) = (&gate.caller().arn, &input.access_key_id);
            let action = iam::GetAccessKeyLastUsed::OP.action();
            let message =
                format!("User: {caller} is not authorized to perform: {action} on resource: access key {id}");
            Error::new(Code::AccessDenied, message)
        };
        let permit = gate.permit_on::<iam::GetAccessKeyLastUsed>(&arn, policy::Context::new());
        let permit = permit.map_err(|error| match error.code {
            Code::AccessDenied => denied(),
            _ => error,
        })?;
        let key = found.ok_or_else(denied)?;
        let owner = Owner { unique_id: key.principal.unique_id, name: key.principal.name };
        let used = key_of(&permit, &owner, &input.access_key_id).await?.last_used;
        let access_key_last_used = match used {
            Some((at, region, service_name)) => {
                AccessKeyLastUsed { last_used_date: Some(time(at).into()), service_name, region }
            }
            None => AccessKeyLastUsed {
                last_used_date: None,
                service_name: "N/A".to_owned(),
                region: "N/A".to_owned(),
            },
        };
        Ok(GetAccessKeyLastUsedResponse { user_name: owner.name, access_key_last_used })
    }

    /// Records that the caller's key was used, about once a minute. A failure is only logged.
    pub async fn record_key_use(&self, ctx: &Ctx, region: &str, service: &str) {
        let Some(id) = ctx.caller.long_term_key.as_ref().filter(|_| ctx.caller.session.is_none()) else {
            return;
        };
        let minute = ctx.now.as_second() / USE_RESOLUTION_SECONDS;
        if self.key_uses.get(id) == Some(minute) {
            return;
        }
        self.key_uses.insert(id.clone(), minute);
        let (region, service) = (region.to_owned(), service.to_owned());
        let record = RecordAccessKeyUse { id: id.clone(), region, service, at: ctx.at() };
        let service = Permit::for_service(authority::RecordKeyUse, &self.access);
        if let Err(error) = service.write(|()| record).await.or_store_error() {
            tracing::warn!(%error, "the use of an access key could not be recorded");
        }
    }
}
