//! Organizational units: where accounts are in the tree of the organization.

use aws::ids::AccountId;

use crate::{
    Micros, Never, StoreError, Tx,
    ops::{
        account::lock_organization,
        iam_tag::put_tag,
        member_account::{MemberAccount, TagAccountRefusal, member_columns},
        operation,
    },
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Directory;

/// An organizational unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationalUnit {
    /// `ou-…`
    pub id: String,
    /// The IDs of the units above it, each followed by a slash; empty right under the root.
    pub parent_path: String,
    /// Unique under its parent.
    pub name: String,
}

const COLUMNS: &str = "id, parent_path, name FROM organizational_unit";

impl OrganizationalUnit {
    fn read(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Self { id: row.take()?, parent_path: row.take()?, name: row.take()? })
    }

    /// The path of what is right under it.
    pub fn path(&self) -> String {
        format!("{}{}/", self.parent_path, self.id)
    }
}

/// The unit that a path ends with; none for the root.
pub fn unit_of_path(path: &str) -> Option<&str> {
    path.strip_suffix('/').and_then(|path| path.rsplit('/').next())
}

async fn find(tx: &mut Tx<'_>, id: &str) -> Result<Option<OrganizationalUnit>, StoreError> {
    let select = format!("SELECT {COLUMNS} WHERE id = ?1");
    tx.row(&select, &params![id]).await?.map(|mut row| OrganizationalUnit::read(&mut row)).transpose()
}

/// Whether a path is the root's or of a unit that exists.
async fn exists(tx: &mut Tx<'_>, path: &str) -> Result<bool, StoreError> {
    match unit_of_path(path) {
        Some(id) => Ok(find(tx, id).await?.is_some_and(|unit| unit.path() == path)),
        None => Ok(path.is_empty()),
    }
}

async fn named(tx: &mut Tx<'_>, parent_path: &str, name: &str) -> Result<Option<String>, StoreError> {
    let select = "SELECT id FROM organizational_unit WHERE parent_path = ?1 AND name = ?2";
    tx.value(select, &params![parent_path, name]).await
}

/// Creates a unit.
#[derive(Clone, Debug)]
pub struct CreateOrganizationalUnit {
    /// `ou-…`, chosen by the caller at random.
    pub id: String,
    /// The path of its parent.
    pub parent_path: String,
    /// The name.
    pub name: String,
    pub tags: Vec<(String, String)>,
    /// How many units the organization may have.
    pub limit: i64,
    /// Now.
    pub at: Micros,
}

/// Why a unit was not created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateOrganizationalUnitRefusal {
    /// The parent does not exist.
    NoParent,
    /// The parent has another unit with this name.
    NameTaken,
    /// The quota would be exceeded.
    TooMany,
}

operation!(CreateOrganizationalUnit: Durable [Identity] -> OrganizationalUnit, CreateOrganizationalUnitRefusal, |op, tx| {
    use CreateOrganizationalUnitRefusal::{NameTaken, NoParent, TooMany};
    lock_organization(tx).await?;
    if !exists(tx, &op.parent_path).await? {
        return Ok(Err(NoParent));
    }
    if named(tx, &op.parent_path, &op.name).await?.is_some_and(|id| id != op.id) {
        return Ok(Err(NameTaken));
    }
    let insert = "INSERT INTO organizational_unit (id, parent_path, name, created_at) VALUES (?1, ?2, ?3, ?4) \
        ON CONFLICT (id) DO NOTHING";
    tx.execute(insert, &params![op.id, op.parent_path, op.name, op.at]).await?;
    for (key, value) in &op.tags {
        put_tag(tx, &op.id, key, value).await?;
    }
    let count = tx.value::<i64>("SELECT COUNT(*) FROM organizational_unit", &[]).await?.unwrap_or_default();
    if count > op.limit {
        return Ok(Err(TooMany));
    }
    Ok(Ok(find(tx, &op.id).await?.ok_or(StoreError::Conflict)?))
});

/// Finds a unit.
#[derive(Clone, Debug)]
pub struct FindOrganizationalUnit {
    /// `ou-…`
    pub id: String,
}

operation!(FindOrganizationalUnit: Point -> Option<OrganizationalUnit>, Never, |op, tx| {
    Ok(Ok(find(tx, &op.id).await?))
});

/// Lists the units right under a parent, by ID.
#[derive(Clone, Debug)]
pub struct ListOrganizationalUnits {
    /// The path of the parent.
    pub parent_path: String,
    /// The ID after which the page begins; empty for the first.
    pub after: String,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListOrganizationalUnits: Page -> Vec<OrganizationalUnit>, Never, |op, tx| {
    let select = format!("SELECT {COLUMNS} WHERE parent_path = ?1 AND id > ?2 ORDER BY id LIMIT ?3");
    let rows = tx.rows(&select, &params![op.parent_path, op.after, op.limit]).await?;
    Ok(Ok(rows.into_iter().map(|mut row| OrganizationalUnit::read(&mut row)).collect::<Result<_, _>>()?))
});

/// Gives a unit another name.
#[derive(Clone, Debug)]
pub struct RenameOrganizationalUnit {
    /// `ou-…`
    pub id: String,
    /// The new name.
    pub name: String,
}

/// Why a unit was not renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenameOrganizationalUnitRefusal {
    /// It does not exist.
    Gone,
    /// Its parent has another unit with this name.
    NameTaken,
}

