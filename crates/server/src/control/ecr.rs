//! Amazon ECR's operations.

use access::op::EcrOp;
use registry::Registry;

use super::dispatch::operations;

aws::ecr_operations! { operations EcrOp ecr Registry FromJson read_json }
