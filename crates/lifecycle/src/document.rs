//! Reads a policy document: its members, then the rules that span members (user guide, "Lifecycle policy properties in
//! Amazon ECR" and "Automate the cleanup of images by using lifecycle policies in Amazon ECR").

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use crate::pattern::{MOST_WILDCARDS, Pattern};
use crate::policy::{Action, Count, Rule, Selector, StorageClass};
use crate::schema::{Object, object, one_of, positive, text, texts, wrong_type};

/// The maximum number of rules in a policy (user guide, "Amazon ECR service quotas").
const MOST_RULES: usize = 50;
/// Bytes stay in the archive for at least this many days (user guide, "Archiving an image").
const LEAST_ARCHIVE_DAYS: u64 = 90;
/// The age since the last pull, for rules that expire images. An extension of Wharf.
const PULLED: &str = "wharfSinceImagePulled";
/// The age since an image last got a tag. An extension of Wharf.
const TAGGED: &str = "wharfSinceImageTagged";

/// Why a document is refused, in ECR's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(String);

const PREFIX: &str = "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: \
                      'Lifecycle policy validation failure: ";

impl Invalid {
    /// A text with the closing quote.
    pub(crate) fn closed(reason: &str) -> Self {
        Self(format!("{PREFIX}{reason}'"))
    }

    /// A text without the closing quote: ECR's texts of these reasons go on after what is known of them.
    pub(crate) fn open(reason: &str) -> Self {
        Self(format!("{PREFIX}{reason}"))
    }
}

