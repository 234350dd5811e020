//! Contexts of sessions that are too large for a docker password, sealed, until the password ends.

use crate::{Micros, Never, ops::operation, value::params};

/// Keeps a context. One that is kept already stays for as long as the later of the two ends; its bytes are then the later
/// ones, which the newer sealing key seals.
#[derive(Clone)]
pub struct PutSessionContext {
    /// Its id, which one context has and no other.
    pub id: String,
    /// The principal; its end takes the context with it.
    pub owner: String,
    /// The sealed bytes.
    pub context: Vec<u8>,
    /// When it may be forgotten.
    pub expires_at: Micros,
}

operation!(PutSessionContext: Durable -> (), Never, |op, tx| {
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

/// Forgets contexts whose time is over; returns how many.
#[derive(Clone, Debug)]
pub struct ForgetSessionContexts {
    /// The maximum number of results.
    pub limit: usize,
    /// Now.
    pub at: Micros,
}

operation!(ForgetSessionContexts: Durable -> u64, Never, |op, tx| {
    // The time is asked once more where the row is locked: it may have been prolonged since it was found.
    let delete = "DELETE FROM session_context WHERE expires_at < ?1 AND id IN \
        (SELECT id FROM session_context WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)";
    Ok(Ok(tx.execute(delete, &params![op.at, op.limit]).await?))
});
