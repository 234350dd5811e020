//! Users, groups and roles of IAM's API. Names are unique within an account and kind, regardless of case.

use aws::ids::AccountId;

use crate::{
    AccountKey, Micros, Never, StoreError, Tx,
    ops::{
        account::{lock_account, lock_account_where},
        operation,
        principal::{PrincipalGone, bump},
    },
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Directory;

/// The kinds of principals that have a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntityKind {
    /// `user`
    User,
    /// `group`
    Group,
    /// `role`
    Role,
}

impl EntityKind {
    /// The kind as the store has it, and as ARNs name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Role => "role",
        }
    }
}

/// What a role has beyond a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleFields {
    /// The trust policy, with principals by unique ID.
    pub trust_policy: String,
    /// The description.
    pub description: Option<String>,
    /// The longest session.
    pub max_session_seconds: i64,
    /// The service that a service-linked role belongs to.
    pub service_name: Option<String>,
}

/// A user, group or role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    pub account_key: AccountKey,
    /// The account ID.
    pub account_id: AccountId,
    /// AWS's unique ID.
    pub unique_id: String,
    /// IAM path.
    pub path: String,
    pub name: String,
    /// When it was created.
    pub created_at: Micros,
    /// ARN of its permissions boundary.
    pub boundary: Option<String>,
    /// `user`, `group`, `role` or `root`.
    pub kind: String,
    /// A role's own fields.
    pub role: Option<RoleFields>,
    /// When a role was last used, and in which region.
    pub last_used: Option<(Micros, String)>,
}

const COLUMNS: &str = "p.account, a.account_id, p.unique_id, p.path, p.name, p.created_at, p.boundary, p.kind, \
     r.trust_policy, r.description, r.max_session_seconds, r.service_name, r.last_used_at, r.last_used_region \
     FROM principal p JOIN account a ON a.key = p.account LEFT JOIN role r ON r.unique_id = p.unique_id";

impl Entity {
    fn read(row: &mut Row) -> Result<Self, StoreError> {
        let mut entity = Self {
            account_key: row.take()?,
            account_id: row.take()?,
            unique_id: row.take()?,
            path: row.take()?,
            name: row.take()?,
            created_at: row.take()?,
            boundary: row.take()?,
            kind: row.take()?,
            role: None,
            last_used: None,
        };
        let (trust_policy, description): (Option<String>, Option<String>) = (row.take()?, row.take()?);
        let (seconds, service_name): (Option<i64>, Option<String>) = (row.take()?, row.take()?);
        if let (Some(trust_policy), Some(max_session_seconds)) = (trust_policy, seconds) {
            entity.role = Some(RoleFields { trust_policy, description, max_session_seconds, service_name });
        }
        let (at, region): (Option<Micros>, Option<String>) = (row.take()?, row.take()?);
        entity.last_used = at.map(|at| (at, region.unwrap_or_default()));
        Ok(entity)
    }
}

async fn one(tx: &mut Tx<'_>, unique_id: &str) -> Result<Option<Entity>, StoreError> {
    let select = format!("SELECT {COLUMNS} WHERE p.unique_id = ?1");
    tx.row(&select, &params![unique_id]).await?.map(|mut row| Entity::read(&mut row)).transpose()
}

/// Creates a user, group or role.
#[derive(Clone, Debug)]
pub struct CreateEntity<A = AccountKey> {
    pub account: A,
    /// What it is.
    pub kind: EntityKind,
    /// AWS's unique ID, chosen by the caller at random.
    pub unique_id: String,
    /// IAM path.
    pub path: String,
    pub name: String,
    /// ARN of its permissions boundary.
    pub boundary: Option<String>,
    /// What only roles have.
    pub role: Option<RoleFields>,
    /// Its tags. Their keys differ in more than case.
    pub tags: Vec<(String, String)>,
    /// The account's quota for its kind.
    pub limit: i64,
    /// Now.
    pub at: Micros,
}

/// Why it was not created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateEntityRefusal {
    /// The account has one of that name.
    Exists,
    /// The account has as many as its quota allows.
    Limit,
    /// The boundary is a policy that does not exist.
    BoundaryGone,
}

