//! A second evaluator, written from the guide's sentences without regard to speed, decides random repositories the same.

use std::collections::BTreeMap;

use lifecycle::{Action, Count, Policy, Rule, Selector, StorageClass};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::repository::{DAY, NOW, Stored, archive, decided, expire, keep, policy, pushed};

fn meets(selector: &Selector, image: &Stored) -> bool {
    match selector {
        Selector::Any => true,
        Selector::Untagged => image.tags.is_empty(),
        Selector::Tagged(patterns) => {
            patterns.iter().all(|pattern| image.tags.iter().any(|tag| pattern.matches(tag)))
        }
    }
}

/// Whether a rule identifies an image: class and tag requirement. Referrers are never selected.
fn identifies(rule: &Rule, image: &Stored) -> bool {
    meets(&rule.selector, image) && image.subject.is_none() && image.storage_class == rule.storage_class
}

/// The images that a rule would mark if there were no others.
fn marks(rule: &Rule, images: &[Stored]) -> Vec<i64> {
    let mut identified: Vec<&Stored> = images.iter().filter(|image| identifies(rule, image)).collect();
    identified.sort_by_key(|image| (-image.activated_at, -image.id));
    let old = |at: i64, days: u64| (NOW - at) > i64::try_from(days).unwrap() * DAY;
    let kept: Vec<&Stored> = match rule.count {
        Count::ImageCountMoreThan(count) => {
            identified.into_iter().skip(usize::try_from(count).unwrap()).collect()
        }
        Count::SinceImagePushed(days) => {
            identified.into_iter().filter(|image| old(image.activated_at, days)).collect()
        }
        Count::SinceImagePulled(days) => identified
            .into_iter()
            .filter(|image| match image.pulled_at {
                Some(at) if at > image.activated_at => old(at, days),
                _ => old(image.activated_at, days),
            })
            .collect(),
        Count::SinceImageTagged(days) => identified
            .into_iter()
            .filter(|image| match image.tagged_at {
                Some(at) if at > image.activated_at => old(at, days),
                _ => old(image.activated_at, days),
            })
            .collect(),
        Count::SinceImageTransitioned(days) => {
            identified.into_iter().filter(|image| old(image.archived_at.unwrap(), days)).collect()
        }
    };
    kept.iter().map(|image| image.id).collect()
}

fn naive(policy: &Policy, images: &[Stored]) -> BTreeMap<i64, (Action, u32)> {
    let find = |id: i64| images.iter().find(|image| image.id == id);
    let is_kept =
        |image: &Stored| image.is_protected || policy.keeps().iter().any(|selector| meets(selector, image));
    let mut decisions = BTreeMap::new();
    for image in images.iter().filter(|image| !is_kept(image)) {
        let first = policy.rules().iter().find(|rule| identifies(rule, image));
        if let Some(rule) = first
            && marks(rule, images).contains(&image.id)
        {
            decisions.insert(image.id, (rule.action, rule.priority));
        }
    }
    // An image waits for each index that lists it.
    loop {
        let waits = |(id, (action, _)): (&i64, &(Action, u32))| {
            let parents = &find(*id).unwrap().parents;
            parents.iter().filter_map(|parent| find(*parent)).any(|parent| match action {
                Action::Expire => {
                    decisions.get(&parent.id).is_none_or(|(action, _)| *action != Action::Expire)
                }
                Action::Archive => {
                    parent.storage_class == StorageClass::Standard && !decisions.contains_key(&parent.id)
                }
            })
        };
        let Some(id) = decisions.iter().find(|decision| waits(*decision)).map(|(id, _)| *id) else { break };
        decisions.remove(&id);
    }
    // A subject has a smaller id, so one pass in their order follows every chain.
    let mut sorted: Vec<&Stored> = images.iter().collect();
    sorted.sort_by_key(|image| image.id);
    for image in sorted.into_iter().filter(|image| !is_kept(image)) {
        let Some(subject) = image.subject else { continue };
        let decision = match find(subject) {
            None if NOW - image.activated_at > DAY => Some((Action::Expire, 0)),
            None => None,
            Some(subject)
                if subject.storage_class == StorageClass::Archive && image.archived_at.is_none() =>
            {
                Some((Action::Archive, 0))
            }
            Some(subject) => decisions.get(&subject.id).copied().filter(|(_, priority)| *priority > 0),
        };
        decisions.extend(decision.map(|decision| (image.id, decision)));
    }
    decisions
}

