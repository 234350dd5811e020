//! IAM's operations.

use access::op::IamOp;
use identity::Identity;

use super::dispatch::operations;

aws::iam_operations! { operations IamOp iam Identity FromForm read_form }
