//! Groups and their users.

use super::world::{World, refusal};
use crate::*;

fn add(user_id: &str, group_id: &str, limit: i64) -> AddToGroup {
    AddToGroup { group_id: group_id.to_owned(), user_id: user_id.into(), limit }
}

pub(super) async fn a_user_is_in_it_or_not(world: World) {
    for unique_id in ["AIDA1", "AIDA2", "AGPA1", "AGPA2", "AGPA3", "AROA1"] {
        world.entity(unique_id).await;
    }
    let write = |add| world.meta.write(add);
    assert_eq!(refusal(write(add("AIDA9", "AGPA1", 2)).await), AddToGroupRefusal::UserGone);
    assert_eq!(refusal(write(add("AIDA1", "AGPA9", 2)).await), AddToGroupRefusal::GroupGone);
    assert_eq!(refusal(write(add("AIDA1", "AIDA2", 2)).await), AddToGroupRefusal::GroupGone);
    write(add("AIDA1", "AGPA1", 2)).await.unwrap();
    write(add("AIDA1", "AGPA2", 2)).await.unwrap();
    write(add("AIDA1", "AGPA2", 2)).await.expect("it is in the group already");
    assert_eq!(refusal(write(add("AIDA1", "AGPA3", 2)).await), AddToGroupRefusal::Limit);
    write(add("AIDA2", "AGPA3", 2)).await.expect("the limit is each user's own");
    let links = |of: &str| world.meta.read(ListGroupLinks { of: of.into(), after: String::new(), limit: 9 });
    assert_eq!(links("AIDA1").await.unwrap(), ["AGPA1", "AGPA2"]);
    let remove = |user: &str| RemoveFromGroup { group_id: "AGPA1".to_owned(), user_id: user.into() };
    world.meta.write(remove("AIDA1")).await.unwrap();
    world.meta.write(remove("AIDA1")).await.expect("it is not in the group any more");
    assert_eq!(refusal(world.meta.write(remove("AIDA9")).await), PrincipalGone);
    assert_eq!(links("AIDA1").await.unwrap(), ["AGPA2"]);
    assert_eq!(links("AGPA1").await.unwrap(), Vec::<String>::new());
    write(add("AIDA1", "AGPA3", 2)).await.unwrap();
    assert_eq!(links("AGPA3").await.unwrap(), ["AIDA1", "AIDA2"]);
}

pub(super) async fn links_in_pages(world: World) {
    let names = ["+a", "Ab", "aC", "B", "b-", "b_", "ä"];
    world.entity("AIDA100").await;
    world.entity("AGPA100").await;
    for (at, name) in names.iter().enumerate().rev() {
        world.meta.write(world.new_entity(&format!("AIDA{at}"), name)).await.unwrap();
        world.meta.write(world.new_entity(&format!("AGPA{at}"), name)).await.unwrap();
        world.join(&format!("AIDA{at}"), "AGPA100").await;
        world.join("AIDA100", &format!("AGPA{at}")).await;
    }
    for (of, kind) in [("AGPA100", "AIDA"), ("AIDA100", "AGPA")] {
        for limit in 1..=names.len() + 1 {
            let (mut seen, mut after) = (Vec::new(), String::new());
            loop {
                let page = world.meta.read(ListGroupLinks { of: of.into(), after, limit }).await.unwrap();
                assert!(page.len() <= limit);
                let Some(last) = page.last() else { break };
                let last =
                    world.meta.read(FindEntityById { unique_id: last.clone() }).await.unwrap().unwrap();
                after = last.name.to_ascii_lowercase();
                seen.extend(page);
            }
            let expected: Vec<String> = (0..names.len()).map(|at| format!("{kind}{at}")).collect();
            assert_eq!(seen, expected, "{of} {limit}");
        }
    }
}

pub(super) async fn policies_of_all_groups_decide(world: World) {
    for unique_id in ["AIDA1", "AGPA1", "AGPA2"] {
        world.entity(unique_id).await;
    }
    let arn = world.policy("read").await;
    let put = |owner: &str, document: &str| {
        let (owner, document) = (owner.to_owned(), document.to_owned());
        world.meta.write(PutInlinePolicy { owner, name: "p".into(), document })
    };
    for (owner, document) in [("AIDA1", "own"), ("AGPA2", "second"), ("AGPA1", "first")] {
        put(owner, document).await.unwrap();
    }
    world.attach("AGPA1", &arn).await;
    world.attach("AGPA2", &arn).await;
    world.attach("AIDA1", &arn).await;
    world.join("AIDA1", "AGPA2").await;
    world.join("AIDA1", "AGPA1").await;
    let policies = world.policies_of("AIDA1").await;
    let inline = super::identities::pairs(&[("p", "own"), ("agpa1/p", "first"), ("agpa2/p", "second")]);
    assert_eq!(policies.inline, inline);
    let document = ManagedDocument { arn: arn.clone(), document: Some("read 1".into()) };
    assert_eq!(policies.managed, [document.clone(), document.clone(), document]);
    // The list of the user's own policies does not contain those of its groups.
    let own = world.meta.read(ListInlinePolicies { owner: "AIDA1".to_owned() }).await.unwrap();
    assert_eq!(own, super::identities::pairs(&[("p", "own")]));
    let own = world.meta.read(ListAttachedPolicies { owner: "AIDA1".to_owned() }).await.unwrap();
    assert_eq!(own, [arn]);
}
