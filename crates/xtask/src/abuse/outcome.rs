//! The results of an attack: figures and checks.

use serde_json::{Value, json};

use crate::tally::Tally;

/// A check.
pub(super) struct Check {
    /// The condition, with its limit.
    pub(super) what: String,
    pub(super) holds: bool,
    /// The measured value.
    pub(super) seen: String,
}

impl Check {
    /// A check with its result.
    pub(super) fn new(what: impl Into<String>, holds: bool, seen: impl Into<String>) -> Self {
        Self { what: what.into(), holds, seen: seen.into() }
    }
}

/// All results of one attack.
pub(super) struct Verdict {
    pub(super) name: String,
    /// The columns of the table after the name.
    pub(super) figures: Vec<(&'static str, String)>,
    pub(super) checks: Vec<Check>,
}

impl Verdict {
    /// An attack that could not run, or after which the server did not answer.
    pub(super) fn broken(name: &str, error: &anyhow::Error) -> Self {
        let check = Check::new("the attack can be made", false, format!("{error:#}"));
        Self { name: name.to_owned(), figures: Vec::new(), checks: vec![check] }
    }

    /// The number of passed and failed checks.
    pub(super) fn tally(&self) -> Tally {
        let passed = self.checks.iter().filter(|check| check.holds).count();
        Tally { passed: passed as u64, failed: (self.checks.len() - passed) as u64 }
    }

    /// The figures, and a line for each check.
    pub(super) fn print(&self) {
        let figures = self.figures.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>();
        println!("{}: {}", self.name, figures.join(", "));
        for Check { what, holds, seen } in &self.checks {
            println!("  {} {what}: {seen}", if *holds { "ok  " } else { "FAIL" });
        }
    }

    fn to_json(&self) -> Value {
        let figures = self.figures.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
        let checks = self
            .checks
            .iter()
            .map(|check| json!({"what": check.what, "holds": check.holds, "seen": check.seen}));
        json!({
            "attack": self.name,
            "figures": figures.collect::<serde_json::Map<_, _>>(),
            "checks": checks.collect::<Vec<_>>(),
        })
    }
}

/// The table of all attacks, in markdown.
pub(super) fn table(verdicts: &[Verdict]) -> String {
    let columns = verdicts.iter().map(|verdict| &verdict.figures).max_by_key(|figures| figures.len());
    let names: Vec<&str> = columns.into_iter().flatten().map(|(name, _)| *name).collect();
    let mut lines = vec![format!("| attack | {} | verdict |", names.join(" | "))];
    lines.push(format!("| --- |{} --- |", " --- |".repeat(names.len())));
    for verdict in verdicts {
        let figures = names.iter().map(|name| {
            let found = verdict.figures.iter().find(|(column, _)| column == name);
            found.map_or("-", |(_, value)| value.as_str())
        });
        let Tally { failed, .. } = verdict.tally();
        let closing = if failed == 0 { "ok".to_owned() } else { format!("{failed} failed") };
        lines.push(format!("| {} | {} | {closing} |", verdict.name, figures.collect::<Vec<_>>().join(" | ")));
    }
    lines.join("\n")
}

/// All attacks as JSON.
pub(super) fn to_json(verdicts: &[Verdict]) -> Value {
    verdicts.iter().map(Verdict::to_json).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_attack_has_a_row_and_counts_as_failed() {
        let good = Verdict {
            name: "a".to_owned(),
            figures: vec![("peak", "1 MiB".to_owned())],
            checks: vec![Check::new("x", true, "y")],
        };
        let broken = Verdict::broken("b", &anyhow::anyhow!("no server"));
        assert_eq!(broken.tally(), Tally { passed: 0, failed: 1 });
        let text = table(&[good, broken]);
        assert!(text.ends_with("| a | 1 MiB | ok |\n| b | - | 1 failed |"), "{text}");
    }
}
