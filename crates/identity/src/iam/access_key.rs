//! Access keys of users: at most two, shown once.

use access::op::IamOp;
use aws::iam::{
    AccessKeyLastUsed, AccessKeyMetadata, CreateAccessKeyRequest, DeleteAccessKeyRequest,
    GetAccessKeyLastUsedRequest, ListAccessKeysRequest, NewAccessKey, UpdateAccessKeyRequest,
};
use aws::ids::AccessKeyId;
use aws::query::{One, Page};
use meta::{
    AccessKeyInfo, CreateAccessKey, CreateAccessKeyWithin, CreateAccessKeyWithinRefusal, DeleteAccessKey,
    EntityKind, FindAccessKey, ListAccessKeys, RecordAccessKeyUse, SetAccessKeyStatus,
};

use super::user::Whom;
use super::{entity_arn, no_such_entity, quota, quota_exceeded, time};
use crate::Identity;
use crate::bootstrap::random_access_key;
use access::context::Ctx;
use access::error::{AwsCode, Code, Error, Result};
use access::op::Op;
use access::seal::Purpose;
use access::store::{RefusedExt as _, StoreResultExt as _};

/// Whose keys a request is about.
struct Owner {
    unique_id: String,
    name: String,
}

fn gone(id: &str) -> Error {
    Error::aws(AwsCode::NoSuchEntity, format!("The Access Key with id {id} cannot be found."))
}

/// How often the last use of a key is written down.
const USE_RESOLUTION_SECONDS: i64 = 60;

impl Identity {
    /// The user that is named; without a name, the user or root who asks.
    async fn key_owner(&self, ctx: &Ctx, op: Op, name: Option<String>) -> Result<Owner> {
        match self.whom(ctx, op, name).await? {
            Whom::User(name) => {
                let named = (EntityKind::User, name.as_str());
                let user = self.own_entity_for(ctx, op, named, policy::Context::new()).await?;
                Ok(Owner { unique_id: user.unique_id, name: user.name })
            }
            Whom::Root => Ok(Owner { unique_id: ctx.caller.unique_id.clone(), name: "root".to_owned() }),
        }
    }

    /// Makes an access key. Its secret is sealed in the store and cannot be shown again.
    pub async fn create_access_key(
        &self,
        ctx: &Ctx,
        input: CreateAccessKeyRequest,
    ) -> Result<One<NewAccessKey>> {
        let owner = self.key_owner(ctx, Op::Iam(IamOp::CreateAccessKey), input.user_name).await?;
        let (id, secret) = random_access_key()?;
        let sealed_secret =
            self.access.keys.seal(Purpose::AccessKey, secret.expose().as_bytes()).map_err(Error::internal)?;
        let key = CreateAccessKey { id: id.clone(), owner: owner.unique_id, sealed_secret, at: ctx.at() };
        let create = CreateAccessKeyWithin { key, limit: quota::ACCESS_KEYS_PER_USER };
        self.access.meta.write(create).await.or_refused(|refusal| match refusal {
            CreateAccessKeyWithinRefusal::Limit => {
                quota_exceeded("AccessKeysPerUser", quota::ACCESS_KEYS_PER_USER)
            }
            CreateAccessKeyWithinRefusal::Key(_) => no_such_entity(EntityKind::User, &owner.name),
        })?;
        let key = NewAccessKey { user_name: owner.name, id: id.to_string(), secret, created_at: ctx.now };
        Ok(One("AccessKey", key))
    }

    /// Lists the access keys of a user.
    pub async fn list_access_keys(
        &self,
        ctx: &Ctx,
        input: ListAccessKeysRequest,
    ) -> Result<Page<AccessKeyMetadata>> {
        let owner = self.key_owner(ctx, Op::Iam(IamOp::ListAccessKeys), input.user_name).await?;
        let page =
            self.page_of(format!("keys of {}", owner.unique_id), input.marker.as_deref(), input.max_items)?;
        let list = ListAccessKeys { owner: owner.unique_id };
        let mut keys = self.access.meta.read(list).await.or_store_error()?;
        let position = |key: &AccessKeyInfo| format!("{:020} {}", key.created_at.0, key.id);
        keys.retain(|key| position(key) > page.after);
        let marker = self.cut(&page, &mut keys, position)?;
        let shown = |key: AccessKeyInfo| AccessKeyMetadata {
            user_name: owner.name.clone(),
            id: key.id.to_string(),
            is_active: key.active,
            created_at: time(key.created_at),
        };
        Ok(Page { name: "AccessKeyMetadata", items: keys.into_iter().map(shown).collect(), marker })
    }

