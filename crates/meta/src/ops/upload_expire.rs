//! Abandoned uploads: ended like cancelled ones, a limited number at a time.

use crate::{
    Micros, Never,
    ops::{operation, work::doom_uploads},
    value::params,
};

const DATABASE: crate::Database = crate::Database::Registries;

/// Ends uploads without a write since a given time; returns how many.
#[derive(Clone, Debug)]
pub struct ExpireUploads {
    /// Uploads that last changed before this time are ended.
    pub idle_since: Micros,
    /// The maximum number of results.
    pub limit: usize,
    /// Now.
    pub at: Micros,
}

operation!(ExpireUploads: Durable [] -> usize, Never, |op, tx| {
    macro_rules! expire {
        ($lock:literal) => {
            concat!(
                "DELETE FROM upload WHERE (registry, repository, id) IN \
                 (SELECT u.registry, u.repository, u.id FROM upload u WHERE u.updated_at < ?1 \
                 ORDER BY u.updated_at LIMIT ?2", $lock, ") RETURNING registry, repository, object_key, received"
            )
        };
    }
    let sql = tx.fork(expire!(""), expire!(" FOR UPDATE SKIP LOCKED"));
    let rows = tx.rows(sql, &params![op.idle_since, op.limit]).await?;
    Ok(Ok(doom_uploads(tx, rows, op.at).await?))
});
