//! AssumeRoleWithWebIdentity, whose caller is a token of an identity provider. The classes mean:
//!
//! * anonymous: the request is unsigned, and the token authenticates the caller;
//! * without, with and explicit deny: the role's trust policy for the token;
//! * boundary and session policy: they limit the session, not the assumption of the role;
//! * disabled key: a key that the provider has removed; expired session: an expired token. A signature in the request
//!   must still be valid;
//! * other account: a role accepts only tokens of its own account's providers, regardless of its trust policy.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::grants::trust;
use super::policies;
use super::report::Report;
use super::stage::Stage;
use super::table::{ACCOUNT, Expected, Need, OTHER, iam as arn};
use super::wire::{Answer, Ask, Identity, ecr, element, iam, sts};

const ISSUER: &str = "oidc.example.org/target";
const SUBJECT: &str = "system:serviceaccount:flux-system:source-controller";
const ROLE: &str = "puller";

struct Cluster {
    stage: Stage,
    key: EcdsaKeyPair,
}

fn coded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn key_set(key: &EcdsaKeyPair) -> String {
    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
    json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": "k1", "x": coded(x), "y": coded(y)}]}).to_string()
}

fn provider() -> String {
    arn(&format!("oidc-provider/{ISSUER}"))
}

/// A trust policy for tokens of this subject.
fn trusting(action: &str, subject: &str) -> Value {
    json!({
        "Effect": "Allow",
        "Principal": {"Federated": provider()},
        "Action": action,
        "Condition": {"StringEquals": {format!("{ISSUER}:sub"): subject}},
    })
}

fn document(statements: &[Value]) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

fn good() -> Value {
    trusting("sts:AssumeRoleWithWebIdentity", SUBJECT)
}

impl Cluster {
    async fn start() -> Self {
        let cluster = Self {
            stage: Stage::start().await,
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
        };
        let url = format!("https://{ISSUER}");
        let role = [("RoleName", ROLE), ("PolicyName", "all"), ("PolicyDocument", &policies::everything())];
        let steps = [
            iam(
                "CreateOpenIDConnectProvider",
                &[("Url", &url), ("ClientIDList.member.1", "sts.amazonaws.com")],
            ),
            iam("CreateRole", &[("RoleName", ROLE), ("AssumeRolePolicyDocument", &document(&[good()]))]),
            iam("PutRolePolicy", &role),
        ];
        cluster.stage.build(&steps).await;
        cluster.set_key(&cluster.key).await;
        cluster
    }

    async fn set_key(&self, key: &EcdsaKeyPair) {
        let provider = provider();
        let keys = [("OpenIDConnectProviderArn", provider.as_str()), ("KeySet", &key_set(key))];
        self.stage.build(&[iam("WharfPutOpenIDConnectProviderKeys", &keys)]).await;
    }

    async fn trust(&self, statements: &[Value]) {
        self.stage.build(&[trust(ROLE, &document(statements))]).await;
    }

    /// A token that expires after this many seconds.
    fn token(&self, seconds: i64) -> String {
        let now = Timestamp::now().as_second();
        let claims = json!({
            "iss": format!("https://{ISSUER}"), "sub": SUBJECT, "aud": ["sts.amazonaws.com"],
            "iat": now - 900, "nbf": now - 900, "exp": now + seconds,
        });
        let header = json!({"alg": "ES256", "kid": "k1", "typ": "JWT"});
        let signed = format!("{}.{}", coded(header.to_string()), coded(claims.to_string()));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", coded(signature))
    }

    fn request(&self, account: &str, seconds: i64, more: &[(&str, &str)]) -> Ask {
        let (role, token) = (format!("arn:aws:iam::{account}:role/{ROLE}"), self.token(seconds));
        let mut parameters =
            vec![("RoleArn", role.as_str()), ("RoleSessionName", "pod"), ("WebIdentityToken", &token)];
        parameters.extend(more);
        sts("AssumeRoleWithWebIdentity", &parameters)
    }

    async fn assume(&self, report: &mut Report, class: &str, expected: &Expected) -> Answer {
        self.assume_with(report, class, expected, &[]).await
    }

    async fn assume_with(
        &self,
        report: &mut Report,
        class: &str,
        expected: &Expected,
        more: &[(&str, &str)],
    ) -> Answer {
        let ask = self.request(ACCOUNT, 600, more);
        let answer = self.stage.ask(&ask, None).await;
        report.compare(("AssumeRoleWithWebIdentity", class), &ask, &answer, expected);
        answer
    }

