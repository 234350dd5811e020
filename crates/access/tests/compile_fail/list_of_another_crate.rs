//! Another crate cannot let a permission open more: the list of what a permission opens is private.

use access::op::ecr;
use access::permit::sealed::Listed;
use access::store::DeleteTag;

impl Listed<DeleteTag> for ecr::BatchGetImage {}

fn main() {}
