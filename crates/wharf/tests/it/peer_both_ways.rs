//! Two deployments replicate to each other: both end with the image that was tagged last, and then nothing is sent any more.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::noise;

use crate::gc::push_image;
use crate::peers::{Dice, HERE, Side, THERE, arrive, create};
use crate::proxy::Proxy;

const NAMES: [&str; 2] = ["app", "team/app"];

/// Two deployments, each with a proxy before it. Both keep the tag that was set last.
fn two(folder: &Path) -> [(Side, Proxy); 2] {
    two_of([Side::new(folder, "a", HERE), Side::new(folder, "b", THERE)])
}

/// The same of these two.
pub(crate) fn two_of(mut sides: [Side; 2]) -> [(Side, Proxy); 2] {
    let proxies = [Proxy::start(), Proxy::start()];
    let about: Vec<_> = sides.iter().map(|side| (side.key(), side.account.clone())).collect();
    for (at, (name, region)) in [("b", THERE), ("a", HERE)].into_iter().enumerate() {
        let other = 1 - at;
        let (key, account) = &about[other];
        sides[at].knows(&format!(
            r#"{{name = "{name}", public_key = "{key}", url = "http://{}", regions = ["{region}"], accounts = {{ "{account}" = "{}" }}}}"#,
            proxies[other].address, about[at].1
        ));
    }
    for (side, (proxy, region)) in sides.iter().zip(proxies.iter().zip([THERE, HERE])) {
        proxy.lead_to(Some(side.address()));
        let other = about.iter().find(|(_, account)| *account != side.account).unwrap();
        side.replicates(&json!([{"destinations": [{"region": region, "registryId": other.1}]}]));
        let setting = json!({"name": "WHARF_REPLICATION_LAST_WRITER", "value": "ENABLED"});
        side.call("PutAccountSetting", &setting);
        // The registry that is written to belongs to the account that the peer acts as.
        side.call("DescribeRegistry", &json!({}));
    }
    let [a, b] = sides;
    let [of_a, of_b] = proxies;
    [(a, of_a), (b, of_b)]
}

/// All moves of tags that a deployment remembers.
pub(crate) fn moves(side: &Side) -> Vec<Value> {
    let history = |name: &&str| {
        let input = json!({"repositoryName": name, "maxResults": 1000});
        side.call("WharfListTagHistory", &input)["tagMoves"].as_array().cloned().unwrap_or_default()
    };
    NAMES.iter().flat_map(history).collect()
}

#[test]
fn both_keep_what_was_tagged_last_and_rest_then() {
    let folder = testkit::memory_folder().unwrap();
    let sides = two(folder.path());
    let [(a, _), (b, _)] = &sides;
    for name in NAMES {
        create(a, name);
    }
    let mut dice = Dice(11);
    let mut pushes = 0;
    for (_, proxy) in &sides {
        proxy.be_wild(true);
    }
    for _ in 0..80 {
        let (side, _) = &sides[usize::try_from(dice.below(2)).unwrap()];
        let name = NAMES[usize::try_from(dice.below(2)).unwrap()];
        let tag = ["v1", "v2", "latest"][usize::try_from(dice.below(3)).unwrap()];
        if side.images(name).is_empty() && side.account == b.account {
            continue;
        }
        push_image(&side.client(), name, tag, &[&noise(30_000, dice.below(7))]);
        pushes += 1;
        std::thread::sleep(Duration::from_millis(dice.below(150)));
    }
    for (_, proxy) in &sides {
        proxy.be_wild(false);
    }
    arrive(a, b);
    arrive(b, a);
    for name in NAMES {
        assert_eq!(a.images(name), b.images(name), "{name}");
        assert!(a.images(name).len() > 1, "{name}");
    }
    let before = (moves(a), moves(b), sides.each_ref().map(|(_, proxy)| proxy.sent()));
    std::thread::sleep(Duration::from_secs(5));
    let after = (moves(a), moves(b), sides.each_ref().map(|(_, proxy)| proxy.sent()));
    assert_eq!(after, before, "nothing goes back and forth");
    for (side, moves) in [(a, before.0), (b, before.1)] {
        assert!(moves.len() <= pushes, "{} moves after {pushes} pushes at {}", moves.len(), side.account);
    }
}
