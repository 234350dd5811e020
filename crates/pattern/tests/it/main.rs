//! Event patterns, with the examples of the EventBridge User Guide.

mod bounded;
mod examples;
mod refused;
