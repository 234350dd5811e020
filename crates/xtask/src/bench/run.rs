//! The results of a run.

use super::burst::Bursts;
use super::limits::Limits;
use super::measure::{Measure, Work};
use super::series::{Series, Summary};
use super::side::{Case, Side, WHARF};

/// All that a run measured.
pub(crate) struct Run {
    /// The servers.
    pub(crate) sides: Vec<Side>,
    /// One for each measure.
    pub(crate) series: Vec<Series>,
    /// One for each server, or none.
    pub(crate) bursts: Vec<Bursts>,
    /// What the machine allows, if it was measured.
    pub(crate) limits: Option<Limits>,
}

impl Run {
    /// The index of a server.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.sides.iter().position(|side| side.name == name)
    }

    /// The index of Wharf.
    pub(crate) fn ours(&self) -> Option<usize> {
        self.place(WHARF)
    }

    /// The rounds of a measure.
    pub(crate) fn find(&self, work: Work, connections: usize, case: Case) -> Option<&Series> {
        self.series.iter().find(|series| {
            let measure = series.measure;
            measure.work == work && measure.connections == connections && measure.case == case
        })
    }

    /// The summary of a measure on a server.
    pub(crate) fn summary(&self, measure: &Measure, side: usize) -> Option<Summary> {
        self.find(measure.work, measure.connections, measure.case)?.summary(side)
    }
}
