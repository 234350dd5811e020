//! Service-linked roles: which services of AWS have one, its name, and its policy.

/// The role of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceRole {
    /// The service's principal.
    pub service: &'static str,
    /// The role's name.
    pub role: &'static str,
    /// The name of its AWS-managed policy, under `/aws-service-role/`.
    pub policy: &'static str,
    /// Whether an account can have several, with different suffixes.
    pub takes_suffix: bool,
}

impl ServiceRole {
    /// The role of a service, if the service has one.
    pub fn find(service: &str) -> Option<Self> {
        all().find(|known| known.service == service)
    }

    /// The ARN of its policy.
    pub fn policy_arn(&self) -> String {
        format!("arn:aws:iam::aws:policy/aws-service-role/{}", self.policy)
    }
}

/// Every one, by service.
pub fn all() -> impl Iterator<Item = ServiceRole> {
    include_str!("managed/service_linked_roles.tsv").lines().filter_map(|line| {
        let mut parts = line.split('\t');
        Some(ServiceRole {
            service: parts.next()?,
            role: parts.next()?,
            policy: parts.next()?,
            takes_suffix: parts.next() == Some("suffix"),
        })
    })
}
