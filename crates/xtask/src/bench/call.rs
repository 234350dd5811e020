//! The measured calls of ECR.

use super::content::{self, REPOSITORY};
use super::lists;

/// The measured calls of ECR.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Token,
    DescribeTag,
    DescribePage,
}

impl Call {
    /// The name in the tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Token => "GetAuthorizationToken",
            Self::DescribeTag => "DescribeImages by tag",
            Self::DescribePage => "DescribeImages, a page of 100",
        }
    }

    /// The operation and its input.
    pub(crate) fn request(self) -> (&'static str, String) {
        let (tag, many) = (content::TAG, lists::MANY);
        match self {
            Self::Token => ("GetAuthorizationToken", "{}".to_owned()),
            Self::DescribeTag => (
                "DescribeImages",
                format!(r#"{{"repositoryName":"{REPOSITORY}","imageIds":[{{"imageTag":"{tag}"}}]}}"#),
            ),
            Self::DescribePage => {
                ("DescribeImages", format!(r#"{{"repositoryName":"{many}","maxResults":{}}}"#, lists::PAGE))
            }
        }
    }
}
