//! The deployment under attack: one server with users of every kind, and an image that honest clients pull.

use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};

use super::client::{Answer, Client, Route};
use super::content::{self, Image};
use super::server::Server;
use super::sign::{self, IAM, Key, Service};

/// The repository of honest clients.
pub(super) const HONEST: &str = "honest/app";
/// The repository of the attacker, with all permissions in it.
pub(super) const ABUSED: &str = "abuse/app";

/// A user with its credentials.
#[derive(Clone)]
pub(super) struct User {
    pub(super) key: Key,
    /// The value of a Basic header.
    pub(super) basic: String,
}

/// A server with its content.
pub(super) struct Site {
    pub(super) server: Server,
    /// The value of `Host`.
    pub(super) host: String,
    /// The address of the attackers.
    attackers: Ipv4Addr,
    pub(super) administrator: Key,
    /// Works in the honest repository.
    pub(super) honest: User,
    /// Also works there, as another principal.
    pub(super) uploader: User,
    /// An attacker that may write in its own repository.
    pub(super) writer: User,
    /// An attacker that may request a password, and nothing else.
    pub(super) powerless: User,
    /// The image that honest clients pull.
    pub(super) image: Image,
}

impl Site {
    /// Creates users, repositories and an image on a fresh server.
    pub(super) async fn set_up(server: Server, attackers: Ipv4Addr) -> Result<Self> {
        let host = format!("127.0.0.1:{}", server.address.port());
        let administrator = server.administrator()?;
        let route = Route { from: Ipv4Addr::LOCALHOST, to: server.address };
        let mut founder = Founder { client: Client::new(route), host: host.clone(), administrator };
        for name in [HONEST, ABUSED] {
            let body = json!({"repositoryName": name}).to_string().into();
            let key = founder.administrator.clone();
            founder.ask(key.json(&host, Service::Ecr, "CreateRepository", body)?).await?;
        }
        let honest = founder.user("honest", Some("honest/*")).await?;
        let uploader = founder.user("uploader", Some("honest/*")).await?;
        let writer = founder.user("writer", Some("abuse/*")).await?;
        let powerless = founder.user("powerless", None).await?;
        let image = content::push_image(&mut founder.client, &host, &honest.basic, HONEST).await?;
        let Founder { administrator, .. } = founder;
        Ok(Self { server, host, attackers, administrator, honest, uploader, writer, powerless, image })
    }

    /// The address for honest clients.
    pub(super) fn honest_route(&self) -> Route {
        Route { from: Ipv4Addr::LOCALHOST, to: self.server.address }
    }

    /// The address for attackers.
    pub(super) fn attack_route(&self) -> Route {
        Route { from: self.attackers, to: self.server.address }
    }

    /// A client of an attacker.
    pub(super) fn attacker(&self) -> Client {
        Client::new(self.attack_route())
    }

    /// A signed call of ECR with `key`, from the attackers' address.
    pub(super) async fn ecr(&self, key: &Key, operation: &str, body: &Value) -> Result<Answer> {
        let body = body.to_string().into();
        self.attacker().ask(key.json(&self.host, Service::Ecr, operation, body)?).await
    }

    /// A signed call of IAM by the administrator.
    pub(super) async fn iam(&self, parameters: &[(&str, &str)]) -> Result<Answer> {
        let parameters = [parameters, &[("Version", IAM)]].concat();
        Client::new(self.honest_route()).ask(self.administrator.query(&self.host, &parameters)?).await
    }

    /// A request of `/v2/` with the password of `user`.
    pub(super) fn data(&self, user: &User, method: Method, path: &str) -> Result<Request<Bytes>> {
        sign::plain(&self.host, method, path, Some(&user.basic), None, Bytes::new())
    }
}

/// Creates the content of the deployment, as its administrator.
struct Founder {
    client: Client,
    host: String,
    administrator: Key,
}

impl Founder {
    async fn ask(&mut self, request: Request<Bytes>) -> Result<Answer> {
        self.client.ask(request).await?.expect(200)
    }

    async fn iam(&mut self, parameters: &[(&str, &str)]) -> Result<String> {
        let parameters = [parameters, &[("Version", IAM)]].concat();
        let answer = self.ask(self.administrator.query(&self.host, &parameters)?).await?;
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }

    /// A user that may request a password, and has all permissions in the repositories that match a pattern.
    async fn user(&mut self, name: &str, repositories: Option<&str>) -> Result<User> {
        let mut statements =
            vec![json!({"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"})];
        statements.extend(repositories.map(|pattern| {
            json!({"Effect": "Allow", "Action": "ecr:*", "Resource": format!("arn:aws:ecr:*:*:repository/{pattern}")})
        }));
        let policy = json!({"Version": "2012-10-17", "Statement": statements});
        self.iam(&[("Action", "CreateUser"), ("UserName", name)]).await?;
        let policy = policy.to_string();
        let put = [
            ("Action", "PutUserPolicy"),
            ("UserName", name),
            ("PolicyName", "own"),
            ("PolicyDocument", &policy),
        ];
        self.iam(&put).await?;
        let made = self.iam(&[("Action", "CreateAccessKey"), ("UserName", name)]).await?;
        let key = Key { id: element(&made, "AccessKeyId")?, secret: element(&made, "SecretAccessKey")? };
        let request =
            key.json(&self.host, Service::Ecr, "GetAuthorizationToken", Bytes::from_static(b"{}"))?;
        let answer: Value = serde_json::from_slice(&self.ask(request).await?.body)?;
        let basic = answer.pointer("/authorizationData/0/authorizationToken").and_then(Value::as_str);
        Ok(User { key, basic: basic.context("no token in the answer")?.to_owned() })
    }
}

/// The text of an XML element without nested elements.
pub(super) fn element(xml: &str, name: &str) -> Result<String> {
    let text = xml.split_once(&format!("<{name}>")).and_then(|(_, rest)| rest.split('<').next());
    text.map(str::to_owned).with_context(|| format!("no {name} in the answer"))
}
