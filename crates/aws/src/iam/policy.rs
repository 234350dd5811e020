//! Policies as results show them. Documents are percent-encoded inside XML (IAM API reference, GetPolicyVersion).

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::entity::write_tags;
use crate::query::{ToXml, Xml};

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A document as IAM's answers hold it (RFC 3986).
pub fn encode_document(document: &str) -> String {
    utf8_percent_encode(document, UNRESERVED).to_string()
}

/// A managed policy.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members of the API's type Policy")]
pub struct Policy {
    pub name: String,
    pub id: String,
    pub arn: String,
    pub path: String,
    pub default_version: String,
    pub attachment_count: i64,
    pub boundary_count: i64,
    /// Lists leave it out.
    pub description: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub tags: Vec<(String, String)>,
}

impl ToXml for Policy {
    fn write(&self, xml: &mut Xml) {
        xml.text("PolicyName", &self.name).text("PolicyId", &self.id).text("Arn", &self.arn);
        xml.text("Path", &self.path).text("DefaultVersionId", &self.default_version);
        xml.text("AttachmentCount", &self.attachment_count.to_string());
        xml.text("PermissionsBoundaryUsageCount", &self.boundary_count.to_string());
        xml.text("IsAttachable", "true").maybe("Description", self.description.as_deref());
        xml.time("CreateDate", self.created_at).time("UpdateDate", self.updated_at);
        write_tags(xml, &self.tags);
    }
}

/// A version of a managed policy.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members of the API's type PolicyVersion")]
pub struct PolicyVersion {
    /// Lists leave it out.
    pub document: Option<String>,
    pub version_id: String,
    pub is_default: bool,
    pub created_at: Timestamp,
}

impl ToXml for PolicyVersion {
    fn write(&self, xml: &mut Xml) {
        if let Some(document) = &self.document {
            xml.text("Document", &encode_document(document));
        }
        xml.text("VersionId", &self.version_id);
        xml.text("IsDefaultVersion", if self.is_default { "true" } else { "false" });
        xml.time("CreateDate", self.created_at);
    }
}

/// A managed policy where it is attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachedPolicy {
    /// Its ARN.
    pub arn: String,
}

impl ToXml for AttachedPolicy {
    fn write(&self, xml: &mut Xml) {
        let name = self.arn.rsplit('/').next().unwrap_or_default();
        xml.text("PolicyName", name).text("PolicyArn", &self.arn);
    }
}

/// An inline policy with its document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InlineDocument {
    /// `UserName`, `GroupName` or `RoleName`.
    pub owner_element: &'static str,
    /// The owner's name.
    pub owner: String,
    /// The policy's name.
    pub name: String,
    /// Its JSON text.
    pub document: String,
}

impl ToXml for InlineDocument {
    fn write(&self, xml: &mut Xml) {
        xml.text(self.owner_element, &self.owner).text("PolicyName", &self.name);
        xml.text("PolicyDocument", &encode_document(&self.document));
    }
}

/// A page of everything that a managed policy is attached to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyEntities {
    /// Names and unique ids of groups.
    pub groups: Vec<(String, String)>,
    /// Of users.
    pub users: Vec<(String, String)>,
    /// Of roles.
    pub roles: Vec<(String, String)>,
    /// Where the next page begins; None at the end.
    pub marker: Option<String>,
}

impl ToXml for PolicyEntities {
    fn write(&self, xml: &mut Xml) {
        for (list, name, id, entities) in [
            ("PolicyGroups", "GroupName", "GroupId", &self.groups),
            ("PolicyUsers", "UserName", "UserId", &self.users),
            ("PolicyRoles", "RoleName", "RoleId", &self.roles),
        ] {
            xml.list(list, entities, |xml, entity| {
                xml.text(name, &entity.0).text(id, &entity.1);
            });
        }
        xml.text("IsTruncated", if self.marker.is_some() { "true" } else { "false" });
        xml.maybe("Marker", self.marker.as_deref());
    }
}
