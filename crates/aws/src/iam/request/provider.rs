//! Requests on OpenID Connect providers, and on the account as a whole.

use super::{MARKER, THUMBPRINT};
use crate::query::request::{ARN, text};

crate::query_requests! {
    /// `CreateOpenIDConnectProvider`.
    CreateOpenIDConnectProviderRequest {
        url: required(text(1,255)) "Url",
        client_ids: texts(text(1,255),100) "ClientIDList",
        thumbprints: texts(THUMBPRINT,5) "ThumbprintList",
        tags: tags "Tags",
    }
    /// `GetOpenIDConnectProvider`.
    GetOpenIDConnectProviderRequest {
        arn: required(ARN) "OpenIDConnectProviderArn",
    }
    /// `ListOpenIDConnectProviders`.
    ListOpenIDConnectProvidersRequest {
    }
    /// `DeleteOpenIDConnectProvider`.
    DeleteOpenIDConnectProviderRequest {
        arn: required(ARN) "OpenIDConnectProviderArn",
    }
    /// `AddClientIDToOpenIDConnectProvider`.
    AddClientIDToOpenIDConnectProviderRequest {
        arn: required(ARN) "OpenIDConnectProviderArn",
        client_id: required(text(1,255)) "ClientID",
    }
    /// `RemoveClientIDFromOpenIDConnectProvider`.
    RemoveClientIDFromOpenIDConnectProviderRequest {
        arn: required(ARN) "OpenIDConnectProviderArn",
        client_id: required(text(1,255)) "ClientID",
    }
    /// `UpdateOpenIDConnectProviderThumbprint`.
    UpdateOpenIDConnectProviderThumbprintRequest {
        arn: required(ARN) "OpenIDConnectProviderArn",
        thumbprints: required_texts(THUMBPRINT,5) "ThumbprintList",
    }
    /// `TagOpenIDConnectProvider`.
    TagOpenIDConnectProviderRequest {
        arn: required(ARN) "OpenIDConnectProviderArn",
        tags: required_tags "Tags",
    }
    /// `UntagOpenIDConnectProvider`.
    UntagOpenIDConnectProviderRequest {
        arn: required(ARN) "OpenIDConnectProviderArn",
        tag_keys: required_texts(text(1,128),50) "TagKeys",
    }
    /// `ListOpenIDConnectProviderTags`.
    ListOpenIDConnectProviderTagsRequest {
        arn: required(ARN) "OpenIDConnectProviderArn",
        marker: optional(MARKER) "Marker",
        max_items: number(1, 1000) "MaxItems",
    }
    /// `WharfPutOpenIDConnectProviderKeys`.
    WharfPutOpenIDConnectProviderKeysRequest {
        arn: required(ARN) "OpenIDConnectProviderArn",
        certificate_authority: optional(text(1,65536)) "CertificateAuthority",
        key_set: optional(text(1,65536)) "KeySet",
    }
    /// `GetAccountSummary`.
    GetAccountSummaryRequest {
    }
    /// `ListAccountAliases`.
    ListAccountAliasesRequest {
        marker: optional(MARKER) "Marker",
        max_items: number(1, 1000) "MaxItems",
    }
    /// `GetAccountAuthorizationDetails`.
    GetAccountAuthorizationDetailsRequest {
        filter: texts(text(1,64),5) "Filter",
        marker: optional(MARKER) "Marker",
        max_items: number(1, 1000) "MaxItems",
    }
}
