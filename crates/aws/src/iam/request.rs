//! Requests of IAM, by the kind of entity that they are about.

mod group;
mod policy;
mod provider;
mod role;
mod user;

pub use group::*;
pub use policy::*;
pub use provider::*;
pub use role::*;
pub use user::*;

use crate::query::request::Rule;

const MARKER: Rule = Rule { min: 1, max: 4096, pattern: None };
const STATUS: Rule = Rule {
    min: 1,
    max: 16,
    pattern: Some(("Active|Inactive", |text| matches!(text, "Active" | "Inactive"))),
};
const SCOPE: Rule = Rule {
    min: 1,
    max: 16,
    pattern: Some(("All|AWS|Local", |text| matches!(text, "All" | "AWS" | "Local"))),
};
const USAGE: Rule = Rule {
    min: 1,
    max: 32,
    pattern: Some(("PermissionsPolicy|PermissionsBoundary", |text| {
        matches!(text, "PermissionsPolicy" | "PermissionsBoundary")
    })),
};
const VERSION_ID: Rule = Rule {
    min: 1,
    max: 64,
    pattern: Some((r"v[1-9][0-9]*(\.[A-Za-z0-9-]*)?", |text| {
        text.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit() && c != '0'))
    })),
};
const THUMBPRINT: Rule = Rule { min: 40, max: 40, pattern: None };
