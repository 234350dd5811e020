//! The store's operations can be named, and the handle that runs them cannot.

use access::store::Meta;

fn main() {}
