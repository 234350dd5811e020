//! OpenID Connect providers as results show them.

use jiff::Timestamp;

use super::entity::write_tags;
use crate::query::{ToXml, Xml};

/// A provider.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members of GetOpenIDConnectProvider's result")]
pub struct OpenIdConnectProvider {
    /// Without its scheme.
    pub url: String,
    pub client_ids: Vec<String>,
    pub thumbprints: Vec<String>,
    pub created_at: Timestamp,
    pub tags: Vec<(String, String)>,
}

impl ToXml for OpenIdConnectProvider {
    fn write(&self, xml: &mut Xml) {
        xml.text("Url", &self.url);
        xml.list("ClientIDList", &self.client_ids, |xml, id| id.write(xml));
        xml.list("ThumbprintList", &self.thumbprints, |xml, thumbprint| thumbprint.write(xml));
        xml.time("CreateDate", self.created_at);
        write_tags(xml, &self.tags);
    }
}

/// A provider in a list, or the one just made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderArn(pub String);

impl ToXml for ProviderArn {
    fn write(&self, xml: &mut Xml) {
        xml.text("Arn", &self.0);
    }
}
