//! Who is in which group.

use crate::{
    Never, StoreError,
    ops::{
        operation,
        principal::{PrincipalGone, bump},
    },
    value::params,
};

const DATABASE: crate::Database = crate::Database::Directory;

/// Puts a user into a group; twice is success.
#[derive(Clone, Debug)]
pub struct AddToGroup<K = String> {
    pub group_id: K,
    pub user_id: String,
    /// In how many groups a user may be.
    pub limit: i64,
}

/// Why the user was not put into the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddToGroupRefusal {
    /// The user does not exist.
    UserGone,
    /// The group does not exist.
    GroupGone,
    /// The user is in as many groups as it may be.
    Limit,
}

operation!(AddToGroup<K: Key>: Durable [Identity] -> (), AddToGroupRefusal, |op, tx| {
    let group_id = op.group_id.as_ref();
    // Both rows are held, so neither can be deleted meanwhile.
    if !bump(tx, &op.user_id).await? {
        return Ok(Err(AddToGroupRefusal::UserGone));
    }
    let group = "UPDATE principal SET version = version + 1 WHERE unique_id = ?1 AND kind = 'group'";
    if tx.execute(group, &params![group_id]).await? == 0 {
        return Ok(Err(AddToGroupRefusal::GroupGone));
    }
    let insert = "INSERT INTO group_member (group_id, user_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    tx.execute(insert, &params![group_id, op.user_id]).await?;
    let count = "SELECT COUNT(*) FROM group_member WHERE user_id = ?1";
    let count = tx.value::<i64>(count, &params![op.user_id]).await?.unwrap_or_default();
    Ok(if count > op.limit { Err(AddToGroupRefusal::Limit) } else { Ok(()) })
});

/// Removes a user from a group. It succeeds if the user is not a member.
#[derive(Clone, Debug)]
pub struct RemoveFromGroup<K = String> {
    pub group_id: K,
    pub user_id: String,
}

operation!(RemoveFromGroup<K: Key>: Durable [Identity] -> (), PrincipalGone, |op, tx| {
    let group_id = op.group_id.as_ref();
    if !bump(tx, &op.user_id).await? {
        return Ok(Err(PrincipalGone));
    }
    let delete = "DELETE FROM group_member WHERE group_id = ?1 AND user_id = ?2";
    tx.execute(delete, &params![group_id, op.user_id]).await?;
    Ok(Ok(()))
});

/// Unique IDs of a group's users, or of a user's groups, by name.
#[derive(Clone, Debug)]
pub struct ListGroupLinks {
    /// The group or user whose other side is listed.
    pub of: String,
    /// Folded name after which the page begins.
    pub after: String,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListGroupLinks: Page -> Vec<String>, Never, |op, tx| {
    let select = "SELECT p.unique_id FROM principal p WHERE p.name_folded > ?2 AND p.unique_id IN \
        (SELECT user_id FROM group_member WHERE group_id = ?1 \
         UNION ALL SELECT group_id FROM group_member WHERE user_id = ?1) ORDER BY p.name_folded LIMIT ?3";
    let rows = tx.rows(select, &params![op.of, op.after, op.limit]).await?;
    Ok(Ok(rows.into_iter().map(|mut row| row.take()).collect::<Result<_, StoreError>>()?))
});
