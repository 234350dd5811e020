//! The use of MFA devices: a code is used once, and wrong ones are counted.

use crate::{Micros, Never, StoreError, ops::operation, value::params};

const DATABASE: crate::Database = crate::Database::Directory;

/// Uses the code of a step.
#[derive(Clone, Debug)]
pub struct UseMfaCode {
    /// The device's ARN.
    pub serial_number: String,
    /// Unique ID of the user, or of the root, who must have it.
    pub owner: String,
    /// The step of the code.
    pub step: i64,
}

/// The code was used before, or a newer one was, or the device was taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeUsed;

operation!(UseMfaCode: Durable [] -> (), CodeUsed, |op, tx| {
    let update = "UPDATE mfa_device SET last_step = ?3, failures = 0 \
        WHERE serial_number = ?1 AND owner = ?2 AND last_step < ?3";
    let is_used = tx.execute(update, &params![op.serial_number, op.owner, op.step]).await? == 1;
    Ok(if is_used { Ok(()) } else { Err(CodeUsed) })
});

/// Counts an attempt before its code is compared, so that attempts at the same time count too. A right code sets the
/// count back.
#[derive(Clone, Debug)]
pub struct CountMfaAttempt {
    /// The device's ARN.
    pub serial_number: String,
    /// How many attempts may fail in a row.
    pub most: i64,
    /// Attempts that failed before are forgotten.
    pub forget_before: Micros,
    /// Now.
    pub at: Micros,
}

/// There were too many attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyAttempts;

operation!(CountMfaAttempt: Durable [] -> (), TooManyAttempts, |op, tx| {
    let update = "UPDATE mfa_device SET failed_at = ?4, \
            failures = CASE WHEN failed_at < ?3 THEN 1 ELSE failures + 1 END \
        WHERE serial_number = ?1 AND (failures < ?2 OR failed_at < ?3)";
    let values = params![op.serial_number, op.most, op.forget_before, op.at];
    let is_counted = tx.execute(update, &values).await? == 1;
    Ok(if is_counted { Ok(()) } else { Err(TooManyAttempts) })
});

/// Synchronizes a device with the codes that it shows.
#[derive(Clone, Debug)]
pub struct SynchronizeMfaDevice<K = String> {
    /// Unique ID of the user, or of the root, who must have it.
    pub owner: K,
    /// The device's ARN.
    pub serial_number: String,
    /// The step of the newer code.
    pub step: i64,
    /// How many steps its clock is ahead.
    pub drift: i64,
}

operation!(SynchronizeMfaDevice<K: Key>: Durable [] -> (), CodeUsed, |op, tx| {
    let update = "UPDATE mfa_device SET last_step = ?3, drift = ?4, failures = 0 \
        WHERE serial_number = ?1 AND owner = ?2 AND last_step < ?3";
    let owner = op.owner.as_ref();
    let values = params![op.serial_number, owner, op.step, op.drift];
    let is_done = tx.execute(update, &values).await? == 1;
    Ok(if is_done { Ok(()) } else { Err(CodeUsed) })
});

/// A sealed seed. It has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedSeed {
    /// The device's ARN.
    pub serial_number: String,
    /// The seed, sealed.
    pub sealed: Vec<u8>,
}

/// Lists seeds that other keys than this one seal, by device.
#[derive(Clone, Debug)]
pub struct ListSeedsNotUnder {
    /// The sealing key's ID.
    pub sealing_key: u8,
    /// Begins after this device.
    pub after: String,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListSeedsNotUnder: Page -> Vec<SealedSeed>, Never, |op, tx| {
    let select = "SELECT serial_number, sealed_seed FROM mfa_device \
        WHERE substr(sealed_seed, 2, 1) <> ?1 AND serial_number > ?2 ORDER BY serial_number LIMIT ?3";
    let rows = tx.rows(select, &params![vec![op.sealing_key], op.after, op.limit]).await?;
    let seeds = rows.into_iter().map(|mut row| Ok(SealedSeed { serial_number: row.take()?, sealed: row.take()? }));
    Ok(Ok(seeds.collect::<Result<_, StoreError>>()?))
});

/// Replaces the seed that was read by the one that was sealed again; false if it no longer exists.
#[derive(Clone)]
pub struct ResealSeed {
    /// What was read.
    pub old: SealedSeed,
    /// The same seed under another key.
    pub sealed: Vec<u8>,
}

operation!(ResealSeed: Durable [] -> bool, Never, |op, tx| {
    let update = "UPDATE mfa_device SET sealed_seed = ?3 WHERE serial_number = ?1 AND sealed_seed = ?2";
    Ok(Ok(tx.execute(update, &params![op.old.serial_number, op.old.sealed, op.sealed]).await? == 1))
});
