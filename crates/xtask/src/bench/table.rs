//! The tables: rates with ratios, CPU time for the same work, memory.

use std::fmt::Write as _;

use anyhow::Result;

use super::measure::Series;
use super::side::{Memory, Side};

/// The server that is compared with the others.
const OURS: &str = "Wharf";
/// The server whose multiples are the targets.
const RIVAL: &str = "docker-registry";

/// All tables as markdown.
pub(crate) fn render(sides: &[Side], series: &[Series], idle: &[Memory]) -> Result<String> {
    let mut text = rates(sides, series)?;
    text.push('\n');
    text.push_str(&cpu(sides, series)?);
    text.push('\n');
    text.push_str(&memory(sides, idle)?);
    Ok(text)
}

fn rates(sides: &[Side], series: &[Series]) -> Result<String> {
    let mut text = String::from("Rates: median of the rounds (slowest–fastest).\n\n");
    heading(&mut text, sides, &["÷ docker-registry", "target", "÷ nginx"])?;
    let place = |name: &str| sides.iter().position(|side| side.name == name);
    for line in series {
        let unit = line.measure.unit();
        write!(text, "| {} |", line.measure.name())?;
        for side in 0..sides.len() {
            match line.summary(side) {
                Some(summary) => {
                    let (slowest, fastest) = summary.spread;
                    let middle = unit.rate(summary.rate);
                    write!(
                        text,
                        " {middle} ({}–{}) |",
                        bare(&unit.rate(slowest)),
                        bare(&unit.rate(fastest))
                    )?;
                }
                None => text.push_str(" – |"),
            }
        }
        let rate = |name: &str| place(name).and_then(|side| line.summary(side)).map(|summary| summary.rate);
        let ratio = rate(OURS).zip(rate(RIVAL)).map(|(ours, rival)| ours / rival);
        let target = match (line.measure.target, ratio) {
            (Some(target), Some(ratio)) if ratio >= target => format!("≥ {target}: met"),
            (Some(target), Some(_)) => format!("≥ {target}: **missed**"),
            (Some(target), None) => format!("≥ {target}"),
            (None, _) => "–".to_owned(),
        };
        let nginx = rate(OURS).zip(rate("nginx")).map(|(ours, nginx)| ours / nginx);
        writeln!(text, " {} | {target} | {} |", times(ratio), times(nginx))?;
    }
    Ok(text)
}

fn cpu(sides: &[Side], series: &[Series]) -> Result<String> {
    let mut text =
        String::from("CPU time of the server for one request or push, or for a GiB of large ones.\n\n");
    heading(&mut text, sides, &[])?;
    for line in series {
        write!(text, "| {} |", line.measure.name())?;
        for side in 0..sides.len() {
            match line.summary(side) {
                Some(summary) => write!(text, " {} |", line.measure.unit().cpu(summary.cpu))?,
                None => text.push_str(" – |"),
            }
        }
        text.push('\n');
    }
    Ok(text)
}

fn memory(sides: &[Side], idle: &[Memory]) -> Result<String> {
    let mut text = String::from("Resident memory, and CPU time of the whole run.\n\n");
    heading(&mut text, sides, &[])?;
    let ends = sides.iter().map(Side::memory).collect::<Result<Vec<_>>>()?;
    row(&mut text, "idle, freshly started", idle.iter().map(|memory| mib(memory.now)))?;
    row(&mut text, "peak", ends.iter().map(|memory| mib(memory.peak)))?;
    row(&mut text, "after the run", ends.iter().map(|memory| mib(memory.now)))?;
    let seconds = sides.iter().map(Side::cpu_seconds).collect::<Result<Vec<_>>>()?;
    row(&mut text, "CPU seconds", seconds.iter().map(|seconds| format!("{seconds:.1}")))?;
    Ok(text)
}

fn heading(text: &mut String, sides: &[Side], more: &[&str]) -> Result<()> {
    let names: Vec<&str> = sides.iter().map(|side| side.name).chain(more.iter().copied()).collect();
    writeln!(text, "| | {} |\n| --- |{}", names.join(" | "), " --- |".repeat(names.len()))?;
    Ok(())
}

fn row(text: &mut String, name: &str, cells: impl Iterator<Item = String>) -> Result<()> {
    writeln!(text, "| {name} | {} |", cells.collect::<Vec<_>>().join(" | "))?;
    Ok(())
}

/// A rate without its unit.
fn bare(rate: &str) -> &str {
    rate.split(['/', ' ']).next().unwrap_or(rate)
}

fn times(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"))
}

#[expect(clippy::cast_precision_loss, reason = "memory sizes are far below what a double counts exactly")]
fn mib(kib: u64) -> String {
    format!("{:.1} MiB", kib as f64 / 1024.0)
}
