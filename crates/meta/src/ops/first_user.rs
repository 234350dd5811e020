//! The first user of an account with its policy and key, in one transaction: a first start that is cut off leaves
//! either all of it or nothing.

use crate::ops::{
    access_key::CreateAccessKey, identity_policy::AttachManagedPolicy, operation, principal::CreateUser,
};

const DATABASE: crate::Database = crate::Database::Directory;

/// Creates a user, attaches a managed policy to it and gives it an access key.
#[derive(Clone)]
pub struct CreateFirstUser {
    pub user: CreateUser,
    pub policy_arn: String,
    /// The key; its owner is the user.
    pub access_key: CreateAccessKey,
}

/// The user or the access key exists already, or the key names another owner; nothing was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstUserRefused;

operation!(CreateFirstUser: Durable [Identity] -> (), FirstUserRefused, |op, tx| {
    let owner = op.user.unique_id.clone();
    if op.access_key.owner != owner || op.user.run(tx).await?.is_err() {
        return Ok(Err(FirstUserRefused));
    }
    let attach = AttachManagedPolicy { owner, arn: op.policy_arn.clone() };
    if attach.run(tx).await?.is_err() {
        return Ok(Err(FirstUserRefused));
    }
    Ok(op.access_key.run(tx).await?.map_err(|_| FirstUserRefused))
});
