//! The text of a resource policy: checked when it is written, and shown with the current names of principals.

use access::error::{Error, Result};
use access::permit::{Opens, Permit};
use access::principal_names::Known;
use access::store::FindNamedPrincipals;
use policy::{Document, Policy, Use};

/// ECR's text for every policy that is not accepted; Terraform retries on it. COMPAT(ecr): since 2024 AWS says
/// 'Principal not found' for a principal that does not exist, which the released providers do not recognise.
pub(crate) fn refused(kind: &str, reason: &str) -> Error {
    tracing::info!(reason, "a {kind} policy was refused");
    Error::invalid_parameter("PolicyText", &format!("Invalid {kind} policy provided"))
}

/// A policy that can be stored. Its text was parsed once, and its principals were looked up once.
pub(crate) struct CheckedPolicy {
    pub(crate) policy: Policy,
    document: Document,
    principals: Known,
}

impl CheckedPolicy {
    /// Checks the text against the grammar, and replaces its principals by unique IDs. All principals must exist.
    pub(crate) async fn new<G: Opens<FindNamedPrincipals>>(
        permit: &Permit<G>,
        text: &str,
        (policy_use, kind): (Use, &str),
    ) -> Result<Self> {
        let invalid = |error: policy::PolicyError| refused(kind, &error.to_string());
        let mut document = Document::parse(text).map_err(invalid)?;
        document.policy().and_then(|policy| policy.check(policy_use)).map_err(invalid)?;
        let principals = Known::of(permit, &document).await?;
        if let Err(unknown) = principals.resolve(&mut document) {
            return Err(refused(kind, &format!("there is no principal {}", unknown.0)));
        }
        let policy = document.policy().map_err(Error::internal)?;
        Ok(Self { policy, document, principals })
    }

    /// The text that is stored: principals by unique id.
    pub(crate) fn stored(&self) -> String {
        self.document.to_json()
    }

    /// The text for answers.
    pub(crate) fn shown(mut self) -> String {
        self.principals.render(&mut self.document);
        self.document.to_pretty_json()
    }
}

/// A stored policy for answers: with ARNs, indented.
pub(crate) async fn shown<G: Opens<FindNamedPrincipals>>(permit: &Permit<G>, stored: &str) -> Result<String> {
    let mut document = Document::parse(stored).map_err(Error::internal)?;
    Known::of(permit, &document).await?.render(&mut document);
    Ok(document.to_pretty_json())
}
