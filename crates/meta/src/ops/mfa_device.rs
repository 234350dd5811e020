//! Virtual MFA devices: their sealed seeds, whose they are, and which codes were used.

use aws::ids::AccountId;

use crate::{
    AccountKey, Micros, Never, StoreError, Tx,
    ops::{account::lock_account, operation, principal::bump},
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Directory;

/// A device. It has no `Debug`, because of the seed.
#[derive(Clone, PartialEq, Eq)]
pub struct MfaDevice {
    /// Its ARN.
    pub serial_number: String,
    /// The account ID.
    pub account_id: AccountId,
    /// The seed, sealed.
    pub sealed_seed: Vec<u8>,
    /// Unique ID of the user, or of the root, for whom it is enabled.
    pub owner: Option<String>,
    pub enabled_at: Option<Micros>,
    /// The step of the newest code that was used. No code of this step or an earlier one is accepted.
    pub last_step: i64,
    /// How many steps its clock is ahead.
    pub drift: i64,
    /// Wrong codes since the last right one, and when the last one was.
    pub failures: i64,
    pub failed_at: Micros,
}

const COLUMNS: &str = "d.serial_number, a.account_id, d.sealed_seed, d.owner, d.enabled_at, d.last_step, d.drift, \
    d.failures, d.failed_at FROM mfa_device d JOIN account a ON a.key = d.account";

impl MfaDevice {
    fn read(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Self {
            serial_number: row.take()?,
            account_id: row.take()?,
            sealed_seed: row.take()?,
            owner: row.take()?,
            enabled_at: row.take()?,
            last_step: row.take()?,
            drift: row.take()?,
            failures: row.take()?,
            failed_at: row.take()?,
        })
    }
}

async fn find(tx: &mut Tx<'_>, serial_number: &str) -> Result<Option<MfaDevice>, StoreError> {
    let select = format!("SELECT {COLUMNS} WHERE d.serial_number = ?1");
    tx.row(&select, &params![serial_number]).await?.map(|mut row| MfaDevice::read(&mut row)).transpose()
}

/// Creates a device that nobody has yet.
#[derive(Clone)]
pub struct CreateMfaDevice<A = AccountKey> {
    pub account: A,
    /// Its ARN.
    pub serial_number: String,
    /// The seed, sealed.
    pub sealed_seed: Vec<u8>,
    /// How many devices of the account nobody may have.
    pub limit: i64,
    /// Now.
    pub at: Micros,
}

/// Why a device was not created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateMfaDeviceRefusal {
    /// The account has a device with this name.
    Exists,
    /// The quota would be exceeded.
    Limit,
}

operation!(CreateMfaDevice<A: InAccount>: Durable [] -> (), CreateMfaDeviceRefusal, |op, tx| {
    let account: AccountKey = op.account.into();
    lock_account(tx, account).await?;
    let insert = "INSERT INTO mfa_device (serial_number, account, sealed_seed, last_step, drift, failures, failed_at, \
            created_at) VALUES (?1, ?2, ?3, 0, 0, 0, 0, ?4) ON CONFLICT (serial_number) DO NOTHING";
    tx.execute(insert, &params![op.serial_number, account, op.sealed_seed, op.at]).await?;
    let device = find(tx, &op.serial_number).await?.ok_or(StoreError::Conflict)?;
    if device.sealed_seed != op.sealed_seed {
        return Ok(Err(CreateMfaDeviceRefusal::Exists));
    }
    let count = "SELECT COUNT(*) FROM mfa_device WHERE account = ?1 AND owner IS NULL";
    let count = tx.value::<i64>(count, &params![account]).await?.unwrap_or_default();
    Ok(if count > op.limit { Err(CreateMfaDeviceRefusal::Limit) } else { Ok(()) })
});

/// Finds a device.
#[derive(Clone, Debug)]
pub struct FindMfaDevice {
    /// Its ARN.
    pub serial_number: String,
}

operation!(FindMfaDevice: Point -> Option<MfaDevice>, Never, |op, tx| { Ok(Ok(find(tx, &op.serial_number).await?)) });

