//! All mismatches in one table, so a reader sees all of them and not only the first.

use std::fmt::Write as _;

use super::table::Expected;
use super::wire::{Answer, Ask};

#[derive(Default)]
pub(super) struct Report {
    checks: usize,
    mismatches: Vec<[String; 4]>,
}

impl Report {
    /// Records a mismatch, if there is one.
    pub(super) fn note(&mut self, row: &str, class: &str, expected: String, got: Option<String>) {
        self.checks += 1;
        if let Some(got) = got {
            self.mismatches.push([row.to_owned(), class.to_owned(), expected, got]);
        }
    }

    /// Compares an answer with the expected one.
    pub(super) fn compare(
        &mut self,
        (row, class): (&str, &str),
        ask: &Ask,
        answer: &Answer,
        expected: &Expected,
    ) {
        let is_good = match expected {
            Expected::Success => (200..300).contains(&answer.status),
            Expected::Status(status) => answer.status == *status,
            Expected::Code(status, _) | Expected::Text(status, ..) if ask.is_head() => {
                answer.status == *status && answer.body.is_empty()
            }
            Expected::Code(status, code) => (answer.status, answer.code.as_str()) == (*status, code),
            Expected::Text(status, code, text) => {
                (answer.status, answer.code.as_str(), &answer.message) == (*status, code, text)
            }
        };
        let got = (!is_good).then(|| {
            let Answer { status, code, message, body, .. } = answer;
            match code.as_str() {
                "" => format!("{status} {body}"),
                code => format!("{status} {code}: {message}"),
            }
        });
        self.note(row, class, told(expected), got);
    }

    /// Fails with all mismatches, if there are any.
    #[track_caller]
    pub(super) fn finish(self, least: usize) {
        let mut table = String::new();
        for [row, class, expected, got] in &self.mismatches {
            writeln!(table, "{row} | {class}\n    expected {expected}\n    got      {got}").unwrap();
        }
        let (wrong, checks) = (self.mismatches.len(), self.checks);
        assert!(self.mismatches.is_empty(), "{wrong} of {checks} checks:\n{table}");
        assert!(checks >= least, "only {checks} checks were made, not {least}");
    }
}

fn told(expected: &Expected) -> String {
    match expected {
        Expected::Success => "success".to_owned(),
        Expected::Status(status) => status.to_string(),
        Expected::Code(status, code) => format!("{status} {code}"),
        Expected::Text(status, code, text) => format!("{status} {code}: {text}"),
    }
}
