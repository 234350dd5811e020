//! The constraints of each kind of policy, in addition to the grammar.

use std::collections::HashSet;

use crate::error::PolicyError;
use crate::policy::{Effect, Policy, Statement};
use crate::principal::{Principal, Principals};
use crate::resource::Form;
use crate::{resource_arn, service_principal};

/// The kind of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Use {
    /// Attached to a user, group or role; a boundary.
    Identity,
    /// Sent in a request for a session. Like a policy of an identity, but its ARNs must be complete.
    Session,
    /// The trust policy of a role: principals, no resource.
    RoleTrust,
    /// The policy of one repository: principals; the resource is optional.
    Repository,
    /// The policy of one public repository: like that of a repository, with actions of ECR Public.
    PublicRepository,
    /// The policy of a whole registry: principals and resources.
    Registry,
    /// The policy of a secret: principals and resources.
    Secret,
}

impl Policy {
    /// Whether the policy is valid for the use, by the grammar alone. The caller checks that its principals exist.
    pub fn check(&self, policy_use: Use) -> Result<(), PolicyError> {
        for (index, statement) in self.statements.iter().enumerate() {
            // IAM checks resources before actions.
            if matches!(policy_use, Use::Identity | Use::Session) {
                check_identity(index, statement, policy_use)?;
            }
            actions_are_known_in_form(statement)?;
            match policy_use {
                Use::Identity | Use::Session => {}
                Use::RoleTrust => {
                    has_principal(index, statement)?;
                    if excepts_principals(statement) {
                        return Err(PolicyError::ProhibitedElement("NotPrincipal"));
                    }
                    if !statement.written.resources.is_empty() {
                        return Err(PolicyError::ProhibitedElement("Resource"));
                    }
                    if let Some(text) = foreign_action(statement, "sts") {
                        return Err(PolicyError::NotAssumeRole(text.to_owned()));
                    }
                }
                Use::Repository => {
                    has_principal(index, statement)?;
                    no_allow_of_the_rest(index, statement)?;
                    only_arns(statement, policy_use)?;
                    only_of_service(statement, "ecr")?;
                }
                Use::PublicRepository => {
                    has_principal(index, statement)?;
                    no_allow_of_the_rest(index, statement)?;
                    only_arns(statement, policy_use)?;
                    only_of_service(statement, "ecr-public")?;
                }
                Use::Registry | Use::Secret => {
                    has_principal(index, statement)?;
                    no_allow_of_the_rest(index, statement)?;
                    has_resource(index, statement)?;
                    only_arns(statement, policy_use)?;
                    let is_secret = policy_use == Use::Secret;
                    only_of_service(statement, if is_secret { "secretsmanager" } else { "ecr" })?;
                }
            }
        }
        if matches!(policy_use, Use::Identity | Use::Session) {
            if self.has_id {
                return Err(PolicyError::ProhibitedElement("Id"));
            }
            unique_sids(&self.statements)?;
        }
        Ok(())
    }

    /// The principals that the policy names as AWS principals: account IDs, ARNs and unique IDs, each once.
    pub fn named_principals(&self) -> Vec<&str> {
        let mut seen = HashSet::new();
        self.statements
            .iter()
            .filter_map(|statement| statement.principals.as_ref())
            .flat_map(Principals::entries)
            .filter_map(Principal::name)
            .filter(|name| seen.insert(*name))
            .collect()
    }
}

fn check_identity(index: usize, statement: &Statement, policy_use: Use) -> Result<(), PolicyError> {
    if statement.principals.is_some() {
        return Err(PolicyError::ProhibitedElement("Principal"));
    }
    has_resource(index, statement)?;
    if let Some(sid) = &statement.sid
        && !sid.bytes().all(|byte| byte.is_ascii_alphanumeric())
    {
        return Err(PolicyError::InvalidSid(sid.to_string()));
    }
    only_arns(statement, policy_use)
}

