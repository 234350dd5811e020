//! Policies as results show them. Documents are percent-encoded inside XML (IAM API reference, GetPolicyVersion).

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::entity::write_all_tags;
use crate::query::{Output, Writer};

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
    /// None in lists, which leave them out; GetPolicy has an empty list of what has none.
    pub tags: Option<Vec<(String, String)>>,
}

impl Output for Policy {
    fn write(&self, out: &mut Writer) {
        out.text("PolicyName", &self.name).text("PolicyId", &self.id).text("Arn", &self.arn);
        out.text("Path", &self.path).text("DefaultVersionId", &self.default_version);
        out.number("AttachmentCount", self.attachment_count);
        out.number("PermissionsBoundaryUsageCount", self.boundary_count);
        out.flag("IsAttachable", true).maybe("Description", self.description.as_deref());
        out.time("CreateDate", self.created_at).time("UpdateDate", self.updated_at);
        if let Some(tags) = &self.tags {
            write_all_tags(out, tags);
        }
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

impl Output for PolicyVersion {
    fn write(&self, out: &mut Writer) {
        if let Some(document) = &self.document {
            out.text("Document", &encode_document(document));
        }
        out.text("VersionId", &self.version_id);
        out.flag("IsDefaultVersion", self.is_default);
        out.time("CreateDate", self.created_at);
    }
}

/// A managed policy where it is attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachedPolicy {
    /// Its ARN.
    pub arn: String,
}

impl Output for AttachedPolicy {
    fn write(&self, out: &mut Writer) {
        let name = self.arn.rsplit('/').next().unwrap_or_default();
        out.text("PolicyName", name).text("PolicyArn", &self.arn);
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

impl Output for InlineDocument {
    fn write(&self, out: &mut Writer) {
        out.text(self.owner_element, &self.owner).text("PolicyName", &self.name);
        out.text("PolicyDocument", &encode_document(&self.document));
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

impl Output for PolicyEntities {
    fn write(&self, out: &mut Writer) {
        for (list, name, id, entities) in [
            ("PolicyGroups", "GroupName", "GroupId", &self.groups),
            ("PolicyUsers", "UserName", "UserId", &self.users),
            ("PolicyRoles", "RoleName", "RoleId", &self.roles),
        ] {
            out.list(list, entities, |out, entity| {
                out.text(name, &entity.0).text(id, &entity.1);
            });
        }
        out.flag("IsTruncated", self.marker.is_some());
        out.maybe("Marker", self.marker.as_deref());
    }
}
