//! Callers without credentials: they can pull from public repositories, and nothing else. Every route of the data plane
//! of a private registry, and every operation, refuses them; a public registry refuses them everything except a pull.
//! The password of one kind of registry does not open the other kind.

use http::{Method, header};
use serde_json::{Value, json};

use super::ecr::{CONFIG, manifest};
use super::report::Report;
use super::stage::Stage;
use super::table::{ACCOUNT, Expected, Row};
use super::wire::{Answer, Ask, data, data_with, ecr_public};
use crate::client::Client;
use crate::image::{MANIFEST, sha256};

impl Stage {
    /// The alias of the public registry.
    pub(super) async fn alias(&self) -> String {
        let answer = self.ask(&ecr_public("DescribeRegistries", &json!({})), Some(&self.admin)).await;
        let registries: Value = serde_json::from_str(&answer.body).unwrap();
        registries["registries"][0]["aliases"][0]["name"].as_str().unwrap().to_owned()
    }

    /// The value after `Basic` for public registries.
    pub(super) async fn public_password(&self) -> String {
        let answer = self.ask(&ecr_public("GetAuthorizationToken", &json!({})), Some(&self.admin)).await;
        let given: Value = serde_json::from_str(&answer.body).unwrap();
        given["authorizationData"]["authorizationToken"].as_str().unwrap().to_owned()
    }

    /// A bearer token for nobody.
    async fn anonymous_token(&self) -> String {
        let reply = Client::new(self.address()).get("/token/?service=public.ecr.aws").await.expect(200);
        reply.json()["token"].as_str().unwrap().to_owned()
    }

    /// Sends a request of the data plane to a host, with this Authorization header.
    async fn at_host(&self, ask: &Ask, host: &str, authorization: Option<String>) -> Answer {
        let Ask::Data { method, path, content_type, body } = ask else { panic!("{ask:?}") };
        let client = Client::new(self.address()).with("host", host).authorization(authorization);
        let client = client.with("content-type", content_type);
        let reply = client.send(method.clone(), path, body.clone()).await;
        let body = String::from_utf8_lossy(&reply.body).into_owned();
        let error = serde_json::from_str::<Value>(&body).unwrap_or_default();
        let text = |name: &str| error["errors"][0][name].as_str().unwrap_or_default().to_owned();
        Answer {
            status: reply.status.as_u16(),
            code: text("code"),
            message: text("message"),
            headers: reply.headers,
            body,
        }
    }
}

/// Every row, requested with a token for nobody.
pub(super) async fn refused_everywhere(stage: &Stage, rows: &[Row], report: &mut Report) {
    let token = format!("Bearer {}", stage.anonymous_token().await);
    let private = format!("{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com");
    for row in rows {
        match &row.ask {
            Ask::Data { .. } => {
                for host in [private.as_str(), "localhost:5100"] {
                    let answer = stage.at_host(&row.ask, host, Some(token.clone())).await;
                    let class = "token for nobody";
                    report.compare((&row.name, class), &row.ask, &answer, &Expected::Status(401));
                }
            }
            Ask::Json { target, body, .. } => {
                let client = Client::new(stage.address()).authorization(Some(token.clone()));
                let client = client.with("x-amz-target", target);
                let reply =
                    client.with("content-type", "application/x-amz-json-1.1").post("/", body.clone()).await;
                let answered = (!reply.status.is_client_error()).then(|| format!("{reply:?}"));
                report.note(&row.name, "token for nobody", "a refusal".to_owned(), answered);
            }
            Ask::Form { .. } => {}
        }
    }
}

fn of_public(method: &Method, path: &str) -> Ask {
    data(method.clone(), path)
}

