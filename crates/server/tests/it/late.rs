//! A permission that ends while the body of a request arrives: the effect does not happen.

use std::time::Duration;

use aws::iam::DeleteAccessKeyRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::client::rest;
use crate::image::{MANIFEST, at, sha256};
use crate::node::Node;
use crate::someone::{Someone, everything};

/// The layer of CompleteLayerUpload: a digest of its own, because an existing layer is not completed again.
const LAYER: &[u8] = b"layer in parts";

/// A started request: a connection on which half of the body was sent, and the other half.
struct Begun {
    name: &'static str,
    stream: TcpStream,
    rest: Vec<u8>,
}

impl Begun {
    async fn new(name: &'static str, mut stream: TcpStream, body: &[u8]) -> Self {
        let (first, rest) = body.split_at(body.len() / 2);
        stream.write_all(first).await.unwrap();
        Self { name, stream, rest: rest.to_vec() }
    }

    async fn end(mut self) -> (&'static str, String) {
        self.stream.write_all(&self.rest).await.unwrap();
        (self.name, rest(self.stream).await)
    }
}

fn session(reply: &crate::client::Reply) -> String {
    reply.header("location").to_owned()
}

/// One request of every kind that has an effect and a body, each half sent.
async fn every_kind(node: &Node, who: &Someone) -> Vec<Begun> {
    let client = who.client(node);
    let mut begun = Vec::new();
    let index =
        json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []});
    let index = index.to_string().into_bytes();
    let kind = "content-type: application/vnd.oci.image.index.v1+json\r\nconnection: close\r\n";
    let headers = format!("{kind}content-length: {}\r\n", index.len());
    let stream = client.raw(&format!("PUT {}", at("manifests/late")), &headers).await;
    begun.push(Begun::new("manifest", stream, &index).await);

    let blob = b"0123456789".to_vec();
    let headers = format!("connection: close\r\ncontent-length: {}\r\n", blob.len());
    let digest = sha256(&blob);
    let line = format!("POST {}", at(&format!("blobs/uploads/?digest={digest}")));
    begun.push(Begun::new("whole blob", client.raw(&line, &headers).await, &blob).await);
    let upload = session(&client.post(&at("blobs/uploads/"), "").await.expect(202));
    begun.push(Begun::new("chunk", client.raw(&format!("PATCH {upload}"), &headers).await, &blob).await);
    let upload = session(&client.post(&at("blobs/uploads/"), "").await.expect(202));
    let line = format!("PUT {upload}?digest={digest}");
    begun.push(Begun::new("last chunk", client.raw(&line, &headers).await, &blob).await);

    let put = json!({"repositoryName": "team/app", "imageTag": "later", "imageManifest": String::from_utf8(index).unwrap()});
    let put = put.to_string().into_bytes();
    let stream = Someone::open(node, &who.ecr_head(node, "PutImage", &put)).await;
    begun.push(Begun::new("PutImage", stream, &put).await);
    let upload = session(&client.post(&at("blobs/uploads/"), "").await.expect(202));
    let part = json!({"repositoryName": "team/app", "uploadId": upload.rsplit('/').next(), "partFirstByte": 0,
        "partLastByte": blob.len() - 1, "layerPartBlob": STANDARD.encode(&blob)});
    let part = part.to_string().into_bytes();
    let stream = Someone::open(node, &who.ecr_head(node, "UploadLayerPart", &part)).await;
    begun.push(Begun::new("UploadLayerPart", stream, &part).await);
    let upload = session(&client.post(&at("blobs/uploads/"), "").await.expect(202));
    client.patch(&upload, LAYER).await.expect(202);
    let complete = json!({"repositoryName": "team/app", "uploadId": upload.rsplit('/').next(),
        "layerDigests": [sha256(LAYER)]});
    let complete = complete.to_string().into_bytes();
    let stream = Someone::open(node, &who.ecr_head(node, "CompleteLayerUpload", &complete)).await;
    begun.push(Begun::new("CompleteLayerUpload", stream, &complete).await);
    let form = b"Action=CreateUser&Version=2010-05-08&UserName=late".to_vec();
    let fixed = [("content-type", "application/x-www-form-urlencoded")];
    let stream = Someone::open(node, &who.head(node, "iam", &fixed, &form)).await;
    begun.push(Begun::new("CreateUser", stream, &form).await);
    begun
}

/// Completes all requests and checks that each is refused and nothing was created.
async fn all_are_refused(node: &Node, begun: Vec<Begun>, words: &[&str]) {
    let kinds = begun.len();
    let mut refused = 0;
    for request in begun {
        let (name, said) = request.end().await;
        let status = said.get(9..12).unwrap_or_default();
        assert!(status.starts_with('4') && words.iter().any(|word| said.contains(word)), "{name}: {said}");
        refused += 1;
    }
    assert_eq!(refused, kinds);
    let admin = node.client();
    admin.get(&at("manifests/late")).await.expect(404);
    admin.get(&at("manifests/later")).await.expect(404);
    admin.head(&at(&format!("blobs/{}", sha256(b"0123456789")))).await.expect(404);
    admin.head(&at(&format!("blobs/{}", sha256(LAYER)))).await.expect(404);
    let ctx = node.ctx(Timestamp::now());
    let users = node.identity.list_users(&ctx, aws::iam::ListUsersRequest::default());
    assert!(users.await.unwrap().users.iter().all(|user| user.user_name != "late"));
}

#[tokio::test]
async fn a_deny_that_begins_while_the_body_arrives_applies() {
    let node = Node::start().await;
    let who = Someone::new(&node, "ann", everything()).await;
    let from = Timestamp::now() + SignedDuration::from_secs(2);
    let late =
        json!({"DateGreaterThan": {"aws:CurrentTime": from.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()}});
    let deny = json!([{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": late}]);
    who.may(&node, "deny", deny).await;
    let begun = every_kind(&node, &who).await;
    assert!(Timestamp::now() < from, "all requests began before the time");
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    all_are_refused(&node, begun, &["AccessDenied", "DENIED"]).await;
}

#[tokio::test]
async fn a_key_deleted_while_the_body_arrives_is_not_accepted() {
    let node = Node::start().await;
    let who = Someone::new(&node, "ann", everything()).await;
    let begun = every_kind(&node, &who).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let delete = DeleteAccessKeyRequest { user_name: Some(who.name.clone()), access_key_id: who.key() };
    node.identity.delete_access_key(&node.ctx(Timestamp::now()), delete).await.unwrap();
    let words = ["UnrecognizedClientException", "InvalidClientTokenId", "DENIED"];
    all_are_refused(&node, begun, &words).await;
}

#[tokio::test]
async fn a_slow_body_of_an_allowed_caller_is_accepted() {
    let node = Node::start().await;
    let who = Someone::new(&node, "ann", everything()).await;
    let begun = every_kind(&node, &who).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    for request in begun {
        let (name, said) = request.end().await;
        assert!(said.starts_with("HTTP/1.1 20"), "{name}: {said}");
    }
    let pulled = node.client().with("accept", MANIFEST).get(&at("manifests/late")).await;
    pulled.expect(200);
    for blob in [b"0123456789".as_slice(), LAYER] {
        node.client().head(&at(&format!("blobs/{}", sha256(blob)))).await.expect(200);
    }
}
