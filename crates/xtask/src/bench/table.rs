//! The report: targets, ratios, cases of Wharf, rates, CPU time, memory.

use std::fmt::Write as _;

use anyhow::Result;

use super::burst::Bursts;
use super::content::MIB;
use super::floor;
use super::run::Run;
use super::series::{Series, Summary};
use super::side::{Case, DEBIAN, DISTRIBUTION, Memory, NGINX, Side};
use super::target;
use super::unit::{Unit, grouped};

const DASH: &str = "–";

/// All tables as markdown; those with ratios come first.
pub(crate) fn render(run: &Run) -> Result<String> {
    let cases = [cases(run, false), cases(run, true)];
    let ours = [targets(run), floor::table(run), ratios(run)].into_iter().chain(cases);
    let tables = ours.chain([rates(run), cpu(run), bursts(run), memory(run)?]);
    Ok(tables.flatten().collect::<Vec<_>>().join("\n"))
}

fn targets(run: &Run) -> Option<String> {
    let checks = target::checks(run);
    let met = checks.iter().filter(|check| check.met).count();
    let mut table = Table::new(
        &format!("Targets: {met} of {} met.", checks.len()),
        &["", "target", "result", ""].map(str::to_owned),
    );
    for check in checks {
        let met = if check.met { "met" } else { "**missed**" };
        table.row(&[check.what, check.wanted, check.found, met.to_owned()]);
    }
    table.text()
}

fn ratios(run: &Run) -> Option<String> {
    let ours = run.ours()?;
    let places = [DISTRIBUTION, DEBIAN, NGINX].map(|name| (name, run.place(name)));
    let rate = |summary: Summary| summary.rate;
    let mut head = vec![String::new()];
    head.extend(places.map(|(name, _)| format!("rate ÷ {name}")));
    head.extend(places.map(|(name, _)| format!("CPU ÷ {name}")));
    let mut table = Table::new("Wharf's rate and CPU time, divided by those of the other servers.", &head);
    for line in &run.series {
        let ratio = |value: fn(Summary) -> f64, side: Option<usize>| {
            let theirs = line.summary(side?).map(value)?;
            Some(line.summary(ours).map(value)? / theirs)
        };
        let rates = places.map(|(_, side)| ratio(rate, side));
        if rates.iter().all(Option::is_none) {
            continue;
        }
        let cpu = places.map(|(_, side)| ratio(|summary| summary.cpu, side));
        let cells = rates.into_iter().chain(cpu).map(times);
        table.row(&[vec![line.measure.name()], cells.collect()].concat());
    }
    table.text()
}

/// Other callers and settings of Wharf against the usual ones; PostgreSQL has a table of its own.
fn cases(run: &Run, postgres: bool) -> Option<String> {
    let ours = run.ours()?;
    let title = if postgres {
        "Wharf with PostgreSQL, divided by Wharf with SQLite. The CPU time of PostgreSQL is not included."
    } else {
        "Wharf's cases, divided by its own account with the access log on."
    };
    let head = ["", "rate", "CPU", "rate ÷ usual", "CPU ÷ usual"].map(str::to_owned);
    let mut table = Table::new(title, &head);
    let is_ours = |case| case != Case::Usual && case != Case::Floor;
    let is_wanted = |case| is_ours(case) && (case == Case::Postgres) == postgres;
    for line in run.series.iter().filter(|line| is_wanted(line.measure.case)) {
        let (measure, unit) = (line.measure, line.measure.unit());
        let Some(case) = line.summary(ours) else { continue };
        let usual = run.find(measure.work, measure.connections, Case::Usual);
        let usual = usual.and_then(|usual| usual.summary(ours));
        let rate = times(usual.as_ref().map(|usual| case.rate / usual.rate));
        let cpu = times(usual.as_ref().map(|usual| case.cpu / usual.cpu));
        table.row(&[measure.name(), unit.rate(case.rate), unit.cpu(case.cpu), rate, cpu]);
    }
    table.text()
}

fn rates(run: &Run) -> Option<String> {
    let mut table = Table::of_sides("Rates: median of the rounds (slowest–fastest).", &run.sides);
    for line in run.series.iter().filter(|line| line.measure.case == Case::Usual) {
        let unit = line.measure.unit();
        table.row(&cells(line, run, |summary| {
            let (slowest, fastest) = summary.spread;
            let spread = format!("{}–{}", bare(&unit.rate(slowest)), bare(&unit.rate(fastest)));
            format!("{} ({spread})", unit.rate(summary.rate))
        }));
    }
    let mut text = table.text()?;
    if let Some(limits) = run.limits {
        let rate = |limit| Unit::Bytes(256 * MIB).rate(limit);
        let (hash, disk) = (rate(limits.hash), rate(limits.disk));
        write!(text, "\nIn the same run: SHA-256 in one thread {hash}, write and fsync of 256 MiB {disk}.\n")
            .ok()?;
    }
    Some(text)
}

