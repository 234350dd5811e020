//! Values of secrets that several requests put at the same time.

use access::error::{AwsCode, Code};
use aws::secrets_manager::{CreateSecretRequest, GetSecretValueRequest, PutSecretValueRequest};

use crate::world::{World, code, ctx, region};

const NAME: &str = "ecr-pullthroughcache/hub";
const TOKEN: &str = "11111111-2222-4333-8444-555555555555";

async fn with_secret() -> World {
    let world = World::new().await;
    let create = CreateSecretRequest {
        name: NAME.to_owned(),
        secret_string: Some("first".to_owned()),
        ..Default::default()
    };
    world.rules.identity.create_secret(&ctx(&world.admin), &region(), create).await.unwrap();
    world
}

fn put(text: &str) -> PutSecretValueRequest {
    PutSecretValueRequest {
        secret_id: NAME.to_owned(),
        secret_string: Some(text.to_owned()),
        client_request_token: Some(TOKEN.to_owned()),
        ..Default::default()
    }
}

#[tokio::test]
async fn of_two_values_with_one_token_one_is_refused() {
    let world = with_secret().await;
    let identity = &world.rules.identity;
    let (one, two) = (ctx(&world.admin), ctx(&world.admin));
    let place = region();
    let (first, second) = tokio::join!(
        identity.put_secret_value(&one, &place, put("one")),
        identity.put_secret_value(&two, &place, put("two")),
    );
    let stored = if first.is_ok() { "one" } else { "two" };
    let refused = if first.is_ok() { second } else { first };
    assert_eq!(code(refused), Code::Aws(AwsCode::SecretExists));
    let get = GetSecretValueRequest { secret_id: NAME.to_owned(), ..Default::default() };
    let value = identity.get_secret_value(&one, &place, get).await.unwrap();
    assert_eq!((value.secret_string.as_deref(), value.version_id.as_deref()), (Some(stored), Some(TOKEN)));
}

#[tokio::test]
async fn the_same_value_can_be_put_twice_at_once() {
    let world = with_secret().await;
    let identity = &world.rules.identity;
    let (one, two) = (ctx(&world.admin), ctx(&world.admin));
    let place = region();
    let (first, second) = tokio::join!(
        identity.put_secret_value(&one, &place, put("same")),
        identity.put_secret_value(&two, &place, put("same")),
    );
    assert_eq!(first.unwrap().version_id, second.unwrap().version_id);
}
