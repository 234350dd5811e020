//! Users, groups and roles by their ARNs.

use aws::arn::Arn;
use meta::{Entity, EntityKind, FindEntity};

use crate::error::{Error, Result};
use crate::permit::Reads;

/// The ARN of a user, group or role.
pub fn arn_of(entity: &Entity) -> String {
    format!("arn:aws:iam::{}:{}{}{}", entity.account_id, entity.kind, entity.path, entity.name)
}

/// The user, group or role that an ARN names by its exact path and name.
pub async fn entity_of_arn(store: &impl Reads<FindEntity>, text: &str) -> Result<Option<Entity>> {
    let Ok(arn) = text.parse::<Arn>() else { return Ok(None) };
    let (Some(account_id), Some((kind, rest))) = (arn.account_id(), arn.resource.split_once('/')) else {
        return Ok(None);
    };
    let kind = match kind {
        "user" => EntityKind::User,
        "group" => EntityKind::Group,
        "role" => EntityKind::Role,
        _ => return Ok(None),
    };
    let name = rest.rsplit('/').next().unwrap_or_default().to_owned();
    let found = store.look_up(FindEntity { account_id, kind, name }).await?;
    Ok(found.filter(|entity| arn_of(entity) == text))
}

/// The role that an ARN names.
pub async fn role_of_arn(store: &impl Reads<FindEntity>, role_arn: &str) -> Result<Option<Entity>> {
    Ok(entity_of_arn(store, role_arn).await?.filter(|entity| entity.kind == EntityKind::Role.as_str()))
}

/// The trust policy of a role.
pub fn trust_policy(role: &Entity) -> Result<policy::Policy> {
    let stored = role.role.as_ref().map(|fields| fields.trust_policy.as_str()).unwrap_or_default();
    policy::Policy::parse(stored).map_err(Error::internal)
}