operation!(RenameOrganizationalUnit: Durable [] -> OrganizationalUnit, RenameOrganizationalUnitRefusal, |op, tx| {
    use RenameOrganizationalUnitRefusal::{Gone, NameTaken};
    lock_organization(tx).await?;
    let Some(unit) = find(tx, &op.id).await? else { return Ok(Err(Gone)) };
    if named(tx, &unit.parent_path, &op.name).await?.is_some_and(|id| id != op.id) {
        return Ok(Err(NameTaken));
    }
    tx.execute("UPDATE organizational_unit SET name = ?2 WHERE id = ?1", &params![op.id, op.name]).await?;
    Ok(Ok(OrganizationalUnit { name: op.name.clone(), ..unit }))
});

/// Deletes a unit that contains nothing.
#[derive(Clone, Debug)]
pub struct DeleteOrganizationalUnit {
    /// `ou-…`
    pub id: String,
}

/// Why a unit was not deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteOrganizationalUnitRefusal {
    /// It does not exist.
    Gone,
    /// It contains an account or a unit.
    NotEmpty,
}

operation!(DeleteOrganizationalUnit: Durable [Identity] -> (), DeleteOrganizationalUnitRefusal, |op, tx| {
    use DeleteOrganizationalUnitRefusal::{Gone, NotEmpty};
    lock_organization(tx).await?;
    let Some(unit) = find(tx, &op.id).await? else { return Ok(Err(Gone)) };
    let within = [
        "SELECT 1 FROM account WHERE unit_path = ?1 LIMIT 1",
        "SELECT 1 FROM organizational_unit WHERE parent_path = ?1 LIMIT 1",
    ];
    for select in within {
        if tx.value::<i64>(select, &params![unit.path()]).await?.is_some() {
            return Ok(Err(NotEmpty));
        }
    }
    tx.execute("DELETE FROM iam_tag WHERE owner = ?1", &params![op.id]).await?;
    tx.execute("DELETE FROM organizational_unit WHERE id = ?1", &params![op.id]).await?;
    Ok(Ok(()))
});

/// Lists the members right under a parent, by account ID.
#[derive(Clone, Debug)]
pub struct ListAccountsOfUnit {
    /// The path of the parent.
    pub path: String,
    /// The account ID after which the page begins; empty for the first.
    pub after: String,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListAccountsOfUnit: Page -> Vec<MemberAccount>, Never, |op, tx| {
    let columns = member_columns!();
    let select = format!(
        "SELECT {columns} WHERE unit_path = ?1 AND in_organization = 1 AND account_id > ?2 \
         ORDER BY account_id LIMIT ?3"
    );
    let rows = tx.rows(&select, &params![op.path, op.after, op.limit]).await?;
    Ok(Ok(rows.into_iter().map(|mut row| MemberAccount::read(&mut row)).collect::<Result<_, _>>()?))
});

/// Moves an account from one parent to another.
#[derive(Clone, Debug)]
pub struct MoveMemberAccount {
    /// The account ID.
    pub account_id: AccountId,
    /// The path of the parent that it must be in.
    pub from: String,
    /// The path of the new parent.
    pub to: String,
}

/// Why an account was not moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoveMemberAccountRefusal {
    /// The new parent does not exist.
    NoDestination,
    /// The account is not in this source.
    NotThere,
}

operation!(MoveMemberAccount: Durable [Identity] -> (), MoveMemberAccountRefusal, |op, tx| {
    lock_organization(tx).await?;
    if !exists(tx, &op.to).await? {
        return Ok(Err(MoveMemberAccountRefusal::NoDestination));
    }
    let update = "UPDATE account SET unit_path = ?3 WHERE account_id = ?1 AND unit_path = ?2 AND in_organization = 1";
    let moved = tx.execute(update, &params![op.account_id, op.from, op.to]).await? == 1;
    Ok(if moved { Ok(()) } else { Err(MoveMemberAccountRefusal::NotThere) })
});

/// Sets and removes tags of a unit or of the root.
#[derive(Clone, Debug)]
pub struct TagOrganizationNode {
    /// `ou-…` or `r-…`
    pub id: String,
    /// Keys that go.
    pub remove: Vec<String>,
    /// Tags that come, over those of the same key.
    pub set: Vec<(String, String)>,
    /// Its quota.
    pub limit: i64,
}

operation!(TagOrganizationNode: Durable [Identity] -> (), TagAccountRefusal, |op, tx| {
    lock_organization(tx).await?;
    // A unit that was deleted meanwhile keeps no tags.
    if op.id.starts_with("ou-") && find(tx, &op.id).await?.is_none() {
        return Ok(Ok(()));
    }
    for key in &op.remove {
        tx.execute("DELETE FROM iam_tag WHERE owner = ?1 AND key = ?2", &params![op.id, key]).await?;
    }
    for (key, value) in &op.set {
        let select = "SELECT key FROM iam_tag WHERE owner = ?1 AND key_folded = ?2";
        let known: Option<String> = tx.value(select, &params![op.id, aws::tag::folded(key)]).await?;
        if known.is_some_and(|known| known != *key) {
            return Ok(Err(TagAccountRefusal::SameButForCase));
        }
        put_tag(tx, &op.id, key, value).await?;
    }
    let count = "SELECT COUNT(*) FROM iam_tag WHERE owner = ?1";
    let count = tx.value::<i64>(count, &params![op.id]).await?.unwrap_or_default();
    Ok(if count > op.limit { Err(TagAccountRefusal::TooMany) } else { Ok(()) })
});
