//! What an evaluation decided. It holds 13 bytes for each image that a rule marks, 16 for each index that must go before
//! such an image, and 16 for each referrer.

use crate::policy::{Action, Policy};

/// Why something happens to an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The rule of this priority marked it, or marked its subject.
    Rule(u32),
    /// Its subject was archived before.
    SubjectArchived,
    /// Its subject is gone.
    SubjectGone,
}

/// What happens to an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    pub image: i64,
    pub action: Action,
    pub cause: Cause,
    /// The subject that goes first, if this is a referrer that follows it.
    pub subject: Option<i64>,
    /// How many more newer images there are than the rule keeps, if the rule counts images. The decision holds as long as
    /// at most this many images have left the rule since.
    pub spare: Option<u32>,
}

/// Which marked images wait for which indexes.
#[derive(Debug, Default)]
pub(crate) struct Relations {
    children: Vec<u32>,
    parents: Vec<i64>,
}

impl Relations {
    pub(crate) fn listed(&mut self, child: u32, parents: impl Iterator<Item = i64>) {
        for parent in parents {
            self.children.push(child);
            self.parents.push(parent);
        }
    }

    /// The relations in the order of their indexes.
    fn by_parent(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0_u32..).take(self.parents.len()).collect();
        order.sort_unstable_by_key(|at| self.parent_at(*at));
        order
    }

    fn parent_at(&self, at: u32) -> i64 {
        usize::try_from(at).ok().and_then(|at| self.parents.get(at)).copied().unwrap_or_default()
    }

    fn child_at(&self, at: u32) -> u32 {
        usize::try_from(at).ok().and_then(|at| self.children.get(at)).copied().unwrap_or(u32::MAX)
    }
}

/// The decisions for one repository.
#[derive(Debug)]
pub struct Plan {
    /// Priority and action of each rule.
    rules: Vec<(u32, Action)>,
    /// The marked images in the order of the pass: newest first.
    images: Vec<i64>,
    /// The rule of each.
    marked_by: Vec<u8>,
    /// The spare images of each; [`AGE`] if its rule does not count images.
    spare: Vec<u32>,
    /// Those of them that an index lists, by their place.
    listed: Vec<u32>,
    /// Subjects and their referrers.
    referrers: Vec<(i64, i64)>,
    subject_archived: Vec<i64>,
    subject_gone: Vec<i64>,
}

/// In `marked_by`: an index that stays lists the image, so it stays too.
const STAYS: u8 = u8::MAX;
/// In `spare`: the rule is about the age.
const AGE: u32 = u32::MAX;

impl Plan {
    pub(crate) fn new(policy: &Policy) -> Self {
        Self {
            rules: policy.rules.iter().map(|rule| (rule.priority, rule.action)).collect(),
            images: Vec::new(),
            marked_by: Vec::new(),
            spare: Vec::new(),
            listed: Vec::new(),
            referrers: Vec::new(),
            subject_archived: Vec::new(),
            subject_gone: Vec::new(),
        }
    }

    pub(crate) fn action_of(&self, rule: usize) -> Action {
        self.rules.get(rule).map_or(Action::Archive, |(_, action)| *action)
    }

    /// Marks an image; returns its place.
    pub(crate) fn mark(&mut self, image: i64, rule: usize, spare: Option<u64>) -> u32 {
        let place = u32::try_from(self.images.len()).unwrap_or(u32::MAX);
        self.images.push(image);
        // A policy has at most 50 rules.
        self.marked_by.push(u8::try_from(rule).unwrap_or(STAYS));
        self.spare.push(spare.map_or(AGE, |spare| u32::try_from(spare).unwrap_or(AGE - 1)));
        place
    }

    pub(crate) fn refer(&mut self, subject: i64, referrer: i64) {
        self.referrers.push((subject, referrer));
    }

    pub(crate) fn follow_archived(&mut self, referrer: i64) {
        self.subject_archived.push(referrer);
    }

    pub(crate) fn orphan(&mut self, referrer: i64) {
        self.subject_gone.push(referrer);
    }

