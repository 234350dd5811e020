//! Identity providers with one issuer for many organizations, and the claim that identifies the organization of a
//! token.
//!
//! Source: IAM User Guide, "Identity-provider controls for shared OIDC providers": a trust policy must evaluate the
//! claim. A policy that names only the issuer would allow every customer of the provider.

/// Issuers without their scheme, each with the claim that must be evaluated. A value with a colon is the whole key.
const SHARED: [(&str, &str); 22] = [
    ("agent.buildkite.com", "sub"),
    ("api.pulumi.com/oidc", "aud"),
    ("app.terraform.io", "sub"),
    ("cognito-identity.amazonaws.com", "aud"),
    ("gitlab.com", "sub"),
    ("oidc-configuration.audit-log.githubusercontent.com", "sub"),
    ("oidc.codefresh.io", "sub"),
    ("oidc.op1.openshiftapps.com/2c51blsaqa9gkjt0o9rt11mle8mmropu", "sub"),
    ("oidc.op1.openshiftapps.com/2f785sojlpb85i7402pk3qogugim5nfb", "sub"),
    ("oidc.vercel.com", "aud"),
    ("proidc.upbound.io", "sub"),
    ("rh-oidc.s3.us-east-1.amazonaws.com/22ejnvnnturfmt6km08idd0nt4hekbn7", "sub"),
    ("rh-oidc.s3.us-east-1.amazonaws.com/23e3sd27sju1hoou6ohfs68vbno607tr", "sub"),
    ("rh-oidc.s3.us-east-1.amazonaws.com/23ne21h005qjl3n33d8dui5dlrmv2tmg", "sub"),
    ("rh-oidc.s3.us-east-1.amazonaws.com/24jrf12m5dj7ljlfb4ta2frhrcoadm26", "sub"),
    ("sandboxes.cloud", "aud"),
    ("scalr.io", "sub"),
    ("sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d", "sts:RoleSessionName"),
    ("studio.datachain.ai/api", "sub"),
    ("token.actions.githubusercontent.com", "sub"),
    ("tokens.cloud.shisho.dev", "sub"),
    ("vstoken.actions.githubusercontent.com", "sub"),
];

/// What a trust policy lacks, as a message that says what to add; none if it lacks nothing.
pub fn lacking_claim(trust: &policy::Policy) -> Option<String> {
    trust.trusted_providers().find_map(|trusted| {
        let name = trusted.provider();
        let issuer = name.split_once(":oidc-provider/").map_or(name, |(_, issuer)| issuer);
        // With a slash at the end it is the same provider with another name, which the condition keys use too.
        let known = issuer.strip_suffix('/').unwrap_or(issuer);
        let (_, claim) = SHARED.iter().find(|(shared, _)| shared.eq_ignore_ascii_case(known))?;
        let key = if claim.contains(':') { (*claim).to_owned() } else { format!("{issuer}:{claim}") };
        (!trusted.asks_for(&key)).then(|| {
            format!(
                "The identity provider {issuer} is shared by many organizations: a statement that trusts it must have a \
                 Condition StringEquals or StringLike on {key} with values that are not wildcards alone."
            )
        })
    })
}
