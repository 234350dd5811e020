//! AWS-managed policies, by ARN.

/// The document of an AWS-managed policy, or none if the ARN names none that is known here.
pub fn find(arn: &str) -> Option<&'static str> {
    (arn == "arn:aws:iam::aws:policy/AdministratorAccess")
        .then_some(r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#)
}
