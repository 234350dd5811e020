//! The policy language of AWS Identity and Access Management, and its decisions.
//!
//! A [`Policy`] is parsed and compiled once and evaluated many times: no pattern is parsed while a request waits.
//! [`evaluate`] combines identity, boundary, session, resource and organization policies by AWS's rules.
//! [`evaluate_identity`] is the short form for a caller in the resource's account without any of the others.
//!
//! INVARIANT: this crate is pure. No input or output, no clock: the time of a request is a value in its [`Context`].
//!
//! INVARIANT: a value that a variable puts into a pattern never becomes a wildcard, and a variable without a value
//! matches nothing.
//!
//! INVARIANT: a decision takes a limited number of steps. A decision that needs more is a denial.

#![warn(missing_docs)]

pub mod managed;
pub mod service_role;

mod arn;
mod budget;
mod caller;
mod check;
mod cidr;
mod comparison;
mod condition;
mod context;
mod date;
mod decision;
mod document;
mod elsewhere;
mod error;
mod evaluate;
mod federation;
mod json;
mod lint;
mod near_miss;
mod operator;
mod parse;
mod pattern;
mod policy;
mod principal;
mod resource;
mod resource_arn;
mod service_principal;
mod template;
mod weight;

pub use budget::{Excess, MAX_STEPS, MAX_VALUE_BYTES};
pub use caller::{Caller, CallerKind};
pub use check::Use;
pub use cidr::{Cidr, CidrError};
pub use context::{Context, Value};
pub use decision::{By, Decision, MissingIn, PolicyKind, SourceName};
pub use document::Document;
pub use error::PolicyError;
pub use evaluate::{Access, Matched, Policies, Source, evaluate, evaluate_identity, matched_statements};
pub use federation::ProviderTrust;
pub use lint::{Finding, KnownActions, Severity, lint};
pub use near_miss::{Missed, NearMiss, near_misses};
pub use policy::{Effect, MAX_POLICY_BYTES, Policy, Request, Version};
pub use principal::AwsPrincipal;
