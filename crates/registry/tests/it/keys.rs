//! Sealing keys that are rotated and retired, and the rotation of the master key: existing tokens and sessions stay
//! valid on every node.

use std::sync::Arc;

use access::context::{Caller, Peer, Unsigned};
use access::seal::Purpose;
use access::settings::MasterKey;
use access::token::TokenError;
use aws::ecr::GetDownloadUrlForLayerRequest;
use aws::iam::{AccessKey, CreateAccessKeyRequest};
use aws::organizations::SealingKey;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use meta::{
    ConnectionFields, CreateEventConnection, CreateSecret, FindEventConnection, ListSecretValues, Micros,
    NewSecretValue,
};

use crate::credentials::{Presents, of, password, session_token, sign};
use crate::world::{ACCOUNT, Rules, World, ctx, region};

const MASTER: [u8; 32] = [7; 32];

fn later(now: Timestamp, seconds: i64) -> Timestamp {
    now + SignedDuration::from_secs(seconds)
}

/// A node looks at the keys.
async fn refresh(rules: &Rules, now: Timestamp) {
    rules.access.refresh_keys(MasterKey::new(MASTER), now).await.unwrap();
}

/// Rotates the ring and waits until the new key seals.
async fn turned(rules: &Rules, now: Timestamp) -> Timestamp {
    rules.access.rotate_sealing_key(now).await.unwrap();
    let now = later(now, 30);
    refresh(rules, now).await;
    now
}

fn key_of(sealed: &str) -> u8 {
    URL_SAFE_NO_PAD.decode(sealed).unwrap()[1]
}

fn states(keys: &[SealingKey]) -> Vec<(u8, &'static str, u64)> {
    keys.iter().map(|key| (key.key_id, key.state.as_str(), key.access_keys)).collect()
}

async fn authenticated(rules: &Rules, password: &str, now: Timestamp) -> Result<(), TokenError> {
    rules.access.authenticate_password("AWS", password, now).await.map(|_| ())
}

async fn access_key(rules: &Rules, owner: &Arc<Caller>) -> AccessKey {
    let ctx = ctx(owner);
    rules.identity.create_access_key(&ctx, CreateAccessKeyRequest::default()).await.unwrap().access_key
}

#[tokio::test]
async fn what_was_sealed_before_a_rotation_opens_after_it() {
    let world = World::new().await;
    let now = Timestamp::now();
    let a = world.create("alpha").await;
    let digest = world.push_blob(&a, b"layer").await;
    let key = access_key(&world.rules, &world.admin).await;
    let presents = || Presents { id: &key.access_key_id, secret: &key.secret_access_key, token: None };
    let by_key = sign(&world, presents(), now).await.unwrap();
    let session = session_token(&world, &by_key).await;
    let input = GetDownloadUrlForLayerRequest {
        registry_id: None,
        repository_name: "alpha".to_owned(),
        layer_digest: digest.to_string(),
    };
    let url =
        world.rules.registry.get_download_url_for_layer(&ctx(&world.admin), &region(), input).await.unwrap();
    let url = url.download_url.split_once(registry::layer::download_url::PATH_PREFIX).unwrap().1.to_owned();
    let docker = password(&world, &world.admin, &region(), now).await;
    assert_eq!([key_of(&docker), key_of(&url), key_of(&session.session_token)], [1, 1, 1]);

    let now = turned(&world.rules, now).await;
    assert_eq!(
        key_of(&password(&world, &world.admin, &region(), now).await),
        2,
        "new values have the new key"
    );
    // On a node that has not opened any of them.
    let world = World { rules: world.another().await, ..world };
    refresh(&world.rules, now).await;
    authenticated(&world.rules, &docker, now).await.unwrap();
    of(&world, &session).await;
    sign(&world, presents(), now).await.unwrap();
    let peer = Peer { address: [127, 0, 0, 1].into(), tls: false };
    let opened =
        world.rules.registry.verify_download(&url, &Unsigned::new(peer, None, "test".to_owned(), now)).await;
    assert_eq!(opened.unwrap().stat.digest, digest);
}

