//! Repositories: their life, settings, tags and policies.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod from_template;
pub(crate) mod list;
pub(crate) mod move_to_account;
pub(crate) mod new_place;
mod on_push;
pub(crate) mod policy;
pub(crate) mod rename;
pub(crate) mod scanning;
pub(crate) mod tag_mutability;
pub(crate) mod tags;
