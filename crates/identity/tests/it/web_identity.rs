//! AssumeRoleWithWebIdentity: which tokens can assume which role.

use access::context::{Peer, Unsigned};
use access::decisions::Decided;
use access::error::{AwsCode, Code, Result};
use access::op::{Op, StsOp};
use aws::iam::{
    CreateOpenIDConnectProviderRequest, CreateRoleRequest, GetOpenIDConnectProviderRequest,
    ListOpenIDConnectProvidersRequest, OpenIDConnectProviderListEntry, UpdateAssumeRolePolicyRequest,
    WharfPutOpenIDConnectProviderKeysRequest,
};
use aws::sts::{AssumeRoleWithWebIdentityRequest, AssumeRoleWithWebIdentityResponse};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::world::{ACCOUNT, World, code, ctx};

const ISSUER: &str = "oidc.example.org/cluster";
const SERVICE_ACCOUNT: &str = "system:serviceaccount:flux-system:source-controller";

struct Cluster {
    world: World,
    key: EcdsaKeyPair,
    issuer: String,
}

impl Cluster {
    /// An account with an issuer with an uploaded key, and the role `puller`, which trusts one service account.
    async fn new() -> Self {
        let cluster = Self::of(ISSUER).await;
        let only = json!({"StringEquals": {
            format!("{ISSUER}:sub"): SERVICE_ACCOUNT, format!("{ISSUER}:aud"): "sts.amazonaws.com",
        }});
        cluster.role("puller", "sts:AssumeRoleWithWebIdentity", &only).await;
        cluster
    }

    /// An account with an issuer with an uploaded key.
    async fn of(issuer: &str) -> Self {
        let world = World::new().await;
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let provider = CreateOpenIDConnectProviderRequest {
            url: format!("https://{issuer}"),
            client_id_list: vec!["sts.amazonaws.com".to_owned()],
            ..CreateOpenIDConnectProviderRequest::default()
        };
        let arn = world
            .rules
            .identity
            .create_open_id_connect_provider(&ctx(&world.admin), provider)
            .await
            .unwrap()
            .open_id_connect_provider_arn;
        let (x, y) = key.public_key().as_ref()[1..].split_at(32);
        let jwk = json!({"kty": "EC", "crv": "P-256", "kid": "k1", "x": coded(x), "y": coded(y)});
        let keys = WharfPutOpenIDConnectProviderKeysRequest {
            open_id_connect_provider_arn: arn,
            key_set: Some(json!({"keys": [jwk]}).to_string()),
            certificate_authority: None,
        };
        world.rules.identity.wharf_put_open_id_connect_provider_keys(&ctx(&world.admin), keys).await.unwrap();
        Self { world, key, issuer: issuer.to_owned() }
    }

    async fn role(&self, name: &str, action: &str, condition: &Value) {
        let statement = json!({
            "Effect": "Allow",
            "Principal": {"Federated": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{}", self.issuer)},
            "Action": action,
            "Condition": condition,
        });
        let create = CreateRoleRequest {
            role_name: name.to_owned(),
            assume_role_policy_document: json!({"Version": "2012-10-17", "Statement": [statement]})
                .to_string(),
            ..CreateRoleRequest::default()
        };
        self.world.rules.identity.create_role(&ctx(&self.world.admin), create).await.unwrap();
    }

    fn token(&self, claims: &Value) -> String {
        let header = json!({"alg": "ES256", "kid": "k1", "typ": "JWT"});
        let signed = format!("{}.{}", coded(header.to_string()), coded(claims.to_string()));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", coded(signature))
    }

    async fn assume(&self, role_arn: &str, token: String) -> Result<AssumeRoleWithWebIdentityResponse> {
        self.assume_in(&request(), role_arn, token).await
    }

    async fn assume_in(
        &self,
        request: &Unsigned,
        role_arn: &str,
        token: String,
    ) -> Result<AssumeRoleWithWebIdentityResponse> {
        let input = AssumeRoleWithWebIdentityRequest {
            role_arn: role_arn.to_owned(),
            role_session_name: "pod".to_owned(),
            web_identity_token: token,
            ..AssumeRoleWithWebIdentityRequest::default()
        };
        self.world.rules.identity.assume_role_with_web_identity(request, input).await
    }

    async fn refusal(&self, role: &str, token: String) -> (Code, String) {
        let refused = self.assume(&role_arn(role), token).await.err().expect("it was not refused");
        (refused.code, refused.message.into_owned())
    }
}

fn coded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn request() -> Unsigned {
    let peer = Peer { address: [127, 0, 0, 1].into(), tls: true };
    Unsigned::new(peer, None, "test".to_owned(), Timestamp::now())
}

fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}

