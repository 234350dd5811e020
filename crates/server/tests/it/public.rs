//! Public registries on the data plane: tokens, pushes and pulls in the order of docker's requests, and what they share
//! with private registries.

use std::sync::Arc;

use access::answers::Answers as _;
use access::context::{Caller, Ctx, RepositoryRef};
use access::error::Code;
use aws::ecr_public::{
    CreateRepositoryRequest, DescribeRegistriesRequest, GetAuthorizationTokenRequest,
    PutRepositoryCatalogDataRequest, RepositoryCatalogDataInput,
};
use aws::ids::Region;
use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::client::{Client, Reply};
use crate::image::{MANIFEST, sha256};
use crate::node::Node;

const HOST: &str = "public.ecr.aws";
const NAME: &str = "tools/app";

/// A node whose account has the public repository [`NAME`].
struct Public {
    node: Node,
    alias: String,
}

fn api() -> Region {
    "us-east-1".parse().unwrap()
}

impl Public {
    async fn start() -> Self {
        Self::on(Node::start().await).await
    }

    async fn on(node: Node) -> Self {
        let ctx = node.ctx(Timestamp::now());
        let create = CreateRepositoryRequest {
            repository_name: NAME.to_owned(),
            ..CreateRepositoryRequest::default()
        };
        let created = node.registry.answer(&ctx, &api(), create).await.unwrap().repository.unwrap();
        assert_eq!(
            created.repository_arn.unwrap(),
            format!("arn:aws:ecr-public::123456789012:repository/{NAME}")
        );
        let described = node
            .registry
            .answer(&ctx, &api(), DescribeRegistriesRequest::default())
            .await
            .unwrap()
            .registries;
        let alias = described[0].aliases[0].name.clone();
        let port = node.address.port();
        assert_eq!(created.repository_uri.unwrap(), format!("localhost:{port}/{HOST}/{alias}/{NAME}"));
        Self { node, alias }
    }

    /// The value after `Basic` of a password that was requested at a time.
    async fn password_of(&self, at: Timestamp) -> String {
        let ask = GetAuthorizationTokenRequest {};
        let answer = self.node.registry.answer(&self.node.ctx(at), &api(), ask).await.unwrap();
        answer.authorization_data.unwrap().authorization_token.unwrap()
    }

    fn client(&self, authorization: Option<String>) -> Client {
        Client::new(self.node.address).with("host", HOST).authorization(authorization)
    }

    /// What `GET /token/` answers to these credentials.
    async fn token(&self, authorization: Option<String>) -> Reply {
        self.client(authorization).get("/token/?service=public.ecr.aws&scope=repository:x:pull").await
    }

    /// A client with a bearer token for these credentials.
    async fn bearer(&self, authorization: Option<String>) -> Client {
        let token = self.token(authorization).await.expect(200).json();
        self.client(Some(format!("Bearer {}", token["token"].as_str().unwrap())))
    }

    async fn pusher(&self) -> Client {
        self.bearer(Some(format!("Basic {}", self.password_of(Timestamp::now()).await))).await
    }

    fn at(&self, rest: &str) -> String {
        format!("/v2/{}/{NAME}/{rest}", self.alias)
    }

    /// Pushes an image with a tag, and returns its manifest.
    async fn push(&self, tag: &str) -> String {
        let client = self.pusher().await;
        let config = sha256(tag.as_bytes());
        let started = client.post(&self.at("blobs/uploads/"), "").await.expect(202);
        let location = started.header("location").to_owned();
        assert!(location.starts_with(&self.at("blobs/uploads/")), "{location}");
        client.patch(&location, tag.to_owned()).await.expect(202);
        client.put(&format!("{location}?digest={config}"), "").await.expect(201);
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": tag.len()},
            "layers": [],
        });
        let client = client.with("content-type", MANIFEST);
        client.put(&self.at(&format!("manifests/{tag}")), manifest.to_string()).await.expect(201);
        manifest.to_string()
    }
}

