//! Traces of OpenTelemetry: which requests and runs of background work are traced, their spans, the bounded queue of finished spans, and their form
//! in OTLP. It makes no connection: who has the [`Queue`] sends them.
//!
//! Architecture invariant: a span never slows a request. It is a value of the request's task, and goes to the queue with
//! one step that cannot wait; if the queue is full the span is dropped and counted. Without a trace [`begin`] is one look
//! at a task-local variable.

#![warn(missing_docs)]

mod otlp;
mod parent;
mod queue;
mod request;
mod run;
mod span;

pub use otlp::{Resource, rejected};
pub use queue::{Counts, Dropped, Queue};
pub use request::{Request, Sampling, Tracer, within};
pub use run::Run;
pub use span::{Finished, Kind, Open, begin};