/// A document as it is shown.
#[derive(Serialize)]
struct Shown {
    rules: Vec<ShownRule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownRule {
    rule_priority: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    selection: ShownSelection,
    action: ShownAction,
}

impl ShownRule {
    /// The extension of Wharf that the rule uses.
    fn extension(&self) -> Option<&'static str> {
        let names = [Some(self.action.kind), self.selection.count_type];
        names.into_iter().flatten().find(|name| name.starts_with("wharf"))
    }
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownSelection {
    tag_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag_pattern_list: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag_prefix_list: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    storage_class: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count_unit: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count_number: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownAction {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_storage_class: Option<&'static str>,
}

/// What a document says.
pub(crate) struct Document {
    /// The rules that mark images, by priority.
    pub(crate) rules: Vec<Rule>,
    /// The tag requirements of the rules that keep images.
    pub(crate) keeps: Vec<Selector>,
    /// The document as it is shown.
    pub(crate) text: String,
    /// The first extension of Wharf that it uses.
    pub(crate) extension: Option<&'static str>,
}

/// What a rule of a document does.
enum Effect {
    Mark(Rule),
    Keep(Selector),
}

/// Reads a document.
pub(crate) fn read(text: &str) -> Result<Document, Invalid> {
    let unmapped = || Invalid::closed("Could not map policyString into LifecyclePolicy.");
    let document: Value = serde_json::from_str(text).map_err(|_| unmapped())?;
    let members = document.as_object().ok_or_else(unmapped)?;
    let missing = || Invalid::closed("object has missing required properties ([\"rules\"])");
    let rules = members.get("rules").and_then(Value::as_array).ok_or_else(missing)?;
    object(&document, &["rules"], &[])?;
    if let Some(rule) = rules.iter().find(|rule| !rule.is_object()) {
        return Err(wrong_type(rule, "object"));
    }
    let (few, many) = (rules.is_empty(), rules.len() > MOST_RULES);
    if few || many {
        let (adjective, bound) = if few { ("short", "least 1") } else { ("long", "most 50") };
        return Err(Invalid::closed(&format!(
            "array is too {adjective}: must have at {bound} elements but instance has {} elements",
            rules.len()
        )));
    }
    let mut read = rules.iter().map(read_rule).collect::<Result<Vec<_>, _>>()?;
    read.sort_by_key(|(_, shown)| shown.rule_priority);
    check_together(&read)?;
    let (mut rules, mut keeps, mut shown) = (Vec::new(), Vec::new(), Vec::new());
    for (effect, shown_rule) in read {
        match effect {
            Effect::Mark(rule) => rules.push(rule),
            Effect::Keep(selector) => keeps.push(selector),
        }
        shown.push(shown_rule);
    }
    let extension = shown.iter().find_map(ShownRule::extension);
    let text = serde_json::to_string(&Shown { rules: shown }).map_err(|_| unmapped())?;
    Ok(Document { rules, keeps, text, extension })
}

fn read_rule(value: &Value) -> Result<(Effect, ShownRule), Invalid> {
    let rule = object(value, &["rulePriority", "selection", "action"], &["description"])?;
    let member = |name: &str| rule.get(name).unwrap_or(&Value::Null);
    let (action, shown_action) = read_action(member("action"))?;
    let (selector, marking, selection) = match action {
        None => {
            let (selector, selection) = read_kept(member("selection"))?;
            (selector, None, selection)
        }
        Some(action) => {
            let (selector, class, (count, count_type), selection) = read_selection(member("selection"))?;
            check_combination(class, (count, count_type), action)?;
            (selector, Some((class, count, action)), selection)
        }
    };
    let priority = positive(member("rulePriority"))?;
    let description = rule.get("description").map(text).transpose()?.map(str::to_owned);
    let shown = ShownRule { rule_priority: priority, description, selection, action: shown_action };
    let effect = match marking {
        None => Effect::Keep(selector),
        Some((storage_class, count, action)) => {
            Effect::Mark(Rule { priority, selector, storage_class, count, action })
        }
    };
    Ok((effect, shown))
}

/// The action of a rule; None if it keeps images.
fn read_action(value: &Value) -> Result<(Option<Action>, ShownAction), Invalid> {
    let action = object(value, &["type"], &["targetStorageClass"])?;
    let kinds = [
        ("expire", ("expire", Some(Action::Expire))),
        ("transition", ("transition", Some(Action::Archive))),
        ("wharfKeep", ("wharfKeep", None)),
    ];
    // ECR's text lists only the first value; clients' tests compare it.
    let (kind, parsed) = one_of(action.get("type").unwrap_or(&Value::Null), &kinds, &["expire"])?;
    let target = action
        .get("targetStorageClass")
        .map(|target| one_of(target, &[("archive", "archive")], &["archive"]))
        .transpose()?;
    match (parsed, target) {
        (Some(Action::Archive), None) => {
            Err(Invalid::closed("object has missing required properties ([\"targetStorageClass\"])"))
        }
        (Some(Action::Expire) | None, Some(_)) => Err(Invalid::closed(
            "object instance has properties which are not allowed by the schema: ([\"targetStorageClass\"])",
        )),
        _ => Ok((parsed, ShownAction { kind, target_storage_class: target })),
    }
}

#[derive(Clone, Copy)]
enum TagStatus {
    Tagged,
    Untagged,
    Any,
}

const LISTS: [&str; 2] = ["tagPatternList", "tagPrefixList"];

fn read_tag_status(value: &Value) -> Result<(&'static str, TagStatus), Invalid> {
    let statuses = [
        ("tagged", ("tagged", TagStatus::Tagged)),
        ("untagged", ("untagged", TagStatus::Untagged)),
        ("any", ("any", TagStatus::Any)),
    ];
    one_of(value, &statuses, &["any", "tagged", "untagged"])
}

/// The selection of a rule that keeps images: a tag requirement alone.
fn read_kept(value: &Value) -> Result<(Selector, ShownSelection), Invalid> {
    let selection = object(value, &["tagStatus"], &LISTS)?;
    let (tag_status, status) = read_tag_status(selection.get("tagStatus").unwrap_or(&Value::Null))?;
    let (selector, tags) = read_lists(selection, status)?;
    Ok((selector, ShownSelection { tag_status, ..tags }))
}

/// The tag requirement, and its lists as they are shown.
fn read_lists(selection: &Object, status: TagStatus) -> Result<(Selector, ShownSelection), Invalid> {
    let tag_pattern_list = selection.get("tagPatternList").map(texts).transpose()?;
    let tag_prefix_list = selection.get("tagPrefixList").map(texts).transpose()?;
    let selector = selector(status, tag_pattern_list.as_deref(), tag_prefix_list.as_deref())?;
    Ok((selector, ShownSelection { tag_pattern_list, tag_prefix_list, ..ShownSelection::default() }))
}

type Selection = (Selector, StorageClass, (Count, &'static str), ShownSelection);

fn read_selection(value: &Value) -> Result<Selection, Invalid> {
    let [patterns, prefixes] = LISTS;
    let optional = [patterns, prefixes, "storageClass", "countUnit"];
    let selection = object(value, &["tagStatus", "countType", "countNumber"], &optional)?;
    let member = |name: &str| selection.get(name).unwrap_or(&Value::Null);
    let (tag_status, status) = read_tag_status(member("tagStatus"))?;
    let count_type = count_type(text(member("countType"))?)?;
    let unit = |value: &Value| one_of(value, &[("days", "days")], &["days"]);
    let count_unit = selection.get("countUnit").map(unit).transpose()?;
    let count_number = positive(member("countNumber"))?;
    if count_unit.is_some() == (count_type == "imageCountMoreThan") {
        return Err(no_schema());
    }
    let (selector, tags) = read_lists(selection, status)?;
    let classes =
        [("standard", ("standard", StorageClass::Standard)), ("archive", ("archive", StorageClass::Archive))];
    let class = selection
        .get("storageClass")
        .map(|class| one_of(class, &classes, &["archive", "standard"]))
        .transpose()?;
    let number = u64::from(count_number);
    let count = match count_type {
        "imageCountMoreThan" => Count::ImageCountMoreThan(number),
        "sinceImagePushed" => Count::SinceImagePushed(number),
        "sinceImagePulled" | PULLED => Count::SinceImagePulled(number),
        TAGGED => Count::SinceImageTagged(number),
        _ => Count::SinceImageTransitioned(number),
    };
    let storage_class = class.map(|(name, _)| name);
    let (count_type_shown, count_number) = (Some(count_type), Some(count_number));
    let shown = ShownSelection {
        tag_status,
        storage_class,
        count_type: count_type_shown,
        count_unit,
        count_number,
        ..tags
    };
    let class = class.map_or(StorageClass::Standard, |(_, class)| class);
    Ok((selector, class, (count, count_type), shown))
}

fn no_schema() -> Invalid {
    Invalid::open("instance failed to match exactly one schema (matched 0 out of 2)")
}

fn count_type(text: &str) -> Result<&'static str, Invalid> {
    const TYPES: [&str; 6] = [
        "imageCountMoreThan",
        "sinceImagePushed",
        "sinceImagePulled",
        "sinceImageTransitioned",
        PULLED,
        TAGGED,
    ];
    TYPES.into_iter().find(|known| *known == text).ok_or_else(no_schema)
}

fn selector(
    status: TagStatus,
    patterns: Option<&[String]>,
    prefixes: Option<&[String]>,
) -> Result<Selector, Invalid> {
    match (status, patterns, prefixes) {
        (TagStatus::Tagged, Some(patterns), None) => {
            let many = |pattern: &&String| pattern.matches('*').count() > MOST_WILDCARDS;
            if let Some(pattern) = patterns.iter().find(many) {
                return Err(Invalid::closed(&format!(
                    "The tag pattern {pattern} has more than {MOST_WILDCARDS} wildcards."
                )));
            }
            Ok(Selector::Tagged(patterns.iter().map(|pattern| Pattern::wildcard(pattern)).collect()))
        }
        (TagStatus::Tagged, None, Some(prefixes)) => {
            Ok(Selector::Tagged(prefixes.iter().map(|prefix| Pattern::prefix(prefix)).collect()))
        }
        (TagStatus::Tagged, None, None) => {
            Err(Invalid::closed("Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED."))
        }
        (TagStatus::Tagged, Some(_), Some(_)) => {
            Err(Invalid::closed("Must not specify both tagPrefixList and tagPatternList."))
        }
        (TagStatus::Untagged, None, None) => Ok(Selector::Untagged),
        (TagStatus::Any, None, None) => Ok(Selector::Any),
        (TagStatus::Untagged | TagStatus::Any, ..) => {
            Err(Invalid::closed("Must specify tagStatus=TAGGED when using tagPrefixList or tagPatternList."))
        }
    }
}

/// Which count types go with which storage class and action.
fn check_combination(
    class: StorageClass,
    (count, count_type): (Count, &str),
    action: Action,
) -> Result<(), Invalid> {
    let reason = match (count, class, action) {
        (Count::SinceImageTransitioned(_), StorageClass::Standard, _) => {
            "countType=sinceImageTransitioned requires storageClass=archive."
        }
        (Count::SinceImageTransitioned(_), _, Action::Archive) => {
            "countType=sinceImageTransitioned can only be used with the expire action."
        }
        (Count::SinceImageTransitioned(days), ..) if days < LEAST_ARCHIVE_DAYS => {
            "countNumber must be at least 90 when countType=sinceImageTransitioned."
        }
        (Count::SinceImageTransitioned(_), ..) => return Ok(()),
        (_, StorageClass::Archive, _) => "storageClass=archive requires countType=sinceImageTransitioned.",
        (Count::SinceImagePulled(_), _, Action::Archive) if count_type == PULLED => {
            "countType=wharfSinceImagePulled can only be used with the expire action."
        }
        (Count::SinceImagePulled(_), _, Action::Expire) if count_type != PULLED => {
            "countType=sinceImagePulled can only be used with the transition action."
        }
        _ => return Ok(()),
    };
    Err(Invalid::closed(reason))
}

/// What rules must not have in common. Rules that keep images have only a priority of their own.
fn check_together(read: &[(Effect, ShownRule)]) -> Result<(), Invalid> {
    if read.windows(2).any(|pair| matches!(pair, [(_, a), (_, b)] if a.rule_priority == b.rule_priority)) {
        return Err(Invalid::closed("Rule priorities must be unique."));
    }
    for class in [StorageClass::Standard, StorageClass::Archive] {
        let of_class = || {
            read.iter().filter_map(|(effect, shown)| match effect {
                Effect::Mark(rule) if rule.storage_class == class => Some((rule, shown)),
                Effect::Mark(_) | Effect::Keep(_) => None,
            })
        };
        if of_class().filter(|(rule, _)| rule.selector == Selector::Untagged).count() > 1 {
            return Err(Invalid::closed("Only one rule can select Untagged images per storage class"));
        }
        if of_class().rev().skip(1).any(|(rule, _)| rule.selector == Selector::Any) {
            return Err(Invalid::closed(
                "Rule for tagStatus=ANY must have the lowest priority per storage class",
            ));
        }
        let mut seen = BTreeSet::new();
        for (_, ShownRule { selection, .. }) in of_class() {
            let list = selection.tag_pattern_list.as_ref().or(selection.tag_prefix_list.as_ref());
            let Some(list) = list else { continue };
            let set: BTreeSet<&String> = list.iter().collect();
            if !seen.insert((selection.tag_pattern_list.is_some(), set)) {
                return Err(Invalid::closed(
                    "The tagPrefixList or tagPatternList of each rule must be unique per storage class.",
                ));
            }
        }
    }
    Ok(())
}
