//! The table of the floor of pushes.

use crate::bench::content::LARGEST;
use crate::bench::measure::Work;
use crate::bench::run::Run;
use crate::bench::side::{Case, DISTRIBUTION};
use crate::bench::table::{Table, times};
use crate::bench::unit::size;

/// Wharf beside the floor, and what the floor reaches of the targets.
pub(crate) fn table(run: &Run) -> Option<String> {
    let ours = run.ours()?;
    let title = "The floor of pushes: a server that only receives, hashes and stores. Its rate divided by distribution 3's, and \
                 by the slower of SHA-256 and disk, is what this machine allows of the targets.";
    let head = [
        "",
        "floor",
        "its CPU",
        "Wharf ÷ floor",
        "CPU ÷ floor's",
        "floor ÷ distribution 3",
        "floor ÷ the slower of SHA-256 and disk",
    ];
    let mut table = Table::new(title, &head.map(str::to_owned));
    for line in run.series.iter().filter(|line| line.measure.case == Case::Floor) {
        let (measure, unit) = (line.measure, line.measure.unit());
        let Work::Push(bytes, _) = measure.work else { continue };
        let Some(floor) = line.summary(ours) else { continue };
        let of = |side| run.find(measure.work, measure.connections, Case::Usual)?.summary(side);
        let wharf = of(ours);
        let theirs = run.place(DISTRIBUTION).and_then(of);
        let limit = run.limits.filter(|_| bytes == LARGEST).map(|limits| floor.rate / limits.slower());
        let plural = if measure.connections == 1 { "" } else { "s" };
        table.row(&[
            format!("push {} layer, {} connection{plural}", size(bytes), measure.connections),
            unit.rate(floor.rate),
            unit.cpu(floor.cpu),
            times(wharf.as_ref().map(|wharf| wharf.rate / floor.rate)),
            times(wharf.as_ref().map(|wharf| wharf.cpu / floor.cpu)),
            times(theirs.map(|theirs| floor.rate / theirs.rate)),
            times(limit),
        ]);
    }
    table.text()
}
