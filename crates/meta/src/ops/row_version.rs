//! Versions of rows that can be removed and written again under the same key.

use uuid::Uuid;

/// A version that no earlier row of the key had. A counter would begin again with the new row, and what was read of the old
/// one would pass for it.
#[must_use]
pub fn fresh() -> i64 {
    let (high, _) = Uuid::new_v4().as_u64_pair();
    // Room to count on.
    (high >> 2).cast_signed()
}
