//! Users, groups, roles, instance profiles and access keys as results show them.

use jiff::Timestamp;

use super::encode_document;
use crate::ids::SecretKey;
use crate::query::{Output, Writer};

/// A list of tags, left out when empty.
pub(super) fn write_tags(out: &mut Writer, tags: &[(String, String)]) {
    if !tags.is_empty() {
        write_all_tags(out, tags);
    }
}

/// A list of tags that is there even if it is empty.
pub(super) fn write_all_tags(out: &mut Writer, tags: &[(String, String)]) {
    out.list("Tags", tags, |out, tag| tag.write(out));
}

pub(super) fn write_boundary(out: &mut Writer, arn: Option<&str>) {
    if let Some(arn) = arn {
        out.element("PermissionsBoundary", |out| {
            out.text("PermissionsBoundaryType", "Policy").text("PermissionsBoundaryArn", arn);
        });
    }
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members of the API's type User")]
pub struct User {
    pub path: String,
    pub name: String,
    pub id: String,
    pub arn: String,
    pub created_at: Timestamp,
    pub boundary: Option<String>,
    pub tags: Vec<(String, String)>,
}

impl Output for User {
    fn write(&self, out: &mut Writer) {
        out.text("Path", &self.path).text("UserName", &self.name).text("UserId", &self.id);
        out.text("Arn", &self.arn).time("CreateDate", self.created_at);
        write_boundary(out, self.boundary.as_deref());
        write_tags(out, &self.tags);
    }
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members of the API's type Group")]
pub struct Group {
    pub path: String,
    pub name: String,
    pub id: String,
    pub arn: String,
    pub created_at: Timestamp,
}

impl Output for Group {
    fn write(&self, out: &mut Writer) {
        out.text("Path", &self.path).text("GroupName", &self.name).text("GroupId", &self.id);
        out.text("Arn", &self.arn).time("CreateDate", self.created_at);
    }
}

/// A group with a page of its users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMembers {
    /// The group.
    pub group: Group,
    /// Its users.
    pub users: crate::query::Page<User>,
}

impl Output for GroupMembers {
    fn write(&self, out: &mut Writer) {
        out.element("Group", |out| self.group.write(out));
        self.users.write(out);
    }
}

/// When and where a role was last used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleLastUsed {
    /// When.
    pub at: Timestamp,
    /// In which region.
    pub region: Option<String>,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members of the API's type Role")]
pub struct Role {
    pub path: String,
    pub name: String,
    pub id: String,
    pub arn: String,
    pub created_at: Timestamp,
    /// The trust policy's JSON text.
    pub trust_policy: String,
    pub description: Option<String>,
    pub max_session_seconds: i64,
    pub boundary: Option<String>,
    pub tags: Vec<(String, String)>,
    /// None in lists, which leave it out.
    pub last_used: Option<Option<RoleLastUsed>>,
}

impl Output for Role {
    fn write(&self, out: &mut Writer) {
        out.text("Path", &self.path).text("RoleName", &self.name).text("RoleId", &self.id);
        out.text("Arn", &self.arn).time("CreateDate", self.created_at);
        out.text("AssumeRolePolicyDocument", &encode_document(&self.trust_policy));
        out.maybe("Description", self.description.as_deref());
        out.number("MaxSessionDuration", self.max_session_seconds);
        write_boundary(out, self.boundary.as_deref());
        write_tags(out, &self.tags);
        self.write_last_used(out);
    }
}

impl Role {
    pub(super) fn write_last_used(&self, out: &mut Writer) {
        if let Some(used) = &self.last_used {
            out.element("RoleLastUsed", |out| {
                if let Some(used) = used {
                    out.time("LastUsedDate", used.at).maybe("Region", used.region.as_deref());
                }
            });
        }
    }
}

/// An instance profile with its role.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members of the API's type InstanceProfile")]
pub struct InstanceProfile {
    pub path: String,
    pub name: String,
    pub id: String,
    pub arn: String,
    pub created_at: Timestamp,
    pub role: Option<Role>,
    pub tags: Vec<(String, String)>,
}

impl Output for InstanceProfile {
    fn write(&self, out: &mut Writer) {
        out.text("Path", &self.path).text("InstanceProfileName", &self.name);
        out.text("InstanceProfileId", &self.id).text("Arn", &self.arn).time("CreateDate", self.created_at);
        out.list("Roles", &self.role, |out, role| role.write(out));
        write_tags(out, &self.tags);
    }
}

/// A new access key: the only time its secret is shown. No `Debug`.
#[derive(Clone)]
pub struct NewAccessKey {
    /// Whose it is.
    pub user_name: String,
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: SecretKey,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Output for NewAccessKey {
    fn write(&self, out: &mut Writer) {
        out.text("UserName", &self.user_name).text("AccessKeyId", &self.id).text("Status", "Active");
        out.text("SecretAccessKey", self.secret.expose()).time("CreateDate", self.created_at);
    }
}

/// An access key in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members of the API's type AccessKeyMetadata")]
pub struct AccessKeyMetadata {
    pub user_name: String,
    pub id: String,
    pub is_active: bool,
    pub created_at: Timestamp,
}

impl Output for AccessKeyMetadata {
    fn write(&self, out: &mut Writer) {
        out.text("UserName", &self.user_name).text("AccessKeyId", &self.id);
        out.text("Status", if self.is_active { "Active" } else { "Inactive" });
        out.time("CreateDate", self.created_at);
    }
}

/// When an access key was last used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKeyLastUsed {
    /// Whose it is.
    pub user_name: String,
    /// When, in which region, for which service; None if never.
    pub used: Option<(Timestamp, String, String)>,
}

impl Output for AccessKeyLastUsed {
    fn write(&self, out: &mut Writer) {
        out.text("UserName", &self.user_name);
        out.element("AccessKeyLastUsed", |out| match &self.used {
            Some((at, region, service)) => {
                out.time("LastUsedDate", *at).text("ServiceName", service).text("Region", region);
            }
            None => {
                out.text("ServiceName", "N/A").text("Region", "N/A");
            }
        });
    }
}
