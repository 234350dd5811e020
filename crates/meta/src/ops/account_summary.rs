//! How much of everything an account has.

use aws::ids::AccountId;

use crate::{Never, StoreError, ops::operation, value::params};

const DATABASE: crate::Database = crate::Database::Directory;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountCounts {
    pub users: i64,
    pub groups: i64,
    pub roles: i64,
    pub policies: i64,
    pub policy_versions: i64,
    pub instance_profiles: i64,
    pub oidc_providers: i64,
    /// Access keys of the account's root.
    pub root_keys: i64,
    pub mfa_devices: i64,
    pub mfa_devices_in_use: i64,
    /// MFA devices of the account's root.
    pub root_mfa_devices: i64,
}

/// Counts what an account has.
#[derive(Clone, Debug)]
pub struct CountAccount {
    pub account_id: AccountId,
}

operation!(CountAccount: Page -> AccountCounts, Never, |op, tx| {
    let select = "SELECT \
        (SELECT COUNT(*) FROM principal p WHERE p.account = a.key AND p.kind = 'user'), \
        (SELECT COUNT(*) FROM principal p WHERE p.account = a.key AND p.kind = 'group'), \
        (SELECT COUNT(*) FROM principal p WHERE p.account = a.key AND p.kind = 'role'), \
        (SELECT COUNT(*) FROM managed_policy m WHERE m.account = a.key), \
        (SELECT COUNT(*) FROM managed_policy m JOIN managed_policy_version v ON v.policy_id = m.policy_id \
            WHERE m.account = a.key), \
        (SELECT COUNT(*) FROM instance_profile i WHERE i.account = a.key), \
        (SELECT COUNT(*) FROM oidc_provider o WHERE o.account = a.key), \
        (SELECT COUNT(*) FROM access_key k JOIN principal p ON p.unique_id = k.owner \
            WHERE p.account = a.key AND p.kind = 'root'), \
        (SELECT COUNT(*) FROM mfa_device d WHERE d.account = a.key), \
        (SELECT COUNT(*) FROM mfa_device d WHERE d.account = a.key AND d.owner IS NOT NULL), \
        (SELECT COUNT(*) FROM mfa_device d WHERE d.account = a.key AND d.owner = a.account_id) \
        FROM account a WHERE a.account_id = ?1";
    let counts = tx.row(select, &params![op.account_id]).await?.map(|mut row| {
        Ok::<_, StoreError>(AccountCounts {
            users: row.take()?,
            groups: row.take()?,
            roles: row.take()?,
            policies: row.take()?,
            policy_versions: row.take()?,
            instance_profiles: row.take()?,
            oidc_providers: row.take()?,
            root_keys: row.take()?,
            mfa_devices: row.take()?,
            mfa_devices_in_use: row.take()?,
            root_mfa_devices: row.take()?,
        })
    });
    Ok(Ok(counts.transpose()?.unwrap_or_default()))
});
