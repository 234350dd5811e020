//! The part of `Resolve` that is in the directory, for a registry in another database.

use aws::ids::AccountId;

use crate::{
    Basis, CallerRef, CallerState, Never, Resolve, Resolved, StoreError, ops::operation, value::params,
};

const DATABASE: crate::Database = crate::Database::Directory;

/// Reads what decides about a caller, and about the account of a registry.
#[derive(Clone, Debug)]
pub struct FindStanding {
    /// The registry's account.
    pub account_id: AccountId,
    /// Who asks.
    pub caller: Option<CallerRef>,
}

/// What the directory says, from one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// As in [`Basis`].
    pub account_is_open: bool,
    pub account_in_organization: bool,
    pub account_unit_path: String,
    /// The database with the registries of the account; None: the directory.
    pub database: Option<String>,
    pub caller: Option<CallerState>,
}

impl FindStanding {
    /// That part of a request.
    pub(crate) fn of(ask: &Resolve) -> Self {
        Self { account_id: ask.account_id.clone(), caller: ask.caller.clone() }
    }
}

impl Standing {
    /// The whole answer. `here` is what the database of the registry has.
    pub(crate) fn with(self, here: Resolved) -> Resolved {
        let (registry, repository) = (here.basis.registry.clone(), here.basis.repository.clone());
        let basis = Basis {
            account_is_open: self.account_is_open,
            account_in_organization: self.account_in_organization,
            account_unit_path: self.account_unit_path,
            registry,
            repository,
            caller: self.caller,
        };
        Resolved { basis: basis.into(), found: here.found }
    }
}

operation!(FindStanding: Point -> Standing, Never, |op, tx| {
    let unique_id = op.caller.as_ref().map(|caller| caller.unique_id.as_str());
    let access_key = op.caller.as_ref().and_then(|caller| caller.access_key_id.as_ref());
    let select = "SELECT a.in_organization, a.unit_path, p.database_name, \
            c.version, c.path, c.name, ca.status, ca.in_organization, ca.unit_path, k.active \
        FROM (SELECT 1 AS one) always \
        LEFT JOIN account a ON a.account_id = ?1 AND a.status = 'ACTIVE' \
        LEFT JOIN placement p ON p.account = a.key \
        LEFT JOIN principal c ON c.unique_id = ?2 \
        LEFT JOIN account ca ON ca.key = c.account \
        LEFT JOIN access_key k ON k.id = ?3 AND k.owner = c.unique_id";
    let row = tx.row(select, &params![op.account_id, unique_id, access_key]).await?;
    let mut row = row.ok_or(StoreError::Bug("no row from one row"))?;
    let in_organization = row.take::<Option<bool>>()?;
    Ok(Ok(Standing {
        account_is_open: in_organization.is_some(),
        account_in_organization: in_organization.unwrap_or(false),
        account_unit_path: row.take::<Option<String>>()?.unwrap_or_default(),
        database: row.take()?,
        caller: row.take_joined(CallerState::COLUMNS, |row| CallerState::read(row, access_key.is_none()))?,
    }))
});
