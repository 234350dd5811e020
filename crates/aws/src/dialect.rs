//! The two ways in which AWS's APIs frame requests and errors.

/// How an API frames its errors. Codes of the same refusal differ between the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `x-amz-json-1.1`: ECR, ECR Public, Organizations.
    Json,
    /// Form in, XML out: STS and IAM.
    Query,
}
