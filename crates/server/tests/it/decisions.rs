//! The effect of a policy on the server: a decision that takes too long is stopped, and does not delay others.

use std::time::Duration;

use aws::ecr::SetRepositoryPolicyRequest;
use futures::future::join_all;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::client::Client;
use crate::node::{Node, REPOSITORY, region};

/// Far above its time in a test build on a busy machine; far below the time of an unlimited decision.
const SOON: Duration = Duration::from_secs(3);

/// A policy of the maximum size with a slow pattern for every User-Agent.
fn slow_policy() -> String {
    let pattern = format!("*{}b*", "a?".repeat(1_600));
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Principal":"*","Action":"ecr:*",
        "Condition":{{"StringLike":{{"aws:UserAgent":["{pattern}","{pattern}","{pattern}"]}}}}}}]}}"#
    )
}

#[tokio::test]
async fn a_slow_policy_does_not_delay_others() {
    let node = Node::start().await;
    let policy = SetRepositoryPolicyRequest {
        repository_name: REPOSITORY.to_owned(),
        policy_text: slow_policy(),
        ..SetRepositoryPolicyRequest::default()
    };
    node.registry.set_repository_policy(&node.ctx(Timestamp::now()), &region(), policy).await.unwrap();
    let path = format!("/v2/{REPOSITORY}/tags/list");
    node.client().with("user-agent", "docker/28.0").get(&path).await.expect(200);

    for length in [4_000, 30_000] {
        let agent = "a".repeat(length);
        let slow = join_all((0..8).map(|_| {
            let client = node.client().with("user-agent", &agent);
            let path = path.as_str();
            async move { client.get(path).await.refused(403, "DENIED") }
        }));
        let health = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let begun = Instant::now();
            Client::new(node.address).get("/healthz").await.expect(200);
            begun.elapsed()
        };
        let (_, waited) = tokio::join!(slow, health);
        assert!(waited < SOON, "/healthz took {waited:?} while User-Agents of {length} were decided");
    }
}