operation!(CreateEntity<A: InAccount>: Durable [Identity] -> Entity, CreateEntityRefusal, |op, tx| {
    let account: AccountKey = op.account.into();
    lock_account(tx, account).await?;
    let kind = op.kind.as_str();
    let folded = op.name.to_ascii_lowercase();
    let count = "SELECT COUNT(*) FROM principal WHERE account = ?1 AND kind = ?2 AND name_folded <> ?3";
    if tx.value::<i64>(count, &params![account, kind, folded]).await?.unwrap_or_default() >= op.limit {
        return Ok(Err(CreateEntityRefusal::Limit));
    }
    if let Some(arn) = &op.boundary && !policy_is_there(tx, arn).await? {
        return Ok(Err(CreateEntityRefusal::BoundaryGone));
    }
    let insert = "INSERT INTO principal \
            (unique_id, account, kind, path, name, name_folded, version, created_at, boundary) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?8) ON CONFLICT DO NOTHING";
    let values = params![op.unique_id, account, kind, op.path, op.name, folded, op.at, op.boundary];
    if tx.execute(insert, &values).await? == 0 {
        // Finding its own ID means that this operation created the row before, even if its name has changed.
        return Ok(one(tx, &op.unique_id).await?.ok_or(CreateEntityRefusal::Exists));
    }
    if let Some(role) = &op.role {
        let insert = "INSERT INTO role (unique_id, trust_policy, description, max_session_seconds, service_name) \
            VALUES (?1, ?2, ?3, ?4, ?5)";
        let (seconds, service) = (role.max_session_seconds, &role.service_name);
        tx.execute(insert, &params![op.unique_id, role.trust_policy, role.description, seconds, service]).await?;
    }
    for (key, value) in &op.tags {
        super::iam_tag::put_tag(tx, &op.unique_id, key, value).await?;
    }
    Ok(Ok(one(tx, &op.unique_id).await?.ok_or(StoreError::Conflict)?))
});

/// Whether a policy can be attached: an AWS-managed policy, or one in the store that is not deleted at the same time.
pub(crate) async fn policy_is_there(tx: &mut Tx<'_>, arn: &str) -> Result<bool, StoreError> {
    // The path of an account's policy can contain these words.
    if arn.starts_with("arn:aws:iam::aws:policy/") {
        return Ok(true);
    }
    let select = tx.fork(
        "SELECT 1 FROM managed_policy WHERE arn = ?1",
        "SELECT 1 FROM managed_policy WHERE arn = ?1 FOR KEY SHARE",
    );
    Ok(tx.value::<i64>(select, &params![arn]).await?.is_some())
}

/// Finds a user, group or role by name.
#[derive(Clone, Debug)]
pub struct FindEntity {
    pub account_id: AccountId,
    /// What it is.
    pub kind: EntityKind,
    /// Its name, in any letter case.
    pub name: String,
}

operation!(FindEntity: Point -> Option<Entity>, Never, |op, tx| {
    let select = format!("SELECT {COLUMNS} WHERE a.account_id = ?1 AND p.kind = ?2 AND p.name_folded = ?3");
    let folded = op.name.to_ascii_lowercase();
    let row = tx.row(&select, &params![op.account_id, op.kind.as_str(), folded]).await?;
    Ok(Ok(row.map(|mut row| Entity::read(&mut row)).transpose()?))
});

/// Finds a principal by its unique ID.
#[derive(Clone, Debug)]
pub struct FindEntityById {
    pub unique_id: String,
}

operation!(FindEntityById: Point -> Option<Entity>, Never, |op, tx| {
    Ok(Ok(one(tx, &op.unique_id).await?))
});

/// Lists users, groups or roles by name.
#[derive(Clone, Debug)]
pub struct ListEntities {
    pub account_id: AccountId,
    /// What they are.
    pub kind: EntityKind,
    /// Only those whose path begins so.
    pub path_prefix: String,
    /// The folded name after which the page begins; empty for the first.
    pub after: String,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListEntities: Page -> Vec<Entity>, Never, |op, tx| {
    let select = format!("SELECT {COLUMNS} WHERE a.account_id = ?1 AND p.kind = ?2 AND p.name_folded > ?3 \
        AND substr(p.path, 1, length(?4)) = ?4 ORDER BY p.name_folded LIMIT ?5");
    let kind = op.kind.as_str();
    let values = params![op.account_id, kind, op.after, op.path_prefix, op.limit];
    let rows = tx.rows(&select, &values).await?;
    Ok(Ok(rows.into_iter().map(|mut row| Entity::read(&mut row)).collect::<Result<_, _>>()?))
});

