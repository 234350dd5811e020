//! Reads a policy document: its members, then the rules that span members (user guide, "Lifecycle policy properties in
//! Amazon ECR" and "Automate the cleanup of images by using lifecycle policies in Amazon ECR").

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use crate::pattern::{MOST_WILDCARDS, Pattern};
use crate::policy::{Action, Count, Rule, Selector, StorageClass};
use crate::schema::{object, one_of, positive, text, texts, wrong_type};

/// The maximum number of rules in a policy (user guide, "Amazon ECR service quotas").
const MOST_RULES: usize = 50;
/// Bytes stay in the archive for at least this many days (user guide, "Archiving an image").
const LEAST_ARCHIVE_DAYS: u64 = 90;

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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownSelection {
    tag_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag_pattern_list: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag_prefix_list: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    storage_class: Option<&'static str>,
    count_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    count_unit: Option<&'static str>,
    count_number: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownAction {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_storage_class: Option<&'static str>,
}

/// The rules of a document, by priority, and the document as it is shown.
pub(crate) fn read(text: &str) -> Result<(Vec<Rule>, String), Invalid> {
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
    read.sort_by_key(|(rule, _)| rule.priority);
    let (rules, shown): (Vec<Rule>, Vec<ShownRule>) = read.into_iter().unzip();
    check_together(&rules, &shown)?;
    let shown = serde_json::to_string(&Shown { rules: shown }).map_err(|_| unmapped())?;
    Ok((rules, shown))
}

fn read_rule(value: &Value) -> Result<(Rule, ShownRule), Invalid> {
    let rule = object(value, &["rulePriority", "selection", "action"], &["description"])?;
    let member = |name: &str| rule.get(name).unwrap_or(&Value::Null);
    let (action, shown_action) = read_action(member("action"))?;
    let (selector, storage_class, count, selection) = read_selection(member("selection"))?;
    check_combination(storage_class, count, action)?;
    let priority = positive(member("rulePriority"))?;
    let description = rule.get("description").map(text).transpose()?.map(str::to_owned);
    let shown = ShownRule { rule_priority: priority, description, selection, action: shown_action };
    Ok((Rule { priority, selector, storage_class, count, action }, shown))
}

fn read_action(value: &Value) -> Result<(Action, ShownAction), Invalid> {
    let action = object(value, &["type"], &["targetStorageClass"])?;
    let kinds = [("expire", ("expire", Action::Expire)), ("transition", ("transition", Action::Archive))];
    // ECR's text lists only the first value; clients' tests compare it.
    let (kind, parsed) = one_of(action.get("type").unwrap_or(&Value::Null), &kinds, &["expire"])?;
    let target = action
        .get("targetStorageClass")
        .map(|target| one_of(target, &[("archive", "archive")], &["archive"]))
        .transpose()?;
    match (parsed, target) {
        (Action::Archive, None) => {
            Err(Invalid::closed("object has missing required properties ([\"targetStorageClass\"])"))
        }
        (Action::Expire, Some(_)) => Err(Invalid::closed(
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

fn read_selection(value: &Value) -> Result<(Selector, StorageClass, Count, ShownSelection), Invalid> {
    let optional = ["tagPatternList", "tagPrefixList", "storageClass", "countUnit"];
    let selection = object(value, &["tagStatus", "countType", "countNumber"], &optional)?;
    let member = |name: &str| selection.get(name).unwrap_or(&Value::Null);
    let statuses = [
        ("tagged", ("tagged", TagStatus::Tagged)),
        ("untagged", ("untagged", TagStatus::Untagged)),
        ("any", ("any", TagStatus::Any)),
    ];
    let (tag_status, status) = one_of(member("tagStatus"), &statuses, &["any", "tagged", "untagged"])?;
    let count_type = count_type(text(member("countType"))?)?;
    let unit = |value: &Value| one_of(value, &[("days", "days")], &["days"]);
    let count_unit = selection.get("countUnit").map(unit).transpose()?;
    let count_number = positive(member("countNumber"))?;
    if count_unit.is_some() == (count_type == "imageCountMoreThan") {
        return Err(no_schema());
    }
    let tag_pattern_list = selection.get("tagPatternList").map(texts).transpose()?;
    let tag_prefix_list = selection.get("tagPrefixList").map(texts).transpose()?;
    let selector = selector(status, tag_pattern_list.as_deref(), tag_prefix_list.as_deref())?;
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
        "sinceImagePulled" => Count::SinceImagePulled(number),
        _ => Count::SinceImageTransitioned(number),
    };
    let storage_class = class.map(|(name, _)| name);
    let shown = ShownSelection {
        tag_status,
        tag_pattern_list,
        tag_prefix_list,
        storage_class,
        count_type,
        count_unit,
        count_number,
    };
    Ok((selector, class.map_or(StorageClass::Standard, |(_, class)| class), count, shown))
}

fn no_schema() -> Invalid {
    Invalid::open("instance failed to match exactly one schema (matched 0 out of 2)")
}

fn count_type(text: &str) -> Result<&'static str, Invalid> {
    const TYPES: [&str; 4] =
        ["imageCountMoreThan", "sinceImagePushed", "sinceImagePulled", "sinceImageTransitioned"];
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
fn check_combination(class: StorageClass, count: Count, action: Action) -> Result<(), Invalid> {
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
        (Count::SinceImagePulled(_), _, Action::Expire) => {
            "countType=sinceImagePulled can only be used with the transition action."
        }
        _ => return Ok(()),
    };
    Err(Invalid::closed(reason))
}

/// What rules must not have in common.
fn check_together(rules: &[Rule], shown: &[ShownRule]) -> Result<(), Invalid> {
    if rules.windows(2).any(|pair| matches!(pair, [a, b] if a.priority == b.priority)) {
        return Err(Invalid::closed("Rule priorities must be unique."));
    }
    for class in [StorageClass::Standard, StorageClass::Archive] {
        let of_class = || rules.iter().filter(|rule| rule.storage_class == class);
        if of_class().filter(|rule| rule.selector == Selector::Untagged).count() > 1 {
            return Err(Invalid::closed("Only one rule can select Untagged images per storage class"));
        }
        if of_class().rev().skip(1).any(|rule| rule.selector == Selector::Any) {
            return Err(Invalid::closed(
                "Rule for tagStatus=ANY must have the lowest priority per storage class",
            ));
        }
        let mut seen = BTreeSet::new();
        let lists = rules.iter().zip(shown).filter(|(rule, _)| rule.storage_class == class);
        for (_, ShownRule { selection, .. }) in lists {
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
