//! Public registries: one for each account, with an alias that names it in image names.

use aws::ids::{AccountId, Region};

use crate::{
    AccountKey, Micros, Never, RegistryKey, StoreError,
    ops::{account::lock_account, operation},
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Directory;

/// A public registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicRegistry {
    /// Surrogate key, of the same kind as that of a private registry.
    pub key: RegistryKey,
    pub account_id: AccountId,
    /// The first part of its image names.
    pub alias: String,
    /// The name that the gallery shows.
    pub display_name: Option<String>,
}

impl PublicRegistry {
    fn read(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Self { key: row.take()?, account_id: row.take()?, alias: row.take()?, display_name: row.take()? })
    }
}

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT p.registry, a.account_id, p.alias, p.display_name FROM public_registry p \
             JOIN registry g ON g.key = p.registry JOIN account a ON a.key = g.account WHERE ",
            $condition
        )
    };
}

/// Returns the public registry of an account, and creates it if there is none.
#[derive(Clone, Debug)]
pub struct EnsurePublicRegistry {
    /// Its key if it has to be made.
    pub key_if_new: RegistryKey,
    /// Its alias if it has to be made, chosen at random.
    pub alias_if_new: String,
    pub account: AccountKey,
    /// Now.
    pub at: Micros,
}

/// Another registry has the alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistryAliasTaken;

operation!(EnsurePublicRegistry: Durable [Identity, Registry(op.key_if_new)] -> PublicRegistry, RegistryAliasTaken, |op, tx| {
    lock_account(tx, op.account).await?;
    let select = select!("g.account = ?1 AND g.region = ?2");
    let found = tx.row(select, &params![op.account, Region::public()]).await?;
    if let Some(mut row) = found {
        return Ok(Ok(PublicRegistry::read(&mut row)?));
    }
    if tx.value::<i64>("SELECT 1 FROM public_registry WHERE alias = ?1", &params![op.alias_if_new]).await?.is_some() {
        return Ok(Err(RegistryAliasTaken));
    }
    let insert = "INSERT INTO registry (key, account, region, policy_version, repository_count, created_at) \
                  VALUES (?1, ?2, ?3, 0, 0, ?4)";
    tx.execute(insert, &params![op.key_if_new, op.account, Region::public(), op.at]).await?;
    let insert = "INSERT INTO public_registry (registry, alias) VALUES (?1, ?2)";
    tx.execute(insert, &params![op.key_if_new, op.alias_if_new]).await?;
    let row = tx.row(select, &params![op.account, Region::public()]).await?;
    Ok(Ok(PublicRegistry::read(&mut row.ok_or(StoreError::Conflict)?)?))
});

/// Finds the public registry of an account.
#[derive(Clone, Debug)]
pub struct FindPublicRegistry {
    pub account_id: AccountId,
}

operation!(FindPublicRegistry: Point -> Option<PublicRegistry>, Never, |op, tx| {
    let row = tx.row(select!("a.account_id = ?1"), &params![op.account_id]).await?;
    Ok(Ok(row.map(|mut row| PublicRegistry::read(&mut row)).transpose()?))
});

/// Finds the account whose public registry has an alias. An alias never changes and is never given to another account.
#[derive(Clone, Debug)]
pub struct FindRegistryAlias {
    pub alias: String,
}

operation!(FindRegistryAlias: Point -> Option<AccountId>, Never, |op, tx| {
    let row = tx.row(select!("p.alias = ?1"), &params![op.alias]).await?;
    Ok(Ok(row.map(|mut row| PublicRegistry::read(&mut row)).transpose()?.map(|registry| registry.account_id)))
});

/// Sets the name that the gallery shows.
#[derive(Clone, Debug)]
pub struct PutRegistryDisplayName {
    pub registry: RegistryKey,
    pub display_name: Option<String>,
}

operation!(PutRegistryDisplayName: Durable [] -> (), Never, |op, tx| {
    let update = "UPDATE public_registry SET display_name = ?2 WHERE registry = ?1";
    tx.execute(update, &params![op.registry, op.display_name]).await?;
    Ok(Ok(()))
});