fn only_arns(statement: &Statement, policy_use: Use) -> Result<(), PolicyError> {
    for (pattern, text) in statement.resources.patterns().iter().zip(&statement.written.resources) {
        resource_arn::check_beginning(text)?;
        match (pattern.form(), policy_use) {
            // IAM User Guide, "IAM ARNs": an incomplete ARN is MalformedPolicyDocument in the session policy of an
            // AssumeRole operation…
            (Form::Incomplete | Form::IncompleteWithStar, Use::Session) | (Form::IncompleteWithGap, _) => {
                return Err(PolicyError::IncompleteResource(text.to_string()));
            }
            // …and completed in an identity policy. AWS does not document this for resource policies: an asterisk
            // covers the rest without doubt, and any other text could be a Deny that applies to less than its author
            // believes.
            (
                Form::Incomplete,
                Use::RoleTrust | Use::Repository | Use::PublicRepository | Use::Registry | Use::Secret,
            )
            | (Form::NoArn | Form::NoService, _) => {
                return Err(PolicyError::InvalidResource(text.to_string()));
            }
            (Form::Complete, _) => resource_arn::check_parts(text)?,
            (Form::Any | Form::Incomplete | Form::IncompleteWithStar, _) => {}
        }
    }
    Ok(())
}

fn has_principal(index: usize, statement: &Statement) -> Result<(), PolicyError> {
    match statement.principals {
        Some(_) => principals_can_be(statement),
        None => Err(PolicyError::MissingPrincipal(index)),
    }
}

fn excepts_principals(statement: &Statement) -> bool {
    matches!(statement.principals, Some(Principals::AllBut(_)))
}

/// `NotPrincipal` "must be used with Deny" (IAM User Guide, "NotPrincipal").
fn no_allow_of_the_rest(index: usize, statement: &Statement) -> Result<(), PolicyError> {
    if statement.effect == Effect::Allow && excepts_principals(statement) {
        return Err(PolicyError::AllowWithNotPrincipal(index));
    }
    Ok(())
}

fn has_resource(index: usize, statement: &Statement) -> Result<(), PolicyError> {
    if statement.written.resources.is_empty() {
        return Err(PolicyError::MissingResource(index));
    }
    Ok(())
}

/// One service and one name; the service is a name without wildcards, or only `*`. Stored policies are not checked.
fn actions_are_known_in_form(statement: &Statement) -> Result<(), PolicyError> {
    for text in &statement.written.actions {
        let Some((vendor, name)) = text.split_once(':') else { continue };
        if name.contains(':') {
            return Err(PolicyError::ManyColons(text.to_string()));
        }
        if vendor != "*" && !is_vendor(vendor) {
            return Err(PolicyError::InvalidVendor(vendor.to_owned()));
        }
    }
    Ok(())
}

/// Whether a text has the form of a service name.
pub(crate) fn is_vendor(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}

/// The services in a policy must exist, and its providers must not be SAML providers, because Wharf has none.
fn principals_can_be(statement: &Statement) -> Result<(), PolicyError> {
    for principal in statement.principals.iter().flat_map(Principals::entries) {
        let refused =
            |kind, value: &str| Err(PolicyError::InvalidPrincipal { kind, value: value.to_owned() });
        match principal {
            Principal::Service(name) if !service_principal::is_known(name) => {
                return refused("Service", name);
            }
            Principal::Federated(name) if name.contains(":saml-provider/") => {
                return refused("Federated", name);
            }
            _ => {}
        }
    }
    Ok(())
}

/// ECR refuses a repository policy with an action of another service.
fn only_of_service(statement: &Statement, service: &str) -> Result<(), PolicyError> {
    match foreign_action(statement, service) {
        Some(text) => Err(PolicyError::InvalidAction(text.to_owned())),
        None => Ok(()),
    }
}

/// An action of another service; `*` belongs to every service.
fn foreign_action<'a>(statement: &'a Statement, service: &str) -> Option<&'a str> {
    let is_foreign =
        |text: &str| text.split_once(':').is_some_and(|(prefix, _)| !prefix.eq_ignore_ascii_case(service));
    statement.written.actions.iter().map(|text| &**text).find(|text| is_foreign(text))
}

fn unique_sids(statements: &[Statement]) -> Result<(), PolicyError> {
    let mut seen = HashSet::new();
    for sid in statements.iter().filter_map(|statement| statement.sid.as_deref()) {
        if !sid.is_empty() && !seen.insert(sid) {
            return Err(PolicyError::DuplicateSid(sid.to_owned()));
        }
    }
    Ok(())
}
