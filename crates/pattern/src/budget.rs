//! The steps of one match. A pattern is chosen by one tenant and the names in an event by another, so neither may make a
//! match expensive.

/// A comparison is a step, and each 16 bytes of it are another.
const STEPS: u32 = 200_000;

/// The match needs too many steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event pattern is too complex for this event")]
pub struct TooComplex;

/// The steps that are left.
pub(crate) struct Budget(u32);

impl Default for Budget {
    fn default() -> Self {
        Self(STEPS)
    }
}

impl Budget {
    /// Pays for a comparison of this many bytes.
    pub(crate) fn pay(&mut self, bytes: usize) -> Result<(), TooComplex> {
        let cost = u32::try_from(bytes / 16).unwrap_or(u32::MAX).saturating_add(1);
        self.0 = self.0.checked_sub(cost).ok_or(TooComplex)?;
        Ok(())
    }
}