/// Lists the devices of an account by their ARNs.
#[derive(Clone, Debug)]
pub struct ListMfaDevices {
    /// The account ID.
    pub account_id: AccountId,
    /// Only those of this user or root.
    pub owner: Option<String>,
    /// The ARN after which the page begins; empty for the first.
    pub after: String,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListMfaDevices: Page -> Vec<MfaDevice>, Never, |op, tx| {
    let rows = if let Some(owner) = &op.owner {
        let select = format!("SELECT {COLUMNS} WHERE d.owner = ?1 AND d.serial_number > ?2 ORDER BY d.serial_number LIMIT ?3");
        tx.rows(&select, &params![owner, op.after, op.limit]).await?
    } else {
        let select = format!(
            "SELECT {COLUMNS} WHERE d.account = (SELECT key FROM account WHERE account_id = ?1) \
                AND d.serial_number > ?2 ORDER BY d.serial_number LIMIT ?3"
        );
        tx.rows(&select, &params![op.account_id, op.after, op.limit]).await?
    };
    Ok(Ok(rows.into_iter().map(|mut row| MfaDevice::read(&mut row)).collect::<Result<_, _>>()?))
});

/// Gives a device to a user or the root.
#[derive(Clone, Debug)]
pub struct EnableMfaDevice<K = String> {
    /// Unique ID of the user, or of the root.
    pub owner: K,
    /// Its ARN.
    pub serial_number: String,
    /// The step of the newest code that was shown.
    pub step: i64,
    /// How many steps its clock is ahead.
    pub drift: i64,
    /// How many devices a user may have.
    pub limit: i64,
    /// Now.
    pub at: Micros,
}

/// Why a device was not enabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnableMfaDeviceRefusal {
    /// The device or the user does not exist.
    Gone,
    /// Somebody has it.
    Taken,
    /// The quota would be exceeded.
    Limit,
}

operation!(EnableMfaDevice<K: Key>: Durable [Identity] -> (), EnableMfaDeviceRefusal, |op, tx| {
    let owner = op.owner.as_ref();
    if !bump(tx, owner).await? {
        return Ok(Err(EnableMfaDeviceRefusal::Gone));
    }
    let enable = "UPDATE mfa_device SET owner = ?2, enabled_at = ?3, last_step = ?4, drift = ?5, failures = 0 \
        WHERE serial_number = ?1 AND owner IS NULL AND account = (SELECT account FROM principal WHERE unique_id = ?2)";
    let enabled = tx.execute(enable, &params![op.serial_number, owner, op.at, op.step, op.drift]).await? == 1;
    if !enabled {
        let known = find(tx, &op.serial_number).await?;
        let is_there = known.is_some_and(|device| device.owner.is_some());
        return Ok(Err(if is_there { EnableMfaDeviceRefusal::Taken } else { EnableMfaDeviceRefusal::Gone }));
    }
    let count = "SELECT COUNT(*) FROM mfa_device WHERE owner = ?1";
    let count = tx.value::<i64>(count, &params![owner]).await?.unwrap_or_default();
    Ok(if count > op.limit { Err(EnableMfaDeviceRefusal::Limit) } else { Ok(()) })
});

/// Takes a device away from a user or the root. It is then nobody's.
#[derive(Clone, Debug)]
pub struct DeactivateMfaDevice<K = String> {
    /// Unique ID of the user, or of the root, who must have it.
    pub owner: K,
    /// Its ARN.
    pub serial_number: String,
}

/// The user does not have this device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchMfaDevice;

operation!(DeactivateMfaDevice<K: Key>: Durable [Identity] -> (), NoSuchMfaDevice, |op, tx| {
    let owner = op.owner.as_ref();
    bump(tx, owner).await?;
    let update = "UPDATE mfa_device SET owner = NULL, enabled_at = NULL WHERE serial_number = ?1 AND owner = ?2";
    let is_done = tx.execute(update, &params![op.serial_number, owner]).await? == 1;
    Ok(if is_done { Ok(()) } else { Err(NoSuchMfaDevice) })
});

/// Deletes a device that nobody has.
#[derive(Clone, Debug)]
pub struct DeleteMfaDevice {
    /// The account that it must belong to.
    pub account_id: AccountId,
    /// Its ARN.
    pub serial_number: String,
}

/// Why a device was not deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteMfaDeviceRefusal {
    /// It does not exist.
    Gone,
    /// Somebody has it.
    Taken,
}

operation!(DeleteMfaDevice: Durable [] -> (), DeleteMfaDeviceRefusal, |op, tx| {
    let delete = "DELETE FROM mfa_device WHERE serial_number = ?1 AND owner IS NULL \
        AND account = (SELECT key FROM account WHERE account_id = ?2)";
    if tx.execute(delete, &params![op.serial_number, op.account_id]).await? == 1 {
        return Ok(Ok(()));
    }
    let known = find(tx, &op.serial_number).await?.filter(|device| device.account_id == op.account_id);
    Ok(Err(if known.is_some() { DeleteMfaDeviceRefusal::Taken } else { DeleteMfaDeviceRefusal::Gone }))
});