fn cpu(run: &Run) -> Option<String> {
    let title = "CPU time of the server for one request or push, or for a GiB of large ones.";
    let mut table = Table::of_sides(title, &run.sides);
    for line in run.series.iter().filter(|line| line.measure.case == Case::Usual) {
        table.row(&cells(line, run, |summary| line.measure.unit().cpu(summary.cpu)));
    }
    table.text()
}

fn cells(line: &Series, run: &Run, cell: impl Fn(Summary) -> String) -> Vec<String> {
    let found = (0..run.sides.len()).map(|side| line.summary(side).map_or_else(|| DASH.to_owned(), &cell));
    [line.measure.name()].into_iter().chain(found).collect()
}

fn bursts(run: &Run) -> Option<String> {
    let title = "Memory after bursts on fresh servers: resident (of it, not pages of files).";
    let mut table = Table::of_sides(title, &run.sides);
    let mut row = |name: &str, cell: &dyn Fn(&Bursts) -> String| {
        let found = run.bursts.iter().map(cell);
        if !run.bursts.is_empty() {
            table.row(&[name.to_owned()].into_iter().chain(found).collect::<Vec<_>>());
        }
    };
    row("idle", &|bursts| both(bursts.idle));
    row("200 uploads of 8 MiB, 8 connections", &|bursts| {
        bursts.uploads.map_or_else(|| DASH.to_owned(), both)
    });
    row("then 2,000 connections that asked once and closed", &|bursts| both(bursts.closed));
    row("then 2,000 open connections that asked once", &|bursts| both(bursts.open));
    row("each open connection", &|bursts| format!("{} KiB", grouped(bursts.each())));
    table.text()
}

fn memory(run: &Run) -> Result<Option<String>> {
    let mut table = Table::of_sides("Resident memory, and CPU time of the whole run.", &run.sides);
    let ends = run.sides.iter().map(Side::memory).collect::<Result<Vec<_>>>()?;
    let seconds = run.sides.iter().map(Side::cpu_seconds).collect::<Result<Vec<_>>>()?;
    let mut row = |name: &str, cells: Vec<String>| table.row(&[vec![name.to_owned()], cells].concat());
    row("peak", ends.iter().map(|memory| mib(memory.peak)).collect());
    row("after the run", ends.iter().map(|memory| both(*memory)).collect());
    row("CPU seconds", seconds.iter().map(|seconds| format!("{seconds:.1}")).collect());
    Ok(table.text())
}

/// A markdown table with a sentence above it. Without rows there is no text.
pub(crate) struct Table {
    head: String,
    rows: String,
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(title: &str, names: &[String]) -> Self {
        let head = format!("{title}\n\n{}|{}\n", line(names), " --- |".repeat(names.len()));
        Self { head, rows: String::new() }
    }

    fn of_sides(title: &str, sides: &[Side]) -> Self {
        let names = sides.iter().map(|side| side.name.to_owned());
        Self::new(title, &[String::new()].into_iter().chain(names).collect::<Vec<_>>())
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: &[String]) {
        self.rows.push_str(&line(cells));
    }

    /// The markdown.
    pub(crate) fn text(self) -> Option<String> {
        (!self.rows.is_empty()).then(|| self.head + &self.rows)
    }
}

fn line(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// A rate without its unit.
fn bare(rate: &str) -> &str {
    rate.split(['/', ' ']).next().unwrap_or(rate)
}

/// A ratio; a small one has three decimals.
pub(crate) fn times(ratio: Option<f64>) -> String {
    match ratio {
        Some(ratio) if ratio < 0.1 => format!("{ratio:.3}"),
        Some(ratio) => format!("{ratio:.2}"),
        None => DASH.to_owned(),
    }
}

fn both(memory: Memory) -> String {
    format!("{} ({})", mib(memory.now), bare(&mib(memory.own)))
}

#[expect(clippy::cast_precision_loss, reason = "memory sizes are far below what a double counts exactly")]
fn mib(kib: u64) -> String {
    format!("{:.1} MiB", kib as f64 / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::{Table, bare, both, times};
    use crate::bench::side::Memory;

    #[test]
    fn a_table_without_rows_is_left_out() {
        let names = [String::new(), "a".to_owned()];
        assert_eq!(Table::new("Title.", &names).text(), None);
        let mut table = Table::new("Title.", &names);
        table.row(&["x".to_owned(), "1".to_owned()]);
        let text = "Title.\n\n|  | a |\n| --- | --- |\n| x | 1 |\n";
        assert_eq!(table.text().as_deref(), Some(text));
    }

    #[test]
    fn cells_are_short() {
        assert_eq!(bare("1,234 MiB/s"), "1,234");
        assert_eq!(times(Some(4.056)), "4.06");
        assert_eq!(times(Some(0.0123)), "0.012");
        assert_eq!(times(None), "–");
        assert_eq!(both(Memory { now: 2048, own: 512, peak: 0 }), "2.0 MiB (0.5)");
    }
}
