//! Counts tests over suites with different reports: libtest's summary lines and JUnit files.

use std::ops::AddAssign;

/// The number of passed and failed tests. A skipped or ignored test counts as failed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Tally {
    /// One check that passes or fails.
    pub(crate) fn of(success: bool) -> Self {
        Self { passed: u64::from(success), failed: u64::from(!success) }
    }

    /// The same tally, with at least one failure if the suite's process failed.
    pub(crate) fn with_exit(mut self, success: bool) -> Self {
        if !success && self.failed == 0 {
            self.failed = 1;
        }
        self
    }

    /// Prints the closing line; true if nothing failed.
    pub(crate) fn report(self) -> bool {
        println!("{} passed, {} failed", self.passed, self.failed);
        self.failed == 0
    }

    /// Adds a line of libtest's output, such as `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
    pub(crate) fn add_libtest_line(&mut self, line: &str) {
        let Some(rest) = line.strip_prefix("test result: ") else { return };
        let counts = rest.split_once(". ").map_or(rest, |(_, counts)| counts);
        for part in counts.split("; ") {
            let Some((number, what)) = part.split_once(' ') else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            match what {
                "passed" => self.passed += number,
                "failed" | "ignored" => self.failed += number,
                _ => {}
            }
        }
    }

    /// Counts the cases of a pytest JUnit file: a case that contains anything except output has failed.
    pub(crate) fn from_pytest(xml: &str) -> Self {
        let number =
            |name: &str| attribute(xml, name).and_then(|value| value.parse::<u64>().ok()).unwrap_or_default();
        let failed = number("failures") + number("errors") + number("skipped");
        Self { passed: number("tests").saturating_sub(failed), failed }
    }

    /// Counts the cases of a JUnit file of the OCI suite, where each case has a status. Returns the names of the failed
    /// ones.
    pub(crate) fn from_conformance(xml: &str) -> (Self, Vec<String>) {
        let mut tally = Self::default();
        let mut others = Vec::new();
        for case in xml.split("<testcase ").skip(1) {
            let head = case.split_once('>').map_or(case, |(head, _)| head);
            let status = attribute(head, "status").unwrap_or("missing");
            if status == "passed" {
                tally.passed += 1;
            } else {
                tally.failed += 1;
                others.push(format!(
                    "{status}: {}",
                    attribute(head, "name").unwrap_or("a test without a name")
                ));
            }
        }
        (tally, others)
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

fn attribute<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let start = xml.find(&format!(" {name}=\"")).map(|at| at + name.len() + 3).or_else(|| {
        let first = format!("{name}=\"");
        xml.starts_with(&first).then_some(first.len())
    })?;
    xml.get(start..)?.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_test_counts_as_failed() {
        let mut tally = Tally::default();
        tally.add_libtest_line("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 4 filtered out");
        tally.add_libtest_line("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured");
        tally.add_libtest_line("test something ... ok");
        assert_eq!(tally, Tally { passed: 15, failed: 3 });
    }

    #[test]
    fn a_skipped_test_of_pytest_counts_as_failed() {
        let xml = r#"<?xml?><testsuites name="x"><testsuite name="pytest" errors="1" failures="2" skipped="3" tests="10">"#;
        assert_eq!(Tally::from_pytest(xml), Tally { passed: 4, failed: 6 });
    }

    #[test]
    fn a_skipped_conformance_case_is_named() {
        let xml = r#"<testsuite tests="2"><testcase name="a" classname="c" status="passed"></testcase>
            <testcase name="b" classname="c" status="skipped"/>"#;
        let (tally, others) = Tally::from_conformance(xml);
        assert_eq!(tally, Tally { passed: 1, failed: 1 });
        assert_eq!(others, ["skipped: b"]);
    }

    #[test]
    fn a_suite_that_dies_before_its_first_test_has_failed() {
        assert_eq!(Tally::default().with_exit(false), Tally { passed: 0, failed: 1 });
    }
}
