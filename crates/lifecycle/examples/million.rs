//! Evaluates a policy of 50 rules over 1,000,000 images, half of them in indexes or referrers, and prints the time and the
//! memory: `cargo run --release -p lifecycle --example million`.
#![allow(clippy::print_stdout, reason = "a program for a developer")]

use std::time::Instant;

use lifecycle::{Evaluation, Image, OutOfOrder, Parent, Policy, StorageClass, Subject};

const IMAGES: i64 = 1_000_000;
const DAY: i64 = 86_400_000_000;

/// The largest resident size of this process, in KiB (Linux).
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    line.unwrap_or("VmHWM: unknown").to_owned()
}

fn text() -> String {
    let rule = |priority: u32, selection: &str| {
        format!(
            "{{\"rulePriority\":{priority},\"selection\":{{{selection},\"countType\":\"imageCountMoreThan\",\
             \"countNumber\":10}},\"action\":{{\"type\":\"expire\"}}}}"
        )
    };
    let mut rules: Vec<String> = (1..49)
        .map(|at| rule(at, &format!("\"tagStatus\":\"tagged\",\"tagPatternList\":[\"team{at}-*-rc*\"]")))
        .collect();
    rules.push(rule(49, "\"tagStatus\":\"untagged\""));
    rules.push(rule(50, "\"tagStatus\":\"any\""));
    format!("{{\"rules\":[{}]}}", rules.join(","))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let policy = Policy::parse(&text())?;
    let now = IMAGES * 1_000_000 + 400 * DAY;
    println!("before: {}", peak());
    let began = Instant::now();
    let mut evaluation = Evaluation::new(&policy, now);
    for id in (1..=IMAGES).rev() {
        one(&mut evaluation, id)?;
    }
    let plan = evaluation.finish();
    let decided = plan.decisions().count();
    println!("{decided} decisions of {IMAGES} images in {:?}; {}", began.elapsed(), peak());
    Ok(())
}

/// Of four images, two are children of the third, which is an index, and the last refers to the third.
fn one(evaluation: &mut Evaluation<'_>, id: i64) -> Result<(), OutOfOrder> {
    let index = id - id % 4 + 2;
    let tags =
        if id % 4 == 2 { vec![format!("team{}-{id}-rc1", id % 60), format!("sha-{id}")] } else { Vec::new() };
    let parents = [Parent { id: index, storage_class: StorageClass::Standard }];
    evaluation.image(&Image {
        id,
        storage_class: StorageClass::Standard,
        tags: &tags,
        activated_at: id * 1_000_000,
        pulled_at: None,
        tagged_at: None,
        archived_at: None,
        parents: if id % 4 < 2 { &parents } else { &[] },
        subject: if id % 4 == 3 {
            Subject::Present { id: index, storage_class: StorageClass::Standard }
        } else {
            Subject::None
        },
        is_protected: false,
    })
}
