//! From a decision to the permits that it gives: one, or several for a request that does several things.

use std::marker::PhantomData;

use super::{Gate, Resolving};
use crate::error::Result;
use crate::op::Effect;
use crate::permit::Permit;
use crate::permit::sealed::Sealed;

/// A decision that allowed what `P` are permits for. Only the gate makes one, and it holds for that gate.
pub struct Allowed<'g, P> {
    gate: &'g Gate,
    permits: PhantomData<fn() -> P>,
}

impl<'g, P> Allowed<'g, P> {
    /// After a decision of this gate.
    pub(super) fn by(gate: &'g Gate) -> Self {
        Self { gate, permits: PhantomData }
    }

    /// The gate that decided.
    pub(super) fn gate(&self) -> &'g Gate {
        self.gate
    }
}

/// The permits that one request needs. All operations are decided on before the existence of the repository is told.
pub trait Permits: Sealed + Sized + Send + Sync + 'static {
    /// Decides on each operation in order.
    fn decide(gate: &Gate) -> Result<Allowed<'_, Self>>;

    /// The permits, after the decision.
    fn existing(allowed: Allowed<'_, Self>) -> Result<Self>;
}

impl<E: Effect<On: Resolving>> Permits for Permit<E> {
    fn decide(gate: &Gate) -> Result<Allowed<'_, Self>> {
        gate.allow(E::OP).map(|()| Allowed::by(gate))
    }

    fn existing(allowed: Allowed<'_, Self>) -> Result<Self> {
        Ok(Self::new(allowed.gate.store.clone(), E::On::resolve(&allowed)?))
    }
}

impl<A: Permits, B: Permits> Sealed for (A, B) {}

impl<A: Permits, B: Permits> Permits for (A, B) {
    fn decide(gate: &Gate) -> Result<Allowed<'_, Self>> {
        A::decide(gate)?;
        B::decide(gate)?;
        Ok(Allowed::by(gate))
    }

    fn existing(allowed: Allowed<'_, Self>) -> Result<Self> {
        Ok((A::existing(Allowed::by(allowed.gate))?, B::existing(Allowed::by(allowed.gate))?))
    }
}
