//! The steps of one match, and of all matches of one event. A pattern is chosen by one tenant and the names in an event by
//! another, so neither may make a match expensive, and many patterns may not stop the events of others.

/// A comparison is a step, and each 16 bytes of it are another.
const STEPS: u32 = 200_000;

/// The steps of all patterns that one event is compared with.
const STEPS_OF_EVENT: u32 = 2_000_000;

/// The match needs too many steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event pattern is too complex for this event")]
pub struct TooComplex;

/// The steps that are left for the patterns that one event is compared with. A single match gets a tenth of all at most.
#[derive(Debug)]
pub struct EventBudget(u32);

impl Default for EventBudget {
    fn default() -> Self {
        Self(STEPS_OF_EVENT)
    }
}

impl EventBudget {
    /// Runs one match, and takes what it used.
    pub(crate) fn run<T>(
        &mut self,
        compare: impl FnOnce(&mut Budget) -> Result<T, TooComplex>,
    ) -> Result<T, TooComplex> {
        let given = self.0.min(STEPS);
        let mut budget = Budget(given);
        let compared = compare(&mut budget);
        self.0 -= if compared.is_ok() { given - budget.0 } else { given };
        compared
    }
}

/// The steps that are left for one match.
pub(crate) struct Budget(u32);

impl Budget {
    /// Pays for a comparison of this many bytes.
    pub(crate) fn pay(&mut self, bytes: usize) -> Result<(), TooComplex> {
        let cost = u32::try_from(bytes / 16).unwrap_or(u32::MAX).saturating_add(1);
        self.0 = self.0.checked_sub(cost).ok_or(TooComplex)?;
        Ok(())
    }
}
