//! The principals that a policy names, all read in one transaction.

use std::collections::BTreeMap;

use aws::ids::AccountId;

use crate::{
    Never,
    ops::{
        entity::EntityKind,
        operation,
        principal::{Principal, principal_columns},
    },
    tx::{chunks, list, push_list},
    value::ToParam,
};

const DATABASE: crate::Database = crate::Database::Directory;

/// A user or role by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityName {
    pub account_id: AccountId,
    /// What it is.
    pub kind: EntityKind,
    /// Its name, in any letter case.
    pub name: String,
}

/// Finds what names speak of.
#[derive(Clone, Debug, Default)]
pub struct FindNamedPrincipals {
    /// Accounts, by ID.
    pub accounts: Vec<AccountId>,
    /// Users and roles, by name.
    pub entities: Vec<EntityName>,
    /// Principals, by unique ID.
    pub unique_ids: Vec<String>,
}

/// The existing ones; not in the order of the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedPrincipals {
    pub accounts: Vec<AccountId>,
    /// Users, roles and other principals, each once, by unique ID.
    pub principals: Vec<Principal>,
}

operation!(FindNamedPrincipals: Page -> NamedPrincipals, Never, |op, tx| {
    let mut found = NamedPrincipals::default();
    for digits in chunks(&op.accounts) {
        let select = format!("SELECT account_id FROM account WHERE account_id IN ({}) ORDER BY account_id",
            list(1, digits.len()));
        let mut values = Vec::new();
        push_list(&mut values, digits);
        for mut row in tx.rows(&select, &values).await? {
            found.accounts.push(row.take()?);
        }
    }
    let mut principals = BTreeMap::new();
    let folded: Vec<_> = op.entities.iter().map(|entity| (entity, entity.name.to_ascii_lowercase())).collect();
    for names in chunks(&folded) {
        // Like `list` and `push_list`: padded, so there are few statement texts.
        let count = names.len().next_power_of_two();
        let wanted: Vec<_> = (0..count).map(|at| format!("({})", list_of_three(at * 3 + 1))).collect();
        let select = format!(concat!("WITH wanted (account_id, kind, name_folded) AS (VALUES {}) SELECT ",
            principal_columns!(), " FROM wanted w JOIN account a ON a.account_id = w.account_id \
            JOIN principal p ON p.account = a.key AND p.kind = w.kind AND p.name_folded = w.name_folded"),
            wanted.join(", "));
        let kinds: Vec<_> = names.iter().map(|(entity, _)| entity.kind.as_str()).collect();
        let last = names.last().into_iter().zip(kinds.last()).cycle().take(count - names.len());
        let all = names.iter().zip(&kinds).chain(last);
        let values: Vec<_> = all
            .flat_map(|((entity, folded), kind)| [entity.account_id.to_param(), kind.to_param(), folded.to_param()])
            .collect();
        for mut row in tx.rows(&select, &values).await? {
            let principal = Principal::read(&mut row)?;
            principals.insert(principal.unique_id.clone(), principal);
        }
    }
    for ids in chunks(&op.unique_ids) {
        let select = format!(concat!("SELECT ", principal_columns!(), " FROM principal p \
            JOIN account a ON a.key = p.account WHERE p.unique_id IN ({})"), list(1, ids.len()));
        let mut values = Vec::new();
        push_list(&mut values, ids);
        for mut row in tx.rows(&select, &values).await? {
            let principal = Principal::read(&mut row)?;
            principals.insert(principal.unique_id.clone(), principal);
        }
    }
    found.principals = principals.into_values().collect();
    Ok(Ok(found))
});

fn list_of_three(first: usize) -> String {
    format!("?{first}, ?{}, ?{}", first + 1, first + 2)
}