#[tokio::test]
async fn everyone_can_pull_what_the_owner_pushed() {
    let public = Public::start().await;
    let manifest = public.push("v1").await;
    let config = sha256(b"v1");
    let nobody = public.bearer(None).await;
    nobody.get("/v2/").await.expect(200);
    assert_eq!(nobody.get(&public.at("manifests/v1")).await.expect(200).body, manifest);
    let blob = nobody.get(&public.at(&format!("blobs/{config}"))).await.expect(200);
    assert_eq!(blob.body, "v1");
    assert_eq!(blob.header("cache-control"), "public, max-age=31536000, immutable");
    let tags = nobody.get(&public.at("tags/list")).await.expect(200).json();
    assert_eq!(tags, json!({"name": format!("{}/{NAME}", public.alias), "tags": ["v1"]}));

    // At a host that names no registry, by the path, and without a token.
    let anyone = Client::new(public.node.address);
    let path = format!("/v2/{HOST}/{}/{NAME}", public.alias);
    assert_eq!(anyone.get(&format!("{path}/manifests/v1")).await.expect(200).body, manifest);
    let tags = anyone.get(&format!("{path}/tags/list")).await.expect(200).json();
    assert_eq!(tags["name"], format!("{HOST}/{}/{NAME}", public.alias));
    // Some clients send empty credentials, and docker sends what it stored for the host.
    let empty = anyone.clone().authorization(Some("Basic Og==".to_owned()));
    empty.get(&format!("{path}/manifests/v1")).await.expect(200);
    public.node.client().get(&format!("{path}/manifests/v1")).await.expect(200);
    public.node.client().post(&format!("{path}/blobs/uploads/"), "").await.expect(401);
}

#[tokio::test]
async fn private_and_public_repositories_are_not_the_same() {
    let public = Public::start().await;
    public.push("v1").await;
    public.node.create(NAME, None).await;
    let private = public.node.client();
    let tags = private.get(&format!("/v2/{NAME}/tags/list")).await.expect(200).json();
    assert_eq!(tags["tags"], json!([]));
    let catalog = private.get("/v2/_catalog").await.expect(200).json();
    assert_eq!(catalog["repositories"], json!(["team/app", NAME]));
    private.get(&format!("/v2/{NAME}/blobs/{}", sha256(b"v1"))).await.refused(404, "BLOB_UNKNOWN");
    // A mount reads only repositories of its own kind of registry.
    let mount = |from: &str| format!("/v2/{NAME}/blobs/uploads/?mount={}&from={from}", sha256(b"v1"));
    private.post(&mount(&format!("{HOST}/{}/{NAME}", public.alias)), "").await.expect(202);
    private.post(&mount(NAME), "").await.expect(202);
    // The catalog of public registries is not listed.
    public.pusher().await.get("/v2/_catalog").await.expect(404);
    public.bearer(None).await.get(&format!("/v2/{}/_catalog", public.alias)).await.expect(404);
    public.bearer(None).await.get("/v2/zzzzzzzz/app/manifests/v1").await.refused(404, "NAME_UNKNOWN");
}

#[tokio::test]
async fn layers_are_mounted_between_public_repositories() {
    let public = Public::start().await;
    public.push("v1").await;
    let ctx = public.node.ctx(Timestamp::now());
    let create =
        CreateRepositoryRequest { repository_name: "other".to_owned(), ..CreateRepositoryRequest::default() };
    public.node.registry.answer(&ctx, &api(), create).await.unwrap();
    let (alias, layer) = (&public.alias, sha256(b"v1"));
    let mount = format!("/v2/{alias}/other/blobs/uploads/?mount={layer}&from={alias}/{NAME}");
    let mounted = public.pusher().await.post(&mount, "").await.expect(201);
    assert_eq!(mounted.header("location"), format!("/v2/{alias}/other/blobs/{layer}"));
}

#[tokio::test]
async fn a_password_logs_in_where_public_registries_are() {
    let public = Public::start().await;
    let basic = format!("Basic {}", public.password_of(Timestamp::now()).await);
    let password = Some(basic.clone());
    // `docker login` at the host of public registries, with a bearer token.
    let challenge = public.client(password.clone()).get("/v2/").await;
    assert_eq!(challenge.status, 200, "{challenge:?}");
    let asked = public.client(None).get("/v2/").await.expect(401);
    assert!(
        asked.header("www-authenticate").starts_with("Bearer realm=\"http://public.ecr.aws/token/\""),
        "{asked:?}"
    );
    public.bearer(password.clone()).await.get("/v2/").await.expect(200);
    // At the host of everything, by Basic; there it opens no private repository.
    let local = Client::new(public.node.address).authorization(password.clone());
    local.get("/v2/").await.expect(200);
    local.get("/v2/team/app/tags/list").await.refused(401, "DENIED");
    local.get("/v2/123456789012/team/app/tags/list").await.refused(401, "DENIED");
    local.post(&format!("/v2/{HOST}/{}/{NAME}/blobs/uploads/", public.alias), "").await.expect(202);
    // The password is not a bearer token, and a bearer token is not a password.
    let token = public.token(password.clone()).await.expect(200).json();
    assert_eq!((token["expires_in"].as_i64(), &token["access_token"]), (Some(3_600), &token["token"]));
    let decoded = decoded(&basic);
    public.client(Some(format!("Bearer {decoded}"))).get("/v2/").await.refused(401, "DENIED");
    let as_password = encoded(token["token"].as_str().unwrap());
    public.client(Some(as_password)).get("/v2/").await.refused(401, "DENIED");
}