    /// Takes out the images whose indexes stay, and then what they list, if they are indexes too.
    pub(crate) fn with(mut self, relations: &Relations) -> Self {
        self.referrers.sort_unstable();
        if relations.children.is_empty() {
            return self;
        }
        let mut by_id: Vec<u32> = (0_u32..).take(self.images.len()).collect();
        by_id.sort_unstable_by_key(|place| self.image_at(*place));
        let mut staying = Vec::new();
        for (child, parent) in relations.children.iter().zip(&relations.parents) {
            if !self.goes_before(*parent, *child, &by_id) {
                self.keep(*child, &mut staying);
            }
        }
        drop(by_id);
        let by_parent = relations.by_parent();
        while let Some(parent) = staying.pop() {
            let parent = self.image_at(parent);
            let first = by_parent.partition_point(|at| relations.parent_at(*at) < parent);
            for at in by_parent.iter().skip(first).take_while(|at| relations.parent_at(**at) == parent) {
                self.keep(relations.child_at(*at), &mut staying);
            }
        }
        self.listed.clone_from(&relations.children);
        self.listed.dedup();
        self
    }

    /// An image that was marked stays. What it lists is looked at later.
    fn keep(&mut self, place: u32, staying: &mut Vec<u32>) {
        let rule = usize::try_from(place).ok().and_then(|at| self.marked_by.get_mut(at));
        if let Some(rule) = rule
            && *rule != STAYS
        {
            *rule = STAYS;
            staying.push(place);
        }
    }

    /// Whether an index goes, so that the image that it lists can go. An image is not deleted while an index in the archive
    /// lists it.
    fn goes_before(&self, parent: i64, child: u32, by_id: &[u32]) -> bool {
        let Ok(found) = by_id.binary_search_by_key(&parent, |place| self.image_at(*place)) else {
            return false;
        };
        let rule = by_id.get(found).map_or(STAYS, |place| self.rule_at(*place));
        let action = |rule: u8| self.action_of(usize::from(rule));
        rule != STAYS && (action(rule) == Action::Expire || action(self.rule_at(child)) == Action::Archive)
    }

    fn image_at(&self, place: u32) -> i64 {
        usize::try_from(place).ok().and_then(|at| self.images.get(at)).copied().unwrap_or_default()
    }

    fn rule_at(&self, place: u32) -> u8 {
        usize::try_from(place).ok().and_then(|at| self.marked_by.get(at)).copied().unwrap_or(STAYS)
    }

    /// The decisions in the order in which they are carried out: images that no index lists, from the oldest to the newest
    /// and each with its referrers, then the images of indexes, then referrers whose subjects went before.
    pub fn decisions(&self) -> impl Iterator<Item = Decision> + '_ {
        let all = 0_u32..u32::try_from(self.images.len()).unwrap_or(u32::MAX);
        let unlisted = all.rev().filter(|place| self.listed.binary_search(place).is_err());
        let marked = unlisted.chain(self.listed.iter().copied()).filter_map(|place| self.decision(place));
        let with_referrers = marked.flat_map(|decision| self.followed(decision));
        let archived = self.subject_archived.iter().rev().map(|image| Decision {
            image: *image,
            action: Action::Archive,
            cause: Cause::SubjectArchived,
            subject: None,
            spare: None,
        });
        let gone = self.subject_gone.iter().rev().map(|image| Decision {
            image: *image,
            action: Action::Expire,
            cause: Cause::SubjectGone,
            subject: None,
            spare: None,
        });
        with_referrers.chain(archived).chain(gone)
    }

    fn decision(&self, place: u32) -> Option<Decision> {
        let (priority, action) = *self.rules.get(usize::from(self.rule_at(place)))?;
        let spare = usize::try_from(place).ok().and_then(|at| self.spare.get(at)).copied();
        Some(Decision {
            image: self.image_at(place),
            action,
            cause: Cause::Rule(priority),
            subject: None,
            spare: spare.filter(|spare| *spare != AGE),
        })
    }

    /// A decision, and those for the referrers of its image, their referrers, and so on.
    fn followed(&self, decision: Decision) -> Vec<Decision> {
        let mut decisions = vec![decision];
        let mut at = 0;
        while let Some(subject) = decisions.get(at).map(|decision| decision.image) {
            let start = self.referrers.partition_point(|(known, _)| *known < subject);
            let of_subject = self.referrers.iter().skip(start).take_while(|(known, _)| *known == subject);
            decisions.extend(of_subject.map(|(_, image)| Decision {
                image: *image,
                subject: Some(subject),
                ..decision
            }));
            at += 1;
        }
        decisions
    }
}
