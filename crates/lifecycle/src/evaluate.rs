//! The evaluation of a policy: one pass over the images of a repository.
//!
//! All rules identify images at the same time. The rule of the lowest number whose tag requirement an image meets is the
//! only one that can mark it; the other rules still count it. Images of the standard class come newest first, so a rule
//! that keeps N images needs only a counter.

use crate::plan::{Cause, Decision, Plan, Relations};
use crate::policy::{Action, Count, Policy, Rule, StorageClass};

const MICROS_PER_DAY: i64 = 24 * 60 * 60 * 1_000_000;
/// How long a referrer whose subject is missing stays: it may have been pushed before its subject.
const ORPHAN_GRACE: i64 = MICROS_PER_DAY;

/// An image as an evaluation sees it. Times are microseconds of the same clock.
#[derive(Clone, Copy, Debug)]
pub struct Image<'a> {
    pub id: i64,
    pub storage_class: StorageClass,
    pub tags: &'a [String],
    /// When it was pushed, or last restored from the archive.
    pub activated_at: i64,
    pub pulled_at: Option<i64>,
    /// When it last got a tag, even if it does not have the tag any more.
    pub tagged_at: Option<i64>,
    pub archived_at: Option<i64>,
    /// The indexes of the repository that list it.
    pub parents: &'a [Parent],
    pub subject: Subject,
    /// No rule expires or archives it, whatever the policy says. Rules count it.
    pub is_protected: bool,
}

/// An index that lists an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    pub id: i64,
    pub storage_class: StorageClass,
}

/// The image that a referrer refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// It is not a referrer.
    None,
    /// The repository has the subject.
    Present { id: i64, storage_class: StorageClass },
    /// The repository does not have it.
    Missing,
}

/// An image came before a newer one of the same storage class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("images must be evaluated from the newest to the oldest")]
pub struct OutOfOrder;

/// A pass over the images of a repository.
#[derive(Debug)]
pub struct Evaluation<'a> {
    policy: &'a Policy,
    now: i64,
    /// How many images each rule has identified.
    identified: Vec<u64>,
    /// The place of the last image of the standard class.
    last: (i64, i64),
    plan: Plan,
    relations: Relations,
}

impl<'a> Evaluation<'a> {
    /// Begins a pass.
    pub fn new(policy: &'a Policy, now: i64) -> Self {
        Self {
            policy,
            now,
            identified: vec![0; policy.rules.len()],
            last: (i64::MAX, i64::MAX),
            plan: Plan::new(policy),
            relations: Relations::default(),
        }
    }

    /// Evaluates the next image. Images of the standard class come in the order of (`activated_at`, `id`), the highest
    /// first; archived ones may come at any place.
    pub fn image(&mut self, image: &Image<'_>) -> Result<(), OutOfOrder> {
        if image.storage_class == StorageClass::Standard {
            let place = (image.activated_at, image.id);
            if place > self.last {
                return Err(OutOfOrder);
            }
            self.last = place;
        }
        let is_kept = image.is_protected || self.policy.is_kept(image.tags);
        match image.subject {
            Subject::None => {
                // What is kept is counted too.
                if let Some((rule, spare)) = self.marking_rule(image)
                    && !is_kept
                {
                    let action = self.plan.action_of(rule);
                    let index = self.plan.mark(image.id, rule, spare);
                    self.relations.listed(index, waits_for(image.parents, action));
                }
            }
            Subject::Present { .. } | Subject::Missing if is_kept => {}
            // A referrer is not selected on its own: it follows its subject.
            Subject::Present { id, storage_class } => {
                let follows_archive = storage_class == StorageClass::Archive;
                if follows_archive && image.storage_class == StorageClass::Standard {
                    self.plan.follow_archived(image.id);
                } else {
                    self.plan.refer(id, image.id);
                }
            }
            Subject::Missing => {
                if self.now.saturating_sub(image.activated_at) > ORPHAN_GRACE {
                    self.plan.orphan(image.id);
                }
            }
        }
        Ok(())
    }

    /// The rule that marks an image, and how many images it has to spare. Counts the image for every rule that identifies
    /// it.
    fn marking_rule(&mut self, image: &Image<'_>) -> Option<(usize, Option<u64>)> {
        let mut first = None;
        let rules = self.policy.rules.iter().zip(&mut self.identified).enumerate();
        for (at, (rule, identified)) in rules {
            if rule.storage_class != image.storage_class || !rule.selector.matches(image.tags) {
                continue;
            }
            let newer = *identified;
            *identified += 1;
            if first.is_none() {
                let spare = match rule.count {
                    Count::ImageCountMoreThan(kept) => Some(newer.saturating_sub(kept)),
                    _ => None,
                };
                first = Some((at, spare, is_met(rule.count, newer, image, self.now)));
            }
        }
        first.filter(|(.., is_met)| *is_met).map(|(at, spare, _)| (at, spare))
    }

    /// Ends the pass.
    pub fn finish(self) -> Plan {
        self.plan.with(&self.relations)
    }
}

impl Policy {
    fn is_kept(&self, tags: &[String]) -> bool {
        self.keeps().iter().any(|selector| selector.matches(tags))
    }

    /// Whether a decision of an evaluation that began at `began` still stands for the image as it is now. It is not known
    /// here whether images have left a rule that counts images: see [`Decision::spare`].
    pub fn confirms(&self, decision: &Decision, image: &Image<'_>, began: i64) -> bool {
        if image.is_protected || self.is_kept(image.tags) {
            return false;
        }
        let Cause::Rule(priority) = decision.cause else { return image.subject != Subject::None };
        if decision.subject.is_some() {
            return image.subject != Subject::None;
        }
        let identifies =
            |rule: &&Rule| rule.storage_class == image.storage_class && rule.selector.matches(image.tags);
        // An image that was restored meanwhile is newer than the evaluation knows.
        let is_known = image.subject == Subject::None && image.activated_at <= began;
        is_known
            && self.rules.iter().find(identifies).is_some_and(|rule| {
                rule.priority == priority && (decision.spare.is_some() || is_met(rule.count, 0, image, began))
            })
    }
}

/// Whether an image that a rule identifies meets its count. Ages are strictly more than the days.
fn is_met(count: Count, newer: u64, image: &Image<'_>, now: i64) -> bool {
    let older_than = |at: i64, days: u64| {
        let span = i64::try_from(days).unwrap_or(i64::MAX).saturating_mul(MICROS_PER_DAY);
        now.saturating_sub(at) > span
    };
    match count {
        Count::ImageCountMoreThan(kept) => newer >= kept,
        Count::SinceImagePushed(days) => older_than(image.activated_at, days),
        // Never pulled, or not since it was restored: the time of the push or of the restore counts.
        Count::SinceImagePulled(days) => {
            older_than(image.pulled_at.unwrap_or(image.activated_at).max(image.activated_at), days)
        }
        Count::SinceImageTagged(days) => {
            older_than(image.tagged_at.unwrap_or(image.activated_at).max(image.activated_at), days)
        }
        Count::SinceImageTransitioned(days) => image.archived_at.is_some_and(|at| older_than(at, days)),
    }
}

/// The indexes that must go first. An archived index lets its children follow it to the archive.
fn waits_for(parents: &[Parent], action: Action) -> impl Iterator<Item = i64> + '_ {
    parents
        .iter()
        .filter(move |parent| action == Action::Expire || parent.storage_class == StorageClass::Standard)
        .map(|parent| parent.id)
}
