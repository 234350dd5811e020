//! ECR Public's operations.

use access::op::EcrPublicOp;
use registry::Registry;

use super::dispatch::operations;

aws::ecr_public_operations! { operations EcrPublicOp ecr_public Registry FromJson read_json }
