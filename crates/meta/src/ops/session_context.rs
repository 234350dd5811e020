//! Sealed contexts of sessions that are too large for a docker password, until the password expires.

use crate::{Micros, Never, ops::operation, value::params};

const DATABASE: crate::Database = crate::Database::Directory;

/// Stores a context. An existing one is kept until the later of both expiry times. The later bytes replace the earlier
/// ones, because a newer key may have sealed them.
#[derive(Clone)]
pub struct PutSessionContext {
    /// Its ID, which only this context has.
    pub id: String,
    /// The principal. Deleting it deletes the context.
    pub owner: String,
    /// The sealed bytes.
    pub context: Vec<u8>,
    /// When it may be removed.
    pub expires_at: Micros,
}

operation!(PutSessionContext: Durable [] -> (), Never, |op, tx| {
    let insert = "INSERT INTO session_context (id, owner, context, expires_at) VALUES (?1, ?2, ?3, ?4) \
        ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at, context = excluded.context \
        WHERE session_context.expires_at < excluded.expires_at";
    tx.execute(insert, &params![op.id, op.owner, op.context, op.expires_at]).await?;
    Ok(Ok(()))
});

/// Reads a context.
#[derive(Clone, Debug)]
pub struct FindSessionContext {
    pub id: String,
}

operation!(FindSessionContext: Point -> Option<Vec<u8>>, Never, |op, tx| {
    Ok(Ok(tx.value("SELECT context FROM session_context WHERE id = ?1", &params![op.id]).await?))
});

/// Removes expired contexts; returns how many.
#[derive(Clone, Debug)]
pub struct ForgetSessionContexts {
    /// The maximum number of results.
    pub limit: usize,
    /// Now.
    pub at: Micros,
}

operation!(ForgetSessionContexts: Durable [] -> u64, Never, |op, tx| {
    // The expiry time is checked again where the row is locked: it can have been extended since it was found.
    let delete = "DELETE FROM session_context WHERE expires_at < ?1 AND id IN \
        (SELECT id FROM session_context WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)";
    Ok(Ok(tx.execute(delete, &params![op.at, op.limit]).await?))
});