/// The claims of a pod's token, with some of them changed.
fn claims(changes: &Value) -> Value {
    let now = Timestamp::now().as_second();
    let mut claims = json!({
        "iss": format!("https://{ISSUER}"), "sub": SERVICE_ACCOUNT, "aud": ["sts.amazonaws.com"],
        "iat": now, "nbf": now, "exp": now + 600, "namespace": "flux-system",
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

const DENIED: &str = "Not authorized to perform sts:AssumeRoleWithWebIdentity";

#[tokio::test]
async fn a_pods_token_can_assume_the_role_that_trusts_it() {
    let cluster = Cluster::new().await;
    let opened = cluster.assume(&role_arn("puller"), cluster.token(&claims(&json!({})))).await.unwrap();
    assert_eq!(opened.assumed_role_user.arn, format!("arn:aws:sts::{ACCOUNT}:assumed-role/puller/pod"));
    assert_eq!(opened.subject_from_web_identity_token.as_deref(), Some(SERVICE_ACCOUNT));
    assert_eq!(opened.audience.as_deref(), Some("sts.amazonaws.com"));
    assert_eq!(opened.provider, Some(format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}")));
    assert!(opened.credentials.access_key_id.starts_with("ASIA"));
    let lives = opened.credentials.expiration.0.duration_since(Timestamp::now()).as_secs();
    assert!((3_500..=3_600).contains(&lives), "the role's usual hour, not the token's time: {lives}");
}

#[tokio::test]
async fn a_role_can_test_the_claims_of_the_token() {
    let cluster = Cluster::new().await;
    let other = cluster.token(&claims(&json!({"sub": "system:serviceaccount:default:default"})));
    assert_eq!(cluster.refusal("puller", other).await, (Code::AccessDenied, DENIED.to_owned()));
    let good = || cluster.token(&claims(&json!({})));
    assert_eq!(cluster.refusal("nowhere", good()).await, (Code::AccessDenied, DENIED.to_owned()));
    let namespace = |name: &str| json!({"StringEquals": {format!("{ISSUER}:namespace"): name}});
    cluster.role("here", "sts:AssumeRoleWithWebIdentity", &namespace("flux-system")).await;
    cluster.role("there", "sts:AssumeRoleWithWebIdentity", &namespace("default")).await;
    cluster.role("signed", "sts:AssumeRole", &json!({})).await;
    assert!(cluster.assume(&role_arn("here"), good()).await.is_ok());
    for role in ["there", "signed"] {
        assert_eq!(cluster.refusal(role, good()).await, (Code::AccessDenied, DENIED.to_owned()), "{role}");
    }
}

#[tokio::test]
async fn an_invalid_token_is_refused() {
    let cluster = Cluster::new().await;
    let now = Timestamp::now().as_second();
    let audience = cluster.token(&claims(&json!({"aud": "somebody-else"})));
    assert_eq!(
        cluster.refusal("puller", audience).await,
        (Code::Aws(AwsCode::InvalidIdentityToken), "Incorrect token audience".to_owned())
    );
    let old = cluster.token(&claims(&json!({"iat": now - 900, "nbf": now - 900, "exp": now - 1})));
    assert_eq!(cluster.refusal("puller", old).await.0, Code::Aws(AwsCode::ExpiredIdentityToken));
    let early = cluster.token(&claims(&json!({"nbf": now + 600})));
    assert_eq!(cluster.refusal("puller", early).await.0, Code::Aws(AwsCode::IdpRejectedClaim));
    let stranger = cluster.token(&claims(&json!({"iss": "https://elsewhere.example.org"})));
    assert_eq!(
        cluster.refusal("puller", stranger).await,
        (
            Code::Aws(AwsCode::InvalidIdentityToken),
            "No OpenIDConnect provider found in your account for https://elsewhere.example.org".to_owned()
        )
    );
    let forger = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let mut parts = cluster.token(&claims(&json!({}))).split('.').map(str::to_owned).collect::<Vec<_>>();
    let signed = parts[..2].join(".");
    parts[2] = coded(forger.sign(&SystemRandom::new(), signed.as_bytes()).unwrap());
    assert_eq!(cluster.refusal("puller", parts.join(".")).await.0, Code::Aws(AwsCode::InvalidIdentityToken));
    assert_eq!(
        cluster.refusal("puller", "not.a.token".to_owned()).await.0,
        Code::Aws(AwsCode::InvalidIdentityToken)
    );
}

#[tokio::test]
async fn an_account_accepts_only_tokens_of_its_own_providers() {
    let cluster = Cluster::new().await;
    let elsewhere = "arn:aws:iam::210987654321:role/puller";
    let refused = cluster.assume(elsewhere, cluster.token(&claims(&json!({})))).await;
    assert_eq!(code(refused), Code::Aws(AwsCode::InvalidIdentityToken));
    let refused = cluster.assume("not:an:arn:at:all:whatsoever", cluster.token(&claims(&json!({})))).await;
    assert_eq!(code(refused), Code::Aws(AwsCode::ValidationError));
}

/// IAM User Guide, "Identity-provider controls for shared OIDC providers".
#[tokio::test]
async fn a_shared_provider_needs_a_test_of_its_tenants_claim() {
    let world = World::new().await;
    let document = |issuer: &str, condition: &Value| {
        let statement = json!({
            "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition,
            "Principal": {"Federated": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}")},
        });
        json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
    };
    let role = |name: String, assume_role_policy_document: String| {
        let world = &world;
        async move {
            let create = CreateRoleRequest {
                role_name: name,
                assume_role_policy_document,
                ..CreateRoleRequest::default()
            };
            world.rules.identity.create_role(&ctx(&world.admin), create).await
        }
    };
    let (github, key) = ("token.actions.githubusercontent.com", "token.actions.githubusercontent.com:sub");
    let mine = "repo:mine/app:*";
    for (index, (issuer, condition)) in [
        (github, json!({"StringLike": {key: mine}})),
        (github, json!({"StringEquals": {key: [mine, "repo:mine/other:ref:refs/heads/main"]}})),
        (github, json!({"ForAllValues:StringLike": {"Token.Actions.GitHubUserContent.com:sub": mine}})),
        ("oidc.vercel.com", json!({"StringEquals": {"oidc.vercel.com:aud": "https://vercel.com/mine"}})),
        ("oidc.vercel.com/mine", json!({"StringEquals": {"oidc.vercel.com/mine:aud": "x"}})),
        ("oidc.example.org/cluster", json!({})),
    ]
    .into_iter()
    .enumerate()
    {
        let made = role(format!("good-{index}"), document(issuer, &condition)).await;
        assert!(made.is_ok(), "{issuer} {condition}: {:?}", made.err().map(|error| error.message));
    }
    for (issuer, condition) in [
        (github, json!({})),
        (github, json!({"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}})),
        (github, json!({"StringLike": {key: "*"}})),
        (github, json!({"StringLike": {key: ["repo:mine/*", "?*"]}})),
        (github, json!({"StringLike": {key: []}})),
        (github, json!({"StringNotLike": {key: "repo:theirs/*"}})),
        (github, json!({"Null": {key: "false"}})),
        ("gitlab.com", json!({"StringEquals": {"gitlab.com:aud": "https://gitlab.com"}})),
        ("oidc.vercel.com", json!({"StringEquals": {"oidc.vercel.com:sub": "owner:mine"}})),
    ] {
        let made = role("bad".to_owned(), document(issuer, &condition)).await;
        let refused = made.map(|_| ()).unwrap_err();
        assert_eq!(refused.code, Code::Aws(AwsCode::MalformedPolicyDocument), "{issuer} {condition}");
        let claim = if issuer == "oidc.vercel.com" { "aud" } else { "sub" };
        assert!(refused.message.contains(&format!("{issuer}:{claim}")), "{}", refused.message);
    }
    let update = UpdateAssumeRolePolicyRequest {
        role_name: "good-0".to_owned(),
        policy_document: document(github, &json!({})),
    };
    let updated = world.rules.identity.update_assume_role_policy(&ctx(&world.admin), update).await;
    assert_eq!(code(updated), Code::Aws(AwsCode::MalformedPolicyDocument));
}

#[tokio::test]
async fn the_slash_at_the_end_of_an_issuer_is_part_of_its_name() {
    let tenant = Cluster::of("t.auth0.com/").await;
    let listed = tenant
        .world
        .rules
        .identity
        .list_open_id_connect_providers(&ctx(&tenant.world.admin), ListOpenIDConnectProvidersRequest {})
        .await
        .unwrap()
        .open_id_connect_provider_list;
    let arn = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/t.auth0.com/");
    assert_eq!(listed, [OpenIDConnectProviderListEntry { arn: arn.clone(), ..Default::default() }]);
    let get = GetOpenIDConnectProviderRequest { open_id_connect_provider_arn: arn.clone() };
    let shown =
        tenant.world.rules.identity.get_open_id_connect_provider(&ctx(&tenant.world.admin), get).await;
    assert_eq!(shown.unwrap().url, "t.auth0.com/");
    let only = json!({"StringEquals": {"t.auth0.com/:aud": "sts.amazonaws.com"}});
    tenant.role("puller", "sts:AssumeRoleWithWebIdentity", &only).await;
    // The issuer in the token may have the slash or not: the provider and its condition keys are the same.
    for iss in ["https://t.auth0.com/", "https://t.auth0.com"] {
        let token = tenant.token(&claims(&json!({ "iss": iss })));
        let opened = tenant.assume(&role_arn("puller"), token).await.unwrap();
        assert_eq!(opened.provider, Some(arn.clone()), "{iss}");
    }
    let cluster = Cluster::new().await;
    let token = cluster.token(&claims(&json!({"iss": format!("https://{ISSUER}/")})));
    assert!(cluster.assume(&role_arn("puller"), token).await.is_ok());
}

#[tokio::test]
async fn the_decision_is_recorded_in_the_request() {
    let cluster = Cluster::new().await;
    for (claim, allowed) in [(json!({}), true), (json!({"sub": "somebody"}), false)] {
        let request = request();
        let token = cluster.token(&claims(&claim));
        let outcome = cluster.assume_in(&request, &role_arn("puller"), token).await;
        assert_eq!(outcome.is_ok(), allowed);
        let op = Op::Sts(StsOp::AssumeRoleWithWebIdentity);
        assert_eq!(request.decisions.take(), [Decided { op, resource: role_arn("puller"), allowed }]);
    }
}
