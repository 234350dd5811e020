//! OpenID Connect providers: by issuer, with their audiences and the sources of their keys.

use super::{
    identities::{SECOND, digits, pairs},
    world::{ACCOUNT, World, refusal},
};
use crate::*;

async fn found(world: &World, arn: &str) -> Option<OidcProvider> {
    world.meta.read(FindOidcProvider { arn: arn.to_owned() }).await.unwrap()
}

pub(super) async fn made_once_and_again(world: World) {
    let before = world.row_counts().await;
    let create = CreateOidcProvider {
        tags: pairs(&[("Team", "a")]),
        limit: 1,
        ..world.new_provider("issuer.example/id")
    };
    let provider = create.provider.clone();
    world.meta.write(create.clone()).await.unwrap();
    world.meta.write(create).await.expect("a repeat finds its own");
    assert_eq!(found(&world, &provider.arn).await.as_ref(), Some(&provider));
    let taken = world.meta.write(world.new_provider("issuer.example/id")).await;
    assert_eq!(refusal(taken), CreateOidcProviderRefusal::Exists);
    let more = CreateOidcProvider { limit: 1, ..world.new_provider("other.example") };
    assert_eq!(refusal(world.meta.write(more).await), CreateOidcProviderRefusal::Limit);

    let arn = provider.arn.clone();
    let trust = UpdateOidcProvider {
        arn: arn.clone(),
        certificate_authority: Some("pem".into()),
        key_set: Some("keys".into()),
        ..UpdateOidcProvider::default()
    };
    world.meta.write(trust).await.unwrap();
    let delete = || world.meta.write(DeleteOidcProvider { arn: arn.clone() });
    delete().await.unwrap();
    assert_eq!(refusal(delete().await), OidcProviderGone);
    assert_eq!(found(&world, &arn).await, None);
    assert_eq!(world.row_counts().await, before);

    // A provider that is created again with the same ARN has no tags, audiences or keys of the old one.
    let again = world.new_provider("issuer.example/id");
    world.meta.write(again.clone()).await.unwrap();
    assert_eq!(found(&world, &arn).await, Some(again.provider));
    assert!(world.tags_of(&arn).await.is_empty());
}

pub(super) async fn what_is_not_named_stays(world: World) {
    let create = world.new_provider("issuer");
    let (arn, made) = (create.provider.arn.clone(), create.provider.clone());
    world.meta.write(create).await.unwrap();
    let some = |text: &str| Some(text.to_owned());
    let update = UpdateOidcProvider { arn: arn.clone(), ..UpdateOidcProvider::default() };
    let changes = [
        UpdateOidcProvider { thumbprints: some("[\"t\"]"), ..update.clone() },
        UpdateOidcProvider { certificate_authority: some("pem"), ..update.clone() },
        UpdateOidcProvider { key_set: some("keys"), ..update.clone() },
        update.clone(),
    ];
    for change in changes {
        world.meta.write(change).await.unwrap();
    }
    let changed = OidcProvider {
        thumbprints: "[\"t\"]".into(),
        certificate_authority: some("pem"),
        key_set: some("keys"),
        ..made
    };
    assert_eq!(found(&world, &arn).await.as_ref(), Some(&changed));
    // An empty text removes the certificate authority or the key set.
    world.meta.write(UpdateOidcProvider { key_set: some(""), ..update.clone() }).await.unwrap();
    let without_keys = OidcProvider { key_set: None, ..changed.clone() };
    assert_eq!(found(&world, &arn).await.as_ref(), Some(&without_keys));
    world.meta.write(UpdateOidcProvider { certificate_authority: some(""), ..update.clone() }).await.unwrap();
    let bare = OidcProvider { certificate_authority: None, ..without_keys };
    assert_eq!(found(&world, &arn).await.as_ref(), Some(&bare));
    let gone = UpdateOidcProvider { arn: "arn:none".to_owned(), ..update };
    assert_eq!(refusal(world.meta.write(gone).await), OidcProviderGone);
}

pub(super) async fn each_account_has_its_own(world: World) {
    let account = world.second_account().await;
    for host in ["b.example", "a.example", "B.example"] {
        world.meta.write(world.new_provider(host)).await.unwrap();
    }
    let mut elsewhere = CreateOidcProvider { account, ..world.new_provider("a.example") };
    elsewhere.provider.arn = format!("arn:aws:iam::{SECOND}:oidc-provider/a.example");
    world.meta.write(elsewhere.clone()).await.unwrap();
    let list = |account| {
        let list = ListOidcProviders { account_id: digits(account) };
        let meta = &world.meta;
        async move { meta.read(list).await.unwrap().into_iter().map(|found| found.url).collect::<Vec<_>>() }
    };
    assert_eq!(list(ACCOUNT).await, ["https://B.example", "https://a.example", "https://b.example"]);
    assert_eq!(list(SECOND).await, ["https://a.example"]);
    assert_eq!(list("999999999999").await, Vec::<String>::new());
    world.meta.write(DeleteOidcProvider { arn: elsewhere.provider.arn }).await.unwrap();
    assert_eq!((list(ACCOUNT).await.len(), list(SECOND).await.len()), (3, 0));
}

fn audience(arn: &str, client_id: &str, accepted: bool) -> ChangeOidcAudience {
    ChangeOidcAudience { arn: arn.to_owned(), client_id: client_id.into(), accepted, limit: 3 }
}

pub(super) async fn audiences(world: World) {
    let create = world.new_provider("issuer");
    let arn = create.provider.arn.as_str();
    world.meta.write(create.clone()).await.unwrap();
    let change = |client_id, accepted| world.meta.write(audience(arn, client_id, accepted));
    let kept = || async { found(&world, arn).await.unwrap().client_ids };
    change("b", true).await.unwrap();
    change("B", true).await.expect("audiences differ by case");
    change("b", true).await.expect("it is accepted already, and so within the limit");
    assert_eq!(kept().await, r#"["sts","b","B"]"#);
    assert_eq!(refusal(change("c", true).await), ChangeOidcAudienceRefusal::Limit);
    change("b", false).await.unwrap();
    change("b", false).await.expect("it is not accepted already");
    assert_eq!(kept().await, r#"["sts","B"]"#);
    let gone = world.meta.write(audience("arn:none", "a", false)).await;
    assert_eq!(refusal(gone), ChangeOidcAudienceRefusal::Gone);
}

/// An audience that is removed while others are added stays removed.
pub(super) async fn audiences_that_race(world: World) {
    let create = world.new_provider("issuer");
    let arn = create.provider.arn.as_str();
    world.meta.write(create.clone()).await.unwrap();
    for round in 0..10 {
        let (old, one, two) = (format!("old{round}"), format!("one{round}"), format!("two{round}"));
        let change = |client_id: &str, accepted| {
            world.meta.write(ChangeOidcAudience { limit: 100, ..audience(arn, client_id, accepted) })
        };
        change(&old, true).await.unwrap();
        let (came, went, came_too) =
            tokio::join!(change(&one, true), change(&old, false), change(&two, true));
        came.and(went).and(came_too).unwrap();
        let kept = found(&world, arn).await.unwrap().client_ids;
        assert!(!kept.contains(&old) && kept.contains(&one) && kept.contains(&two), "{kept}");
    }
}