    /// The answer to a session that requests its registry.
    async fn describes(&self, report: &mut Report, class: &str, answer: &Answer, kind: &str) {
        let session = Identity::given(element(&answer.body, "Arn"), answer);
        let ask = ecr("DescribeRegistry", &json!({}));
        let text = format!(
            "User: {} is not authorized to perform: ecr:DescribeRegistry on resource: * because no {kind} allows the \
             ecr:DescribeRegistry action",
            session.arn
        );
        let refused = Expected::Text(400, "AccessDeniedException", text);
        let got = self.stage.ask(&ask, Some(&session)).await;
        report.compare(("a session of a token", class), &ask, &got, &refused);
    }
}

/// Requests it in every class.
pub(super) async fn check(report: &mut Report) {
    let cluster = Cluster::start().await;
    let denied = "Not authorized to perform sts:AssumeRoleWithWebIdentity".to_owned();
    let denied = Expected::Text(403, "AccessDenied", denied);
    cluster.assume(report, "anonymous, with", &Expected::Success).await;
    for action in ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"] {
        cluster.trust(&[trusting(action, SUBJECT)]).await;
        cluster.assume(report, "without: another action", &denied).await;
    }
    cluster.trust(&[trusting("sts:AssumeRoleWithWebIdentity", "somebody-else")]).await;
    cluster.assume(report, "without: another subject", &denied).await;
    let mut deny = good();
    deny["Effect"] = "Deny".into();
    cluster.trust(&[good(), deny]).await;
    cluster.assume(report, "explicit deny", &denied).await;
    cluster.trust(&[good()]).await;
    limited(&cluster, report).await;
    out_of_date(&cluster, report).await;
    elsewhere(&cluster, report).await;
}

async fn limited(cluster: &Cluster, report: &mut Report) {
    let all_but_one = policies::everything_but(&Need::new("ecr:DescribeRegistry", "*"));
    let within = [("Policy", all_but_one.as_str())];
    let given = cluster.assume_with(report, "session policy", &Expected::Success, &within).await;
    cluster.describes(report, "session policy", &given, "session policy").await;
    let (name, bound) = ("puller-boundary", arn("policy/puller-boundary"));
    let steps = [
        iam("CreatePolicy", &[("PolicyName", name), ("PolicyDocument", &all_but_one)]),
        iam("PutRolePermissionsBoundary", &[("RoleName", ROLE), ("PermissionsBoundary", &bound)]),
    ];
    cluster.stage.build(&steps).await;
    let given = cluster.assume(report, "boundary", &Expected::Success).await;
    cluster.describes(report, "boundary", &given, "permissions boundary").await;
}

async fn out_of_date(cluster: &Cluster, report: &mut Report) {
    let name = "AssumeRoleWithWebIdentity";
    let ask = cluster.request(ACCOUNT, -1, &[]);
    let answer = cluster.stage.ask(&ask, None).await;
    report.compare((name, "expired token"), &ask, &answer, &Expected::Code(400, "ExpiredTokenException"));
    let ask = cluster.request(ACCOUNT, 600, &[]);
    let signed = [
        ("signed with a disabled key", &cluster.stage.disabled, "InvalidClientTokenId"),
        ("signed by an expired session", &cluster.stage.expired, "ExpiredToken"),
    ];
    for (class, who, code) in signed {
        let answer = cluster.stage.ask(&ask, Some(who)).await;
        report.compare((name, class), &ask, &answer, &Expected::Code(403, code));
    }
    cluster.set_key(&EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()).await;
    let invalid = Expected::Code(400, "InvalidIdentityToken");
    cluster.assume(report, "disabled key: the provider has another", &invalid).await;
    cluster.set_key(&cluster.key).await;
    cluster.assume(report, "the key is back", &Expected::Success).await;
}

async fn elsewhere(cluster: &Cluster, report: &mut Report) {
    let text = format!("No OpenIDConnect provider found in your account for https://{ISSUER}");
    let refused = Expected::Text(400, "InvalidIdentityToken", text);
    let ask = cluster.request(OTHER, 600, &[]);
    let answer = cluster.stage.ask(&ask, None).await;
    report.compare(("AssumeRoleWithWebIdentity", "other account, without"), &ask, &answer, &refused);
    let trust = document(&[good()]);
    let make = iam("CreateRole", &[("RoleName", ROLE), ("AssumeRolePolicyDocument", &trust)]);
    let made = cluster.stage.ask(&make, Some(&cluster.stage.other)).await;
    assert_eq!(made.status, 200, "{made:?}");
    let answer = cluster.stage.ask(&ask, None).await;
    report.compare(("AssumeRoleWithWebIdentity", "other account, with"), &ask, &answer, &refused);
}