/// Renames or moves a user or group.
#[derive(Clone, Debug)]
pub struct RenameEntity<K = String> {
    pub unique_id: K,
    /// Its path from now on.
    pub path: String,
    /// Its name from now on.
    pub name: String,
}

/// Why it was not renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenameEntityRefusal {
    /// It does not exist.
    Gone,
    /// Another of its kind has the name.
    Exists,
}

operation!(RenameEntity<K: Key>: Durable [Identity] -> Entity, RenameEntityRefusal, |op, tx| {
    let unique_id = op.unique_id.as_ref();
    let of_principal = "key = (SELECT account FROM principal WHERE unique_id = ?1)";
    lock_account_where(tx, of_principal, &params![unique_id]).await?;
    let folded = op.name.to_ascii_lowercase();
    let taken = "SELECT 1 FROM principal p JOIN principal o ON o.account = p.account AND o.kind = p.kind \
        WHERE p.unique_id = ?1 AND o.name_folded = ?2 AND o.unique_id <> ?1";
    if tx.value::<i64>(taken, &params![unique_id, folded]).await?.is_some() {
        return Ok(Err(RenameEntityRefusal::Exists));
    }
    let update = "UPDATE principal SET path = ?2, name = ?3, name_folded = ?4 WHERE unique_id = ?1";
    tx.execute(update, &params![unique_id, op.path, op.name, folded]).await?;
    bump(tx, unique_id).await?;
    Ok(one(tx, unique_id).await?.ok_or(RenameEntityRefusal::Gone))
});

/// Sets or takes away a permissions boundary.
#[derive(Clone, Debug)]
pub struct SetBoundary<K = String> {
    /// The user or role.
    pub unique_id: K,
    /// The policy's ARN.
    pub arn: Option<String>,
}

/// Why the boundary was not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetBoundaryRefusal {
    /// The principal does not exist.
    PrincipalGone,
    /// The policy does not exist.
    PolicyGone,
}

operation!(SetBoundary<K: Key>: Durable [Identity] -> (), SetBoundaryRefusal, |op, tx| {
    let unique_id = op.unique_id.as_ref();
    if let Some(arn) = &op.arn && !policy_is_there(tx, arn).await? {
        return Ok(Err(SetBoundaryRefusal::PolicyGone));
    }
    let update = "UPDATE principal SET boundary = ?2 WHERE unique_id = ?1";
    tx.execute(update, &params![unique_id, op.arn]).await?;
    Ok(if bump(tx, unique_id).await? { Ok(()) } else { Err(SetBoundaryRefusal::PrincipalGone) })
});

/// Changes the fields that only roles have; None leaves a field unchanged.
#[derive(Clone, Debug)]
pub struct UpdateRole<K = String> {
    /// The role.
    pub unique_id: K,
    /// The trust policy, with principals by unique ID.
    pub trust_policy: Option<String>,
    /// The description.
    pub description: Option<String>,
    /// The longest session.
    pub max_session_seconds: Option<i64>,
}

operation!(UpdateRole<K: Key>: Durable [Identity] -> (), PrincipalGone, |op, tx| {
    let unique_id = op.unique_id.as_ref();
    let update = "UPDATE role SET trust_policy = COALESCE(?2, trust_policy), \
        description = COALESCE(?3, description), max_session_seconds = COALESCE(?4, max_session_seconds) \
        WHERE unique_id = ?1";
    tx.execute(update, &params![unique_id, op.trust_policy, op.description, op.max_session_seconds]).await?;
    Ok(if bump(tx, unique_id).await? { Ok(()) } else { Err(PrincipalGone) })
});

/// Records the use of a role. Records can arrive late and from several nodes: the newest is kept.
#[derive(Clone, Debug)]
pub struct RecordRoleUse {
    /// The role.
    pub unique_id: String,
    /// In which region.
    pub region: String,
    /// Now.
    pub at: Micros,
}

operation!(RecordRoleUse: Relaxed [] -> (), Never, |op, tx| {
    let update = "UPDATE role SET last_used_at = ?2, last_used_region = ?3 \
        WHERE unique_id = ?1 AND COALESCE(last_used_at, ?2) <= ?2";
    tx.execute(update, &params![op.unique_id, op.at, op.region]).await?;
    Ok(Ok(()))
});