    /// A key of the owner, by id.
    async fn key_of(&self, owner: &Owner, id: &str) -> Result<AccessKeyInfo> {
        let list = ListAccessKeys { owner: owner.unique_id.clone() };
        let keys = self.access.meta.read(list).await.or_store_error()?;
        keys.into_iter().find(|key| key.id.as_str() == id).ok_or_else(|| gone(id))
    }

    /// Activates or deactivates an access key, for docker tokens and sessions that came of it too.
    pub async fn update_access_key(&self, ctx: &Ctx, input: UpdateAccessKeyRequest) -> Result<()> {
        let owner = self.key_owner(ctx, Op::Iam(IamOp::UpdateAccessKey), input.user_name).await?;
        let key = self.key_of(&owner, &input.access_key_id).await?;
        let set = SetAccessKeyStatus { id: key.id, active: input.status == "Active" };
        self.access.meta.write(set).await.or_refused(|_| gone(&input.access_key_id))
    }

    /// Deletes an access key.
    pub async fn delete_access_key(&self, ctx: &Ctx, input: DeleteAccessKeyRequest) -> Result<()> {
        let owner = self.key_owner(ctx, Op::Iam(IamOp::DeleteAccessKey), input.user_name).await?;
        let key = self.key_of(&owner, &input.access_key_id).await?;
        let delete = DeleteAccessKey { id: key.id, owner: owner.unique_id };
        self.access.meta.write(delete).await.or_refused(|_| gone(&input.access_key_id))
    }

    /// When an access key of the account was last used. A key that is not there is denied as one of another account, and
    /// as one that the caller may not ask about: none of these refusals tells whose it is.
    pub async fn get_access_key_last_used(
        &self,
        ctx: &Ctx,
        input: GetAccessKeyLastUsedRequest,
    ) -> Result<AccessKeyLastUsed> {
        let gate = self.access.account_gate(ctx).await?;
        let account_id = &ctx.caller.account_id;
        let id: Option<AccessKeyId> = input.access_key_id.parse().ok();
        let found = match id {
            Some(id) => self.access.meta.read(FindAccessKey { id }).await.or_store_error()?,
            None => None,
        };
        let found = found.filter(|key| key.principal.account_id == *account_id);
        let arn = match &found {
            Some(key) => entity_arn(account_id, EntityKind::User, &key.principal.path, &key.principal.name),
            None => format!("arn:aws:iam::{account_id}:user/*"),
        };
        let denied = || {
            let (caller, id) = (&gate.caller().arn, &input.access_key_id);
            let action = Op::Iam(IamOp::GetAccessKeyLastUsed).action();
            let message =
                format!("User: {caller} is not authorized to perform: {action} on resource: access key {id}");
            Error::new(Code::AccessDenied, message)
        };
        gate.allow_on(Op::Iam(IamOp::GetAccessKeyLastUsed), &arn, policy::Context::new()).map_err(
            |error| match error.code {
                Code::AccessDenied => denied(),
                _ => error,
            },
        )?;
        let key = found.ok_or_else(denied)?;
        let owner = Owner { unique_id: key.principal.unique_id, name: key.principal.name };
        let used = self.key_of(&owner, &input.access_key_id).await?.last_used;
        let used = used.map(|(at, region, service)| (time(at), region, service));
        Ok(AccessKeyLastUsed { user_name: owner.name, used })
    }

    /// Notes that the caller's key was used, about once a minute; what fails is only logged.
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
        if let Err(error) = self.access.meta.write(record).await.or_store_error() {
            tracing::warn!(%error, "the use of an access key could not be noted");
        }
    }
}
