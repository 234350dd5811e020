//! Another crate cannot make a permission.

use access::permit::{Grant, OnRepository};

struct Mine;

impl Grant for Mine {
    type On = OnRepository;
}

fn main() {}
