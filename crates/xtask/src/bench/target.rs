//! The targets, and whether a run meets them.

use super::burst::Bursts;
use super::content::KIB;
use super::limits::Limits;
use super::measure::{Measure, Work};
use super::run::Run;
use super::series::Summary;
use super::side::Case;
use super::unit::grouped;

/// What Wharf must reach in one measure.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// At least this multiple of the server's rate.
    Rate(&'static str, f64),
    /// At most this multiple of the server's CPU time.
    Cpu(&'static str, f64),
    /// At most this CPU time in µs.
    Micros(f64),
    /// At least this part of what the machine allows.
    Limit(f64),
}

/// One line of the table of targets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Check {
    /// The measure.
    pub(crate) what: String,
    /// The target.
    pub(crate) wanted: String,
    /// The result.
    pub(crate) found: String,
    /// Whether it meets the target.
    pub(crate) met: bool,
}

impl Check {
    fn at_least(what: String, unit: &str, found: f64, wanted: f64) -> Self {
        let wanted_text = format!("≥ {wanted}{unit}");
        Self { what, wanted: wanted_text, found: format!("{found:.2}"), met: found >= wanted }
    }

    fn at_most(what: String, unit: &str, found: f64, wanted: f64) -> Self {
        let wanted_text = format!("≤ {wanted}{unit}");
        let found_text = if found < 10.0 { format!("{found:.2}") } else { grouped(found) };
        Self { what, wanted: wanted_text, found: found_text, met: found <= wanted }
    }
}

/// All targets that this run measured.
pub(crate) fn checks(run: &Run) -> Vec<Check> {
    let mut checks: Vec<Check> = run
        .series
        .iter()
        .flat_map(|series| series.measure.targets.iter().map(move |target| (series.measure, *target)))
        .filter_map(|(measure, target)| check(run, &measure, target))
        .collect();
    checks.extend(small_blobs(run));
    checks.extend(log(run));
    checks.extend(
        [(Case::Events, "events"), (Case::Rates, "rates")].into_iter().filter_map(|on| switched(run, on)),
    );
    checks.extend(run.ours().and_then(|ours| run.bursts.get(ours)).map(memory).unwrap_or_default());
    checks
}

fn check(run: &Run, measure: &Measure, target: Target) -> Option<Check> {
    let ours = run.summary(measure, run.ours()?)?;
    let theirs = |name| run.summary(measure, run.place(name)?);
    let what = measure.name();
    Some(match target {
        Target::Rate(name, wanted) => {
            Check::at_least(what, &format!(" × {name}"), ours.rate / theirs(name)?.rate, wanted)
        }
        Target::Cpu(name, wanted) => {
            let what = format!("{what}: CPU");
            Check::at_most(what, &format!(" × {name}"), ours.cpu / theirs(name)?.cpu, wanted)
        }
        Target::Micros(wanted) => Check::at_most(format!("{what}: CPU"), " µs", ours.cpu * 1e6, wanted),
        Target::Limit(wanted) => {
            let limit = run.limits.map(Limits::slower)?;
            Check::at_least(what, " × the slower of SHA-256 and disk", ours.rate / limit, wanted)
        }
    })
}

/// A small blob against a manifest, both over 16 connections.
fn small_blobs(run: &Run) -> Option<Check> {
    let ours = run.ours()?;
    let of = |work| run.find(work, 16, Case::Usual)?.summary(ours);
    let (blob, manifest): (Summary, Summary) = (of(Work::GetBlob(KIB))?, of(Work::GetManifest)?);
    let what = "GET 1 KiB blob, 16 connections: CPU".to_owned();
    Some(Check::at_most(what, " × a manifest's", blob.cpu / manifest.cpu, 1.3))
}

/// The access log on against off.
fn log(run: &Run) -> Option<Check> {
    let ours = run.ours()?;
    let of = |case| run.find(Work::GetManifest, 16, case)?.summary(ours);
    let (on, off): (Summary, Summary) = (of(Case::Usual)?, of(Case::LogOff)?);
    let what = "GET manifest by tag, 16 connections: log on".to_owned();
    Some(Check::at_least(what, " × log off", on.rate / off.rate, 0.97))
}

/// Reads of a server that has something on, against the usual one that has it off.
fn switched(run: &Run, (case, name): (Case, &str)) -> Option<Check> {
    let ours = run.ours()?;
    let of = |case| run.find(Work::GetManifest, 16, case)?.summary(ours);
    let (on, off): (Summary, Summary) = (of(case)?, of(Case::Usual)?);
    let what = format!("GET manifest by tag, 16 connections: {name} on");
    Some(Check::at_least(what, &format!(" × {name} off"), on.rate / off.rate, 0.95))
}

#[expect(clippy::cast_precision_loss, reason = "memory sizes are far below what a double counts exactly")]
fn memory(bursts: &Bursts) -> Vec<Check> {
    let mib = |kib: u64| kib as f64 / 1024.0;
    vec![
        Check::at_most("memory, idle".to_owned(), " MiB", mib(bursts.idle.now), 25.0),
        Check::at_most(
            "memory after 200 uploads of 8 MiB and 2,000 closed connections".to_owned(),
            " MiB",
            mib(bursts.closed.now),
            64.0,
        ),
        Check::at_most("2,000 idle connections, each".to_owned(), " KiB", bursts.each(), 20.0),
    ]
}

#[cfg(test)]
mod tests {
    use super::Check;

    #[test]
    fn a_target_is_met_at_its_limit() {
        assert!(Check::at_least(String::new(), "", 4.0, 4.0).met);
        assert!(!Check::at_least(String::new(), "", 3.99, 4.0).met);
        assert!(Check::at_most(String::new(), " KiB", 20.0, 20.0).met);
        assert!(!Check::at_most(String::new(), " KiB", 20.1, 20.0).met);
    }

    #[test]
    fn a_check_says_what_was_wanted_and_found() {
        let check = Check::at_least("push".to_owned(), " × nginx", 0.5, 0.55);
        assert_eq!((check.wanted.as_str(), check.found.as_str()), ("≥ 0.55 × nginx", "0.50"));
    }
}
