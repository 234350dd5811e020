//! Another crate cannot make a permission, or let one open more.

use access::op::ecr;
use access::permit::{Grant, OnRepository, Opens};
use access::store::DeleteTag;

struct Mine;

impl Grant for Mine {
    type On = OnRepository;
}

impl Opens<DeleteTag> for Mine {}

impl access::op::Effect for Mine {
    const OP: access::op::Op = access::op::Op::Ecr(access::op::EcrOp::PutImage);
}

struct Elsewhere;

impl access::permit::Subject for Elsewhere {
    type Key = ();

    fn key(&self) {}
}

fn main() {
    let _ = ecr::PutImage;
}
