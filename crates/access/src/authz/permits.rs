//! Several permits for one request, each for its own part of the effect.

use super::{Decided, Gate, Resolving};
use crate::error::Result;
use crate::op::Effect;
use crate::permit::Permit;

/// The permits that one request needs. All operations are decided on before the existence of the repository is told.
pub trait Permits: Sized + Send + Sync + 'static {
    /// Decides on each operation in order.
    fn decide(gate: &Gate) -> Result<Decided>;

    /// The permits, after the decision.
    fn existing(gate: &Gate, decided: &Decided) -> Result<Self>;
}

impl<E: Effect<On: Resolving>> Permits for Permit<E> {
    fn decide(gate: &Gate) -> Result<Decided> {
        gate.allow(E::OP).map(|()| Decided(()))
    }

    fn existing(gate: &Gate, decided: &Decided) -> Result<Self> {
        gate.existing(decided)
    }
}

impl<A: Permits, B: Permits> Permits for (A, B) {
    fn decide(gate: &Gate) -> Result<Decided> {
        A::decide(gate)?;
        B::decide(gate)
    }

    fn existing(gate: &Gate, decided: &Decided) -> Result<Self> {
        Ok((A::existing(gate, decided)?, B::existing(gate, decided)?))
    }
}