#[tokio::test]
async fn a_new_key_seals_once_every_node_can_know_it() {
    let world = World::new().await;
    let now = Timestamp::now();
    let other = world.another().await;
    let keys = world.rules.access.rotate_sealing_key(now).await.unwrap();
    assert_eq!(states(&keys), [(1, "SEALING", 1), (2, "WAITING", 0)]);
    let again = other.access.rotate_sealing_key(later(now, 1)).await.unwrap();
    assert_eq!(states(&again), states(&keys), "one waits already");
    // Nothing changes between two checks. The node knows the key from the last check before it seals.
    refresh(&world.rules, later(now, 29)).await;
    refresh(&other, later(now, 20)).await;
    assert_eq!(key_of(&password(&world, &world.admin, &region(), now).await), 1);
    refresh(&world.rules, later(now, 30)).await;
    let new = password(&world, &world.admin, &region(), now).await;
    assert_eq!(key_of(&new), 2);
    authenticated(&other, &new, now).await.unwrap();
    let keys = other.access.listed_keys(later(now, 31)).await.unwrap().keys;
    assert_eq!(states(&keys), [(1, "OPENING", 1), (2, "SEALING", 0)]);
    assert!(keys[0].needed_until.is_some() && keys[1].needed_until.is_none());
}

#[tokio::test]
async fn the_credentials_of_connections_are_sealed_again() {
    let world = World::new().await;
    let now = Timestamp::now();
    let arn = format!("arn:aws:events:eu-west-1:{ACCOUNT}:connection/hook");
    let create = CreateEventConnection {
        arn: arn.clone(),
        id: "1".to_owned(),
        fields: ConnectionFields {
            description: None,
            authorization_type: "API_KEY".to_owned(),
            sealed_auth: world.rules.access.keys.seal(Purpose::Connection, b"key").unwrap(),
        },
        limit: 9,
        at: Micros(1),
    };
    world.meta.write(create).await.unwrap();
    let sealed = async || {
        let find = FindEventConnection { arn: arn.clone() };
        world.meta.read(find).await.unwrap().unwrap().sealed_auth
    };
    assert_eq!(sealed().await[1], 1);
    let now = turned(&world.rules, now).await;
    assert!(world.rules.access.tend_keys(now).await.unwrap() > 0);
    assert_eq!(sealed().await[1], 2);
    let opened = world.rules.access.keys.open_value(Purpose::Connection, &sealed().await).unwrap();
    assert_eq!(opened, b"key");
}

#[tokio::test]
async fn the_values_of_secrets_are_sealed_again() {
    let world = World::new().await;
    let now = Timestamp::now();
    let arn = format!("arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:ecr-pullthroughcache/hub-a1b2c3");
    let sealed = world.rules.access.keys.seal(Purpose::SecretValue, b"value").unwrap();
    let create = CreateSecret {
        arn: arn.clone(),
        account_id: ACCOUNT.parse().unwrap(),
        region: region(),
        name: "ecr-pullthroughcache/hub".to_owned(),
        description: None,
        value: Some(NewSecretValue { id: "1".to_owned(), sealed }),
        tags: Vec::new(),
        limit: 9,
        at: Micros(1),
    };
    world.meta.write(create).await.unwrap();
    let sealed =
        async || world.meta.read(ListSecretValues { arn: arn.clone() }).await.unwrap().remove(0).sealed;
    assert_eq!(sealed().await[1], 1);
    let now = turned(&world.rules, now).await;
    assert!(world.rules.access.tend_keys(now).await.unwrap() > 0);
    assert_eq!(sealed().await[1], 2);
    let opened = world.rules.access.keys.open_value(Purpose::SecretValue, &sealed().await).unwrap();
    assert_eq!(opened, b"value");
}

