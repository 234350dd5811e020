//! OpenID Connect providers as results show them.

use jiff::Timestamp;

use super::entity::write_tags;
use crate::query::{Output, Writer};

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

impl Output for OpenIdConnectProvider {
    fn write(&self, out: &mut Writer) {
        out.text("Url", &self.url);
        out.list("ClientIDList", &self.client_ids, |out, id| id.write(out));
        out.list("ThumbprintList", &self.thumbprints, |out, thumbprint| thumbprint.write(out));
        out.time("CreateDate", self.created_at);
        write_tags(out, &self.tags);
    }
}

/// A provider in a list, or the one just made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderArn(pub String);

impl Output for ProviderArn {
    fn write(&self, out: &mut Writer) {
        out.text("Arn", &self.0);
    }
}
