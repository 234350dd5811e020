//! The principal that a question is about, as a caller.

use std::sync::Arc;

use access::context::{Caller, CallerKind, Session};
use access::error::{Error, Result};
use access::permit::Reads;
use access::store::{Account, EntityKind, FindAccount, FindEntity};
use aws::arn::Arn;
use aws::ids::AccountId;
use jiff::Timestamp;

use super::invalid;
use crate::iam::entity_of_arn;

/// The session that a role's ARN stands for.
const SESSION_NAME: &str = "explained";

/// The caller that a principal would be, by its ARN, with its account. A closed account has no principals.
pub(super) async fn principal_as_caller<R>(
    store: &R,
    principal: &str,
    now: Timestamp,
) -> Result<(Caller, Account)>
where
    R: Reads<FindEntity> + Reads<FindAccount>,
{
    let unknown = || {
        invalid(format!(
            "There is no principal {principal}. Give the ARN of an account's root, a user, a role or a role's session."
        ))
    };
    let arn: Arn = principal.parse().map_err(|_| unknown())?;
    let account_id = arn.account_id().ok_or_else(unknown)?;
    let account = store.look_up(FindAccount { account_id: account_id.clone() }).await?;
    let account = account.filter(|account| account.status == "ACTIVE").ok_or_else(unknown)?;
    let (unique_id, kind) = match (arn.service.as_str(), arn.resource.split_once('/')) {
        ("iam", None) if arn.resource == "root" => (account_id.to_string(), CallerKind::Root),
        ("iam", Some(_)) => {
            let found = entity_of_arn(store, principal).await?.ok_or_else(unknown)?;
            let (path, name) = (found.path, found.name);
            let kind = match found.kind.as_str() {
                "user" => CallerKind::User { path, name },
                "role" => CallerKind::Role { path, name, session_name: SESSION_NAME.to_owned() },
                _ => return Err(unknown()),
            };
            (found.unique_id, kind)
        }
        ("sts", Some(("assumed-role", rest))) => {
            let (role, session_name) = rest.split_once('/').ok_or_else(unknown)?;
            role_session(store, &account_id, role, session_name).await?.ok_or_else(unknown)?
        }
        _ => return Err(unknown()),
    };
    let is_session = matches!(kind, CallerKind::Role { .. });
    let session = Session { issued_at: now.as_second(), expires_at: i64::MAX, ..Session::default() };
    let caller = Caller {
        arn: kind.arn(&account_id),
        account_id,
        unique_id,
        kind,
        // Nothing is signed: no decision uses the key.
        access_key_id: "AKIA000000000000".parse().map_err(Error::internal)?,
        long_term_key: None,
        session: is_session.then(|| Arc::new(session)),
        token_region: None,
        ends_at: None,
    };
    Ok((caller, account))
}

async fn role_session(
    store: &impl Reads<FindEntity>,
    account_id: &AccountId,
    role: &str,
    session_name: &str,
) -> Result<Option<(String, CallerKind)>> {
    let find = FindEntity { account_id: account_id.clone(), kind: EntityKind::Role, name: role.to_owned() };
    let found = store.look_up(find).await?.filter(|entity| entity.name == role);
    Ok(found.map(|role| {
        let session_name = session_name.to_owned();
        (role.unique_id, CallerKind::Role { path: role.path, name: role.name, session_name })
    }))
}