#[tokio::test]
async fn a_key_goes_when_nothing_needs_it_and_then_opens_nothing() {
    let world = World::new().await;
    let now = Timestamp::now();
    let key = access_key(&world.rules, &world.admin).await;
    let presents = || Presents { id: &key.access_key_id, secret: &key.secret_access_key, token: None };
    let docker = password(&world, &world.admin, &region(), now).await;
    assert_eq!(world.rules.access.tend_keys(now).await.unwrap(), 0, "there is one key");

    let turned_at = turned(&world.rules, now).await;
    assert_eq!(world.rules.access.tend_keys(turned_at).await.unwrap(), 2, "both access keys are sealed anew");
    assert_eq!(world.rules.access.tend_keys(turned_at).await.unwrap(), 0);
    let keys = world.rules.access.listed_keys(turned_at).await.unwrap().keys;
    assert_eq!(states(&keys), [(1, "OPENING", 0), (2, "SEALING", 2)]);
    sign(&world, presents(), now).await.unwrap();

    let last = later(turned_at, 37 * 3_600);
    assert_eq!(world.rules.access.tend_keys(last).await.unwrap(), 0);
    authenticated(&world.another().await, &docker, now).await.unwrap();
    assert_eq!(world.rules.access.tend_keys(later(last, 1)).await.unwrap(), 1);
    assert_eq!(states(&world.rules.access.listed_keys(last).await.unwrap().keys), [(2, "SEALING", 2)]);
    let refused = authenticated(&world.another().await, &docker, now).await.unwrap_err();
    assert_eq!(refused, TokenError::Invalid);
    sign(&world, presents(), now).await.unwrap();
}

#[tokio::test]
async fn a_late_secret_is_sealed_again_before_its_key_is_deleted() {
    let world = World::new().await;
    let now = Timestamp::now();
    // A node that has not checked seals with the old key.
    let late = world.another().await;
    let turned_at = turned(&world.rules, now).await;
    world.rules.access.tend_keys(turned_at).await.unwrap();
    access_key(&late, &world.admin).await;
    let over = later(turned_at, 37 * 3_600 + 1);
    // A secret that no key can open does not block the others.
    world.user("damaged", "").await;
    assert_eq!(
        world.rules.access.tend_keys(over).await.unwrap(),
        2,
        "the secret is sealed anew, and the key goes"
    );
    assert_eq!(states(&world.rules.access.listed_keys(over).await.unwrap().keys), [(2, "SEALING", 2)]);
}

#[tokio::test]
async fn two_master_keys_open_the_store_until_the_old_one_is_dropped() {
    let world = World::new().await;
    let now = Timestamp::now();
    let next = || MasterKey::new([8; 32]);
    let docker = password(&world, &world.admin, &region(), now).await;
    let other = world.another().await;
    world.rules.access.add_master_key(&next()).await.unwrap();
    world.rules.access.add_master_key(&next()).await.unwrap();
    assert_eq!(world.rules.access.listed_keys(now).await.unwrap().master_keys, 2);
    assert!(world.rules.access.add_master_key(&MasterKey::new([9; 32])).await.is_err(), "one at a time");
    // A caller that knows one of the two keys cannot change the ring for the other.
    assert!(world.rules.access.rotate_sealing_key(now).await.is_err());
    for node in [world.opened_with([7; 32]).await.unwrap(), world.opened_with([8; 32]).await.unwrap()] {
        authenticated(&node, &docker, now).await.unwrap();
    }
    assert!(world.opened_with([9; 32]).await.is_err());

    assert!(world.rules.access.keep_one_master_key(&MasterKey::new([9; 32]), now).await.is_err());
    world.rules.access.keep_one_master_key(&next(), now).await.unwrap();
    world.rules.access.keep_one_master_key(&next(), now).await.unwrap();
    assert!(world.opened_with([7; 32]).await.is_err());
    authenticated(&world.opened_with([8; 32]).await.unwrap(), &docker, now).await.unwrap();
    // A node that was running continues when its file contains the new key.
    assert!(other.access.refresh_keys(MasterKey::new([7; 32]), now).await.is_err());
    authenticated(&other, &docker, now).await.unwrap();
    other.access.refresh_keys(next(), now).await.unwrap();
    other.access.rotate_sealing_key(now).await.unwrap();
}