/// The password in a Basic header.
fn decoded(header: &str) -> String {
    use base64::Engine as _;
    let text =
        base64::engine::general_purpose::STANDARD.decode(header.strip_prefix("Basic ").unwrap()).unwrap();
    String::from_utf8(text).unwrap().split_once(':').unwrap().1.to_owned()
}

fn encoded(password: &str) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("AWS:{password}")))
}

#[tokio::test]
async fn a_bearer_token_does_not_outlive_its_password() {
    let public = Public::start().await;
    let almost = Timestamp::now() - SignedDuration::from_hours(12) + SignedDuration::from_mins(5);
    let token =
        public.token(Some(format!("Basic {}", public.password_of(almost).await))).await.expect(200).json();
    assert!((290..=300).contains(&token["expires_in"].as_i64().unwrap()), "{token}");
    let over = Timestamp::now() - SignedDuration::from_hours(13);
    public.token(Some(format!("Basic {}", public.password_of(over).await))).await.refused(401, "DENIED");
    let nobody: Value = public.token(None).await.expect(200).json();
    assert_eq!(nobody["expires_in"], 900);
    public.client(None).send(Method::POST, "/token/", "grant_type=password").await.expect(405);
}

#[tokio::test]
async fn requests_without_credentials_have_a_rate() {
    let public =
        Public::on(Node::start_with(|options| options.limits.anonymous_requests_per_second = 1).await).await;
    public.push("v1").await;
    let nobody = public.bearer(None).await;
    let mut refused = None;
    for _ in 0..30 {
        let reply = nobody.get(&public.at("manifests/v1")).await;
        if reply.status != 200 {
            refused = Some(reply);
            break;
        }
    }
    let refused = refused.unwrap();
    refused.refused(429, "TOOMANYREQUESTS");
    assert_eq!(refused.header("retry-after"), "1");
    // Callers that log in have no such rate.
    let pusher = public.pusher().await;
    for _ in 0..20 {
        pusher.get(&public.at("manifests/v1")).await.expect(200);
    }
}

#[tokio::test]
async fn a_logo_is_shown_as_an_image_or_as_bytes() {
    let public = Public::start().await;
    let put = |logo: &[u8]| PutRepositoryCatalogDataRequest {
        repository_name: NAME.to_owned(),
        catalog_data: RepositoryCatalogDataInput {
            logo_image_blob: logo.to_vec(),
            ..RepositoryCatalogDataInput::default()
        },
        ..PutRepositoryCatalogDataRequest::default()
    };
    let client = Client::new(public.node.address);
    let path = format!("/wharf/logos/{}/{NAME}", public.alias);
    client.get(&path).await.expect(404);
    for (logo, kind) in [
        (&b"\x89PNG\r\n\x1a\n..."[..], "image/png"),
        (b"<script>alert(1)</script>", "application/octet-stream"),
    ] {
        let ctx = public.node.ctx(Timestamp::now());
        let data = public.node.registry.answer(&ctx, &api(), put(logo)).await.unwrap().catalog_data.unwrap();
        let url = data.logo_url.unwrap();
        let port = public.node.address.port();
        let path = url.strip_prefix(&format!("http://localhost:{port}")).unwrap();
        let reply = client.get(path).await.expect(200);
        assert_eq!((&reply.body[..], reply.header("content-type")), (logo, kind));
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
    }
}

/// Whatever the data plane does with credentials: nobody gets past the gate of a private registry.
#[tokio::test]
async fn the_gate_of_a_private_registry_refuses_nobody() {
    let public = Public::start().await;
    public.push("v1").await;
    let caller = Caller { token_region: None, ..Caller::anonymous().unwrap() };
    let ctx = Ctx { caller: Arc::new(caller), ..public.node.ctx(Timestamp::now()) };
    let (account_id, name) = ("123456789012".parse().unwrap(), "team/app".parse().unwrap());
    let private = RepositoryRef { account_id, region: api(), name };
    let refused = public.node.registry.list_tags(&ctx, &private, None, None).await;
    assert_eq!(refused.unwrap_err().code, Code::InvalidToken);
    let open = RepositoryRef { region: Region::public(), name: NAME.parse().unwrap(), ..private };
    let tags = public.node.registry.list_tags(&ctx, &open, None, None).await.unwrap();
    assert_eq!(tags.names, ["v1"]);
}

#[tokio::test]
async fn the_api_is_served_in_one_region() {
    let public = Public::start().await;
    let ctx = public.node.ctx(Timestamp::now());
    let region = "eu-west-1".parse().unwrap();
    let refused = public.node.registry.answer(&ctx, &region, DescribeRegistriesRequest::default()).await;
    assert_eq!(refused.unwrap_err().code, Code::UnsupportedCommand);
}
