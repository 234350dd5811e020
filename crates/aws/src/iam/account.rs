//! An account as a whole: its counts, its aliases, and all that is in it.

use super::entity::{write_all_tags, write_boundary};
use super::{AttachedPolicy, Group, InstanceProfile, Policy, PolicyVersion, Role, User, encode_document};
use crate::query::{Output, Writer};

/// What GetAccountSummary answers: names with their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSummary(pub Vec<(&'static str, i64)>);

impl Output for AccountSummary {
    fn write(&self, out: &mut Writer) {
        out.numbers("SummaryMap", &self.0);
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
    fn write(&self, list: &str, out: &mut Writer) {
        // Of users alone, a list without policies is left out (AWS CLI reference, get-account-authorization-details).
        let is_left_out = list == "UserPolicyList" && self.inline.is_empty();
        if !is_left_out {
            self.write_inline(list, out);
        }
        out.list("AttachedManagedPolicies", &self.attached, |out, policy| policy.write(out));
    }

    fn write_inline(&self, list: &str, out: &mut Writer) {
        out.list(list, &self.inline, |out, (name, document)| {
            out.text("PolicyName", name).text("PolicyDocument", &encode_document(document));
        });
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

impl Output for AccountDetails {
    fn write(&self, out: &mut Writer) {
        out.flag("IsTruncated", self.marker.is_some());
        out.maybe("Marker", self.marker.as_deref());
        out.list("UserDetailList", &self.users, |out, (user, policies, groups)| {
            User { tags: Vec::new(), ..user.clone() }.write(out);
            write_all_tags(out, &user.tags);
            policies.write("UserPolicyList", out);
            out.list("GroupList", groups, |out, name| name.write(out));
        });
        out.list("GroupDetailList", &self.groups, |out, (group, policies)| {
            group.write(out);
            policies.write("GroupPolicyList", out);
        });
        out.list("RoleDetailList", &self.roles, |out, (role, policies, profiles)| {
            write_role(role, out);
            policies.write("RolePolicyList", out);
            out.list("InstanceProfileList", profiles, |out, profile| profile.write(out));
        });
        out.list("Policies", &self.policies, |out, (policy, versions)| {
            Policy { tags: None, ..policy.clone() }.write(out);
            out.list("PolicyVersionList", versions, |out, version| version.write(out));
        });
    }
}

/// The type RoleDetail, which has less than Role.
fn write_role(role: &Role, out: &mut Writer) {
    out.text("Path", &role.path).text("RoleName", &role.name).text("RoleId", &role.id);
    out.text("Arn", &role.arn).time("CreateDate", role.created_at);
    out.text("AssumeRolePolicyDocument", &encode_document(&role.trust_policy));
    write_boundary(out, role.boundary.as_deref());
    write_all_tags(out, &role.tags);
    role.write_last_used(out);
}
