//! The shapes of AWS Organizations' API (model 2016-11-28): accounts, the root that holds them, and their tags.

mod pattern;
mod request;
mod response;

pub use pattern::is_account_name;
pub use request::*;
pub use response::*;
