//! The lines of the log that could not be written, by kind. The process that owns the log counts them; the metrics show
//! them.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Metric;

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogKind {
    /// A request (`wharf::access`).
    Access,
    /// A permission decision (`wharf::audit`).
    Audit,
    /// Everything else: starts, warnings, errors.
    Other,
}

/// The log target of requests.
pub(crate) const ACCESS: &str = "wharf::access";
/// The log target of decisions.
pub(crate) const AUDIT: &str = "wharf::audit";

impl LogKind {
    /// The number of kinds.
    pub const COUNT: usize = 3;
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; Self::COUNT] = [Self::Access, Self::Audit, Self::Other];

    fn label(self) -> Kind {
        let kind = match self {
            Self::Access => "access",
            Self::Audit => "audit",
            Self::Other => "other",
        };
        Kind { kind }
    }

    /// The kind of the lines of a log target.
    pub fn of(target: &str) -> Self {
        match target {
            ACCESS => Self::Access,
            AUDIT => Self::Audit,
            _ => Self::Other,
        }
    }
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

/// Counters of the lines that were lost. Clones share them.
#[derive(Clone, Debug)]
pub struct DroppedLines(Family<Kind, Counter>);

impl Default for DroppedLines {
    fn default() -> Self {
        let dropped = Self(Family::default());
        // The metrics show each kind from the start.
        for kind in LogKind::ALL {
            dropped.count(kind, 0);
        }
        dropped
    }
}

impl DroppedLines {
    /// Counts lost lines.
    pub fn count(&self, kind: LogKind, lines: u64) {
        self.0.get_or_create(&kind.label()).inc_by(lines);
    }

    /// The number of all lines that were lost.
    pub fn total(&self) -> u64 {
        LogKind::ALL.iter().map(|kind| self.0.get_or_create(&kind.label()).get()).sum()
    }

    pub(crate) fn metric(&self) -> impl Metric + use<> {
        self.0.clone()
    }
}
