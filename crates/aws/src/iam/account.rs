//! An account as a whole: its counts, its aliases, and all that is in it.

use super::entity::{write_boundary, write_tags};
use super::{AttachedPolicy, Group, InstanceProfile, Policy, PolicyVersion, Role, User, encode_document};
use crate::query::{ToXml, Xml};

/// What GetAccountSummary answers: names with their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSummary(pub Vec<(&'static str, i64)>);

impl ToXml for AccountSummary {
    fn write(&self, xml: &mut Xml) {
        xml.element("SummaryMap", |xml| {
            for (name, number) in &self.0 {
                xml.element("entry", |xml| {
                    xml.text("key", name).text("value", &number.to_string());
                });
            }
        });
    }
}

/// Inline and attached policies of a user, group or role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoliciesOf {
    /// Names and JSON texts.
    pub inline: Vec<(String, String)>,
    /// Managed ones.
    pub attached: Vec<AttachedPolicy>,
}

impl PoliciesOf {
    fn write(&self, list: &str, xml: &mut Xml) {
        xml.list(list, &self.inline, |xml, (name, document)| {
            xml.text("PolicyName", name).text("PolicyDocument", &encode_document(document));
        });
        xml.list("AttachedManagedPolicies", &self.attached, |xml, policy| policy.write(xml));
    }
}

/// One page of GetAccountAuthorizationDetails.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the lists of the API's answer")]
pub struct AccountDetails {
    /// With the names of the user's groups.
    pub users: Vec<(User, PoliciesOf, Vec<String>)>,
    pub groups: Vec<(Group, PoliciesOf)>,
    pub roles: Vec<(Role, PoliciesOf, Vec<InstanceProfile>)>,
    pub policies: Vec<(Policy, Vec<PolicyVersion>)>,
    pub marker: Option<String>,
}

impl ToXml for AccountDetails {
    fn write(&self, xml: &mut Xml) {
        xml.text("IsTruncated", if self.marker.is_some() { "true" } else { "false" });
        xml.maybe("Marker", self.marker.as_deref());
        xml.list("UserDetailList", &self.users, |xml, (user, policies, groups)| {
            user.write(xml);
            policies.write("UserPolicyList", xml);
            xml.list("GroupList", groups, |xml, name| name.write(xml));
        });
        xml.list("GroupDetailList", &self.groups, |xml, (group, policies)| {
            group.write(xml);
            policies.write("GroupPolicyList", xml);
        });
        xml.list("RoleDetailList", &self.roles, |xml, (role, policies, profiles)| {
            write_role(role, xml);
            policies.write("RolePolicyList", xml);
            xml.list("InstanceProfileList", profiles, |xml, profile| profile.write(xml));
        });
        xml.list("Policies", &self.policies, |xml, (policy, versions)| {
            Policy { tags: Vec::new(), ..policy.clone() }.write(xml);
            xml.list("PolicyVersionList", versions, |xml, version| version.write(xml));
        });
    }
}

/// The type RoleDetail, which has less than Role.
fn write_role(role: &Role, xml: &mut Xml) {
    xml.text("Path", &role.path).text("RoleName", &role.name).text("RoleId", &role.id);
    xml.text("Arn", &role.arn).time("CreateDate", role.created_at);
    xml.text("AssumeRolePolicyDocument", &encode_document(&role.trust_policy));
    write_boundary(xml, role.boundary.as_deref());
    write_tags(xml, &role.tags);
    role.write_last_used(xml);
}