fn rules() -> impl Strategy<Value = Policy> {
    let tags = vec!["a*", "b*", "*1", "a*1", "c"];
    let tagged = proptest::sample::subsequence(tags, 1..3).prop_map(|tags| json!(tags));
    let rule = (tagged, 0..7_usize, 1..6_u64).prop_map(|(tags, kind, number)| (tags, kind, number));
    let kept = proptest::option::of(prop_oneof![
        Just(json!("untagged")),
        Just(json!(["a*", "*1"])),
        Just(json!(["b2"])),
    ]);
    let last = (any::<bool>(), any::<bool>(), any::<bool>(), 0..7_usize, 1..6_u64);
    (proptest::collection::vec(rule, 0..4), kept, last).prop_map(
        |(rules, kept, (untagged, any, archived, kind, number))| {
            let of_kind = |tags: &Value, kind: usize, number: u64| match kind {
                0 => expire(tags, "imageCountMoreThan", number),
                1 => expire(tags, "sinceImagePushed", number),
                2 => archive(tags, "sinceImagePulled", number),
                3 => expire(tags, "wharfSinceImagePulled", number),
                4 => expire(tags, "wharfSinceImageTagged", number),
                5 => archive(tags, "wharfSinceImageTagged", number),
                _ => archive(tags, "imageCountMoreThan", number),
            };
            let mut all: Vec<Value> = Vec::new();
            for (tags, kind, number) in rules {
                let rule = of_kind(&tags, kind, number);
                let same = |other: &Value| other["selection"]["tagPatternList"] == tags;
                if !all.iter().any(same) {
                    all.push(rule);
                }
            }
            if untagged {
                all.push(of_kind(&json!("untagged"), kind, number));
            }
            if any || all.is_empty() {
                all.push(of_kind(&json!("any"), kind, number + 1));
            }
            if archived {
                all.push(expire(&json!("any"), "sinceImageTransitioned", 90));
            }
            all.extend(kept.as_ref().map(keep));
            policy(all)
        },
    )
}

fn ages() -> impl Strategy<Value = Option<i64>> {
    proptest::option::of(0..9_i64)
}

fn images() -> impl Strategy<Value = Vec<Stored>> {
    let tags = proptest::sample::subsequence(vec!["a1", "a2", "b1", "b2", "c", "d"], 0..3);
    let image = (tags, 0..9_i64, (ages(), ages()), (0..9_u8, 0..8_u8), any::<prop::sample::Index>());
    proptest::collection::vec(image, 0..14).prop_map(|drawn| {
        let mut images: Vec<Stored> = Vec::new();
        for (at, (tags, days, (pulled, tagged), (kind, protection), other)) in drawn.into_iter().enumerate() {
            let id = i64::try_from(at).unwrap() + 1;
            let mut image = pushed(id, &tags, days);
            image.pulled_at = pulled.map(|days| NOW - days * DAY);
            image.tagged_at = tagged.map(|days| NOW - days * DAY);
            image.is_protected = protection == 0;
            // Relations are to earlier images, so they have no cycle; one may be missing.
            let earlier = i64::try_from(other.index(at + 1)).unwrap();
            match kind {
                0 => image = image.archived(88 + days),
                1 => image.subject = Some(earlier),
                2 => image = image.archived(88 + days).of(earlier),
                3 | 4 => image.parents = vec![earlier],
                5 => image.parents = vec![earlier, earlier / 2],
                _ => {}
            }
            images.push(image);
        }
        images
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8_000))]

    #[test]
    fn two_evaluators_decide_the_same(policy in rules(), images in images()) {
        let decided = decided(&policy, &images);
        let by_image: BTreeMap<i64, (Action, u32)> =
            decided.iter().map(|(image, action, priority)| (*image, (*action, *priority))).collect();
        prop_assert_eq!(by_image.len(), decided.len(), "an image is decided once");
        prop_assert_eq!(by_image, naive(&policy, &images));
    }
}