/// The routes of a public repository, requested by nobody in each way of saying so.
pub(super) async fn only_pulls(stage: &Stage, report: &mut Report) {
    let (alias, token) = (stage.alias().await, stage.anonymous_token().await);
    let digest = sha256(CONFIG.as_bytes());
    let image = sha256(manifest("kept").as_bytes());
    let pulls = [
        "manifests/kept".to_owned(),
        format!("manifests/{image}"),
        format!("blobs/{digest}"),
        "tags/list".to_owned(),
        format!("referrers/{image}"),
    ];
    let ways = [
        ("public.ecr.aws", String::new(), Some(format!("Bearer {token}"))),
        ("localhost:5100", "public.ecr.aws/".to_owned(), None),
    ];
    for (host, prefix, authorization) in ways {
        let at = |rest: &str| format!("/v2/{prefix}{alias}/team/target/{rest}");
        for rest in &pulls {
            for method in [Method::GET, Method::HEAD] {
                let ask = of_public(&method, &at(rest));
                let answer = stage.at_host(&ask, host, authorization.clone()).await;
                report.compare((rest, host), &ask, &answer, &Expected::Status(200));
            }
        }
        let upload = format!("blobs/uploads/?digest={digest}");
        let writes = [
            data(Method::POST, &at("blobs/uploads/")),
            data_with(Method::POST, &at(&upload), "application/octet-stream", CONFIG),
            data_with(Method::PUT, &at("manifests/kept"), MANIFEST, &manifest("kept")),
            data(Method::DELETE, &at("manifests/kept")),
            data(Method::DELETE, &at(&format!("manifests/{image}"))),
            data(Method::DELETE, &at(&format!("blobs/{digest}"))),
            data(Method::PATCH, &at("blobs/uploads/an-id")),
            data(Method::PUT, &at(&format!("blobs/uploads/an-id?digest={digest}"))),
            data(Method::DELETE, &at("blobs/uploads/an-id")),
        ];
        let refusal =
            if authorization.is_some() { Expected::Code(403, "DENIED") } else { Expected::Status(401) };
        for ask in writes {
            let answer = stage.at_host(&ask, host, authorization.clone()).await;
            report.compare(("a write", host), &ask, &answer, &refusal);
        }
    }
    let ask = of_public(&Method::GET, &format!("/v2/{alias}/team/target/manifests/kept"));
    let answer = stage.at_host(&ask, "public.ecr.aws", None).await;
    report.compare(("manifests/kept", "no token at the public host"), &ask, &answer, &Expected::Status(401));
    let challenge = answer.headers[header::WWW_AUTHENTICATE].to_str().unwrap().to_owned();
    let expected = "Bearer realm=\"http://public.ecr.aws/token/\",service=\"public.ecr.aws\",scope=\"aws\"";
    report.note("challenge", "nobody", expected.to_owned(), (challenge != expected).then_some(challenge));
}

/// A password of one kind of registry at the other kind.
pub(super) async fn passwords_are_for_one_kind(stage: &Stage, rows: &[Row], report: &mut Report) {
    let alias = stage.alias().await;
    let public = format!("Basic {}", stage.public_password().await);
    let private = format!("Basic {}", stage.admin.password);
    let host = format!("{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com");
    for row in rows {
        let ask = stage.begun(&row.ask, &stage.admin).await;
        let answer = stage.at_host(&ask, &host, Some(public.clone())).await;
        report.compare((&row.name, "password of public registries"), &ask, &answer, &Expected::Status(401));
    }
    let start = data(Method::POST, &format!("/v2/{alias}/team/target/blobs/uploads/"));
    let answer = stage.at_host(&start, "public.ecr.aws", Some(private.clone())).await;
    report.compare(("a push", "password of private registries"), &start, &answer, &Expected::Status(401));
    let answer = stage.at_host(&start, "public.ecr.aws", Some(public)).await;
    report.compare(("a push", "password of public registries"), &start, &answer, &Expected::Status(202));
    let token = data(Method::GET, "/token/");
    let answer = stage.at_host(&token, "public.ecr.aws", Some(private)).await;
    report.compare(("a token", "password of private registries"), &token, &answer, &Expected::Status(401));
}
