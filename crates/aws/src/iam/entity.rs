//! Users, groups, roles, instance profiles and access keys as results show them.

use jiff::Timestamp;

use super::encode_document;
use crate::ids::SecretKey;
use crate::query::{ToXml, Xml};

/// A list of tags, left out when empty.
pub(super) fn write_tags(xml: &mut Xml, tags: &[(String, String)]) {
    if !tags.is_empty() {
        xml.list("Tags", tags, |xml, tag| tag.write(xml));
    }
}

pub(super) fn write_boundary(xml: &mut Xml, arn: Option<&str>) {
    if let Some(arn) = arn {
        xml.element("PermissionsBoundary", |xml| {
            xml.text("PermissionsBoundaryType", "Policy").text("PermissionsBoundaryArn", arn);
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

impl ToXml for User {
    fn write(&self, xml: &mut Xml) {
        xml.text("Path", &self.path).text("UserName", &self.name).text("UserId", &self.id);
        xml.text("Arn", &self.arn).time("CreateDate", self.created_at);
        write_boundary(xml, self.boundary.as_deref());
        write_tags(xml, &self.tags);
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

impl ToXml for Group {
    fn write(&self, xml: &mut Xml) {
        xml.text("Path", &self.path).text("GroupName", &self.name).text("GroupId", &self.id);
        xml.text("Arn", &self.arn).time("CreateDate", self.created_at);
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

impl ToXml for GroupMembers {
    fn write(&self, xml: &mut Xml) {
        xml.element("Group", |xml| self.group.write(xml));
        self.users.write(xml);
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

impl ToXml for Role {
    fn write(&self, xml: &mut Xml) {
        xml.text("Path", &self.path).text("RoleName", &self.name).text("RoleId", &self.id);
        xml.text("Arn", &self.arn).time("CreateDate", self.created_at);
        xml.text("AssumeRolePolicyDocument", &encode_document(&self.trust_policy));
        xml.maybe("Description", self.description.as_deref());
        xml.text("MaxSessionDuration", &self.max_session_seconds.to_string());
        write_boundary(xml, self.boundary.as_deref());
        write_tags(xml, &self.tags);
        self.write_last_used(xml);
    }
}

impl Role {
    pub(super) fn write_last_used(&self, xml: &mut Xml) {
        if let Some(used) = &self.last_used {
            xml.element("RoleLastUsed", |xml| {
                if let Some(used) = used {
                    xml.time("LastUsedDate", used.at).maybe("Region", used.region.as_deref());
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

impl ToXml for InstanceProfile {
    fn write(&self, xml: &mut Xml) {
        xml.text("Path", &self.path).text("InstanceProfileName", &self.name);
        xml.text("InstanceProfileId", &self.id).text("Arn", &self.arn).time("CreateDate", self.created_at);
        xml.list("Roles", &self.role, |xml, role| role.write(xml));
        write_tags(xml, &self.tags);
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

impl ToXml for NewAccessKey {
    fn write(&self, xml: &mut Xml) {
        xml.text("UserName", &self.user_name).text("AccessKeyId", &self.id).text("Status", "Active");
        xml.text("SecretAccessKey", self.secret.expose()).time("CreateDate", self.created_at);
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

impl ToXml for AccessKeyMetadata {
    fn write(&self, xml: &mut Xml) {
        xml.text("UserName", &self.user_name).text("AccessKeyId", &self.id);
        xml.text("Status", if self.is_active { "Active" } else { "Inactive" });
        xml.time("CreateDate", self.created_at);
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

impl ToXml for AccessKeyLastUsed {
    fn write(&self, xml: &mut Xml) {
        xml.text("UserName", &self.user_name);
        xml.element("AccessKeyLastUsed", |xml| match &self.used {
            Some((at, region, service)) => {
                xml.time("LastUsedDate", *at).text("ServiceName", service).text("Region", region);
            }
            None => {
                xml.text("ServiceName", "N/A").text("Region", "N/A");
            }
        });
    }
}
