//! A user of the test account with its own policies, which signs requests and has a docker password.

use std::fmt::Write as _;
use std::sync::Arc;

use access::context::{Caller, CallerKind, Ctx};
use aws::ecr::GetAuthorizationTokenRequest;
use aws::iam::{CreateAccessKeyRequest, CreateUserRequest, PutUserPolicyRequest};
use aws::ids::{AccessKeyId, Region, SecretKey};
use aws::sigv4::{Credentials, Payload, Request, sign};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::client::Client;
use crate::node::Node;

pub(crate) struct Someone {
    pub(crate) name: String,
    pub(crate) password: String,
    caller: Arc<Caller>,
    key: AccessKeyId,
    secret: SecretKey,
}

impl Someone {
    /// A user with the permissions of the statements, and the permission to request a password.
    pub(crate) async fn new(node: &Node, name: &str, statements: Value) -> Self {
        let (ctx, identity) = (node.ctx(Timestamp::now()), &node.identity);
        let create = CreateUserRequest { user_name: name.to_owned(), ..CreateUserRequest::default() };
        let user = identity.create_user(&ctx, create).await.unwrap().user;
        let create = CreateAccessKeyRequest { user_name: Some(name.to_owned()) };
        let key = identity.create_access_key(&ctx, create).await.unwrap().access_key;
        let kind = CallerKind::User { path: "/".to_owned(), name: name.to_owned() };
        let id: AccessKeyId = key.access_key_id.parse().unwrap();
        let caller = Caller::with_key("123456789012".parse().unwrap(), user.user_id, kind, id.clone());
        let mut someone = Self {
            name: name.to_owned(),
            password: String::new(),
            caller: Arc::new(caller),
            key: id,
            secret: key.secret_access_key,
        };
        someone.may(node, "first", statements).await;
        let ask = json!([{"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}]);
        someone.may(node, "login", ask).await;
        let ctx = Ctx { caller: Arc::clone(&someone.caller), ..ctx };
        let input = GetAuthorizationTokenRequest::default();
        let region: Region = "us-east-1".parse().unwrap();
        let answer = node.registry.get_authorization_token(&ctx, &region, input).await.unwrap();
        someone.password = answer.authorization_data.into_iter().next().unwrap().authorization_token;
        someone
    }

    /// Gives the user a policy.
    pub(crate) async fn may(&self, node: &Node, policy: &str, statements: Value) {
        let document = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        let put = PutUserPolicyRequest {
            user_name: self.name.clone(),
            policy_name: policy.to_owned(),
            policy_document: document,
        };
        node.identity.put_user_policy(&node.ctx(Timestamp::now()), put).await.unwrap();
    }

    /// A client of the data plane.
    pub(crate) fn client(&self, node: &Node) -> Client {
        Client::new(node.address).authorization(Some(format!("Basic {}", self.password)))
    }

    /// The access key ID.
    pub(crate) fn key(&self) -> String {
        self.key.to_string()
    }

    /// The head of a signed POST to an AWS API. The body must still be sent.
    pub(crate) fn head(&self, node: &Node, service: &str, fixed: &[(&str, &str)], body: &[u8]) -> String {
        let host = node.address.to_string();
        let mut lines = vec![("host", host.as_bytes())];
        lines.extend(fixed.iter().map(|(name, value)| (*name, value.as_bytes())));
        let payload = Payload::of(body);
        let request = Request { method: "POST", path: "/", query: "", headers: &lines, payload };
        let credentials = Credentials { access_key_id: &self.key, secret: &self.secret, session_token: None };
        let region: Region = "us-east-1".parse().unwrap();
        let signed = sign(&request, credentials, &region, service, Timestamp::now()).unwrap();
        let mut head = format!("POST / HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in lines {
            let _ = write!(head, "{name}: {}\r\n", String::from_utf8_lossy(value));
        }
        for (name, value) in signed {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head + "\r\n"
    }

    /// The head of a signed call of ECR.
    pub(crate) fn ecr_head(&self, node: &Node, operation: &str, body: &[u8]) -> String {
        let target = format!("AmazonEC2ContainerRegistry_V20150921.{operation}");
        let fixed = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target.as_str())];
        self.head(node, "ecr", &fixed, body)
    }

    /// A connection on which only the head was sent.
    pub(crate) async fn open(node: &Node, head: &str) -> TcpStream {
        let mut stream = TcpStream::connect(node.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    }
}

/// Statements that allow everything.
pub(crate) fn everything() -> Value {
    json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}])
}
