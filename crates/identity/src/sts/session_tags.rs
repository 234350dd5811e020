//! The tags of a session: those of the request, and those that are inherited in a role chain (IAM User Guide, "Pass
//! session tags in AWS STS").

use access::authz::{of_request_tags, pairs};
use access::context::Caller;
use access::error::{AwsCode, Error, Result};
use aws::tag::folded;

use crate::iam::tag_fault;

/// All tags of a requested session.
pub(super) struct SessionTags {
    /// First the inherited tags, then those of the request.
    pub(super) all: Vec<(String, String)>,
    /// Keys of the tags that the next session inherits; inherited tags are always passed on.
    pub(super) transitive: Vec<String>,
}

fn invalid(message: &'static str) -> Error {
    Error::aws(AwsCode::InvalidParameterValue, message)
}

fn is_among<'a>(key: &str, mut keys: impl Iterator<Item = &'a String>) -> bool {
    let key = folded(key);
    keys.any(|known| folded(known) == key)
}

impl SessionTags {
    /// Tags without inherited ones.
    pub(super) fn asked(tags: &[(String, String)]) -> Result<Self> {
        aws::tag::check(pairs(tags)).map_err(|(_, fault)| invalid(tag_fault(fault)))?;
        Ok(Self { all: tags.to_vec(), transitive: Vec::new() })
    }

    /// The tags of a session that `caller` requests.
    pub(super) fn joined(caller: &Caller, tags: &[(String, String)], transitive: &[String]) -> Result<Self> {
        let asked = Self::asked(tags)?;
        let inherited = inherited(caller);
        let is_asked = |key: &str| is_among(key, tags.iter().map(|(asked, _)| asked));
        if inherited.iter().any(|(key, _)| is_asked(key)) {
            return Err(invalid(
                "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
            ));
        }
        if !transitive.iter().all(|key| is_asked(key)) {
            return Err(invalid("The specified transitive tag key must be included in the requested tags."));
        }
        let handed_on = inherited.iter().map(|(key, _)| key.clone()).chain(transitive.iter().cloned());
        let transitive = handed_on.collect();
        Ok(Self { all: inherited.into_iter().chain(asked.all).collect(), transitive })
    }

    /// The condition keys of a request for a session with these tags. Inherited tags count as requested (EKS User
    /// Guide, "Access AWS Resources using EKS Pod Identity Target IAM Roles").
    pub(super) fn keys(&self) -> policy::Context {
        let mut keys = of_request_tags(pairs(&self.all));
        if !self.transitive.is_empty() {
            keys.set_all("sts:TransitiveTagKeys", self.transitive.iter().map(String::as_str));
        }
        keys
    }
}

/// The tags that the caller's session passes on.
fn inherited(caller: &Caller) -> Vec<(String, String)> {
    let Some(session) = &caller.session else { return Vec::new() };
    let tags = session.tags.iter().filter(|(key, _)| is_among(key, session.transitive.iter()));
    tags.cloned().collect()
}
