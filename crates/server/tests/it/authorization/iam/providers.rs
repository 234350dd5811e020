//! Identity providers.

use access::op::IamOp;
use access::op::Op;

use super::super::table::{Row, iam as arn};
use super::{Parameters, TAG, TAG_KEY, TARGET_PROVIDER, on_arn, own, step};
use crate::authorization::table::{Cross, Expected};
use crate::authorization::wire::iam;

const PROVIDER: (&str, &str) = ("OpenIDConnectProviderArn", TARGET_PROVIDER);

/// An operation on the provider `target.example.org`.
fn on_provider(op: Op, parameters: Parameters<'_>) -> Row {
    let mut all = vec![PROVIDER];
    all.extend(parameters);
    on_arn(op, TARGET_PROVIDER, &all)
}

pub(super) fn rows() -> Vec<Row> {
    let provider = |host: &str| arn(&format!("oidc-provider/{host}.example.org"));
    let delete = |host: &str| {
        step(Op::Iam(IamOp::DeleteOpenIDConnectProvider), &[("OpenIDConnectProviderArn", &provider(host))])
    };
    let tagged = [("Url", "https://target-tagged.example.org"), TAG[0], TAG[1]];
    let doomed = provider("target-doomed");
    let client = ("ClientID", "audience");
    let thumbprint = ("ThumbprintList.member.1", "0123456789012345678901234567890123456789");
    let keys = iam("WharfPutOpenIDConnectProviderKeys", &[PROVIDER]);
    let nothing = Expected::Code(404, "NoSuchEntity");
    vec![
        own(
            Op::Iam(IamOp::CreateOpenIDConnectProvider),
            "oidc-provider/target-new.example.org",
            &[("Url", "https://target-new.example.org")],
        )
        .after([delete("target-new")]),
        own(Op::Iam(IamOp::CreateOpenIDConnectProvider), "oidc-provider/target-tagged.example.org", &tagged)
            .variant("with tags")
            .needs("iam:TagOpenIDConnectProvider", provider("target-tagged"))
            .after([delete("target-tagged")]),
        on_provider(Op::Iam(IamOp::GetOpenIDConnectProvider), &[]),
        own(Op::Iam(IamOp::ListOpenIDConnectProviders), "oidc-provider/*", &[]),
        on_provider(Op::Iam(IamOp::AddClientIDToOpenIDConnectProvider), &[client]),
        on_provider(Op::Iam(IamOp::RemoveClientIDFromOpenIDConnectProvider), &[client]),
        on_provider(Op::Iam(IamOp::UpdateOpenIDConnectProviderThumbprint), &[thumbprint]),
        // A caller that may change the certificates of an issuer may also set its keys.
        Row::of(Op::Iam(IamOp::WharfPutOpenIDConnectProviderKeys), keys, Cross::NamedArn(nothing))
            .needs("iam:CreateOpenIDConnectProvider", TARGET_PROVIDER),
        on_provider(Op::Iam(IamOp::TagOpenIDConnectProvider), &TAG),
        on_provider(Op::Iam(IamOp::UntagOpenIDConnectProvider), &[TAG_KEY]),
        on_provider(Op::Iam(IamOp::ListOpenIDConnectProviderTags), &[]),
        on_arn(
            Op::Iam(IamOp::DeleteOpenIDConnectProvider),
            &doomed,
            &[("OpenIDConnectProviderArn", &doomed)],
        )
        .after([step(
            Op::Iam(IamOp::CreateOpenIDConnectProvider),
            &[("Url", "https://target-doomed.example.org")],
        )]),
    ]
}
