//! The two protocols of AWS's APIs for requests and errors.

/// How an API writes its errors. The codes of one error differ between the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `x-amz-json-1.1`: ECR, ECR Public, Organizations.
    Json,
    /// Form in, XML out: STS and IAM.
    Query,
}
