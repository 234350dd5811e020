//! EventBridge's operations: rules, their targets, connections and API destinations. Only the default event bus exists.
//!
//! The gate decides on every operation by the ARN of its resource, before the answer shows whether the resource exists.

mod api_destination;
mod bus;
mod connection;
mod http_parameters;
mod role;
mod rule;
mod tag;
mod target;

pub(crate) use api_destination::destination_of_arn;
pub(crate) use connection::connection_of_arn;
pub(crate) use http_parameters::is_allowed_header;
pub(crate) use role::for_rule;
pub(crate) use target::stored;

use access::answers;
use access::authz::{EventKind, Gate, of_request_tags, pairs};
use access::context::Ctx;
use access::error::{AwsCode, Code, Error, Result};
use access::op::Effect;
use access::permit::{Of, OnAccount, Permit};
use access::store::{EventPage, Micros};
use aws::event_bridge::Tag;
use aws::ids::{AccountId, Region};
use jiff::Timestamp;

use crate::Events;

aws::event_bridge_operations! { answers Events event_bridge }

/// The principal that trust policies name.
pub(crate) const SERVICE: &str = "events.amazonaws.com";
const DEFAULT_BUS: &str = "default";

fn validation(message: impl Into<String>) -> Error {
    Error::new(Code::Validation, message.into())
}

fn not_found(message: String) -> Error {
    Error::aws(AwsCode::EventResourceNotFound, message)
}

fn changed_meanwhile() -> Error {
    let message = "The resource was changed by another request. Send the request again.";
    Error::aws(AwsCode::ConcurrentModification, message)
}

/// A time of the store, as in answers.
fn seconds(at: Micros) -> f64 {
    aws::json::epoch_seconds(Timestamp::from_microsecond(at.0).unwrap_or_default())
}

/// Tags of a request as the store has them, with their condition keys.
fn request_tags(tags: Vec<Tag>) -> Result<(Vec<(String, String)>, policy::Context)> {
    let tags: Vec<_> = tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
    aws::tag::check(pairs(&tags)).map_err(|(key, _)| {
        validation(format!("The tag with key '{key}' is not valid: keys are unique regardless of case, and do not begin with aws:."))
    })?;
    let keys = of_request_tags(pairs(&tags));
    Ok((tags, keys))
}

/// The ID at the end of a new ARN.
fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// The start and the length of a page.
struct PageOf {
    list: String,
    after: String,
    limit: usize,
}

impl PageOf {
    /// The page of a list by name; one item more than it has.
    fn names(&self, account_id: AccountId, region: &Region, prefix: Option<String>) -> EventPage {
        let (prefix, after) = (prefix.unwrap_or_default(), self.after.clone());
        EventPage { account_id, region: region.clone(), prefix, after, limit: self.limit + 1 }
    }
}

impl Events {
    async fn gate(&self, ctx: &Ctx, region: &Region) -> Result<Gate> {
        self.access.registry_gate(ctx, &ctx.caller.account_id, region).await
    }

    fn page_of(&self, list: String, token: Option<&str>, limit: Option<u32>) -> Result<PageOf> {
        let after = match token {
            None => String::new(),
            Some(token) => self
                .access
                .open_page_token::<String>(&list, token)
                .map_err(|_| validation("The NextToken is not valid. Use the one of the last page."))?,
        };
        Ok(PageOf { list, after, limit: usize::try_from(limit.unwrap_or(100)).unwrap_or(100) })
    }

    /// Removes the one item that was read in addition, and returns the token of the page that begins with it.
    fn cut<T>(&self, page: &PageOf, items: &mut Vec<T>, name: impl Fn(&T) -> &str) -> Result<Option<String>> {
        if items.len() <= page.limit {
            return Ok(None);
        }
        items.truncate(page.limit);
        items.last().map(|last| self.access.page_token(&page.list, name(last).to_owned())).transpose()
    }
}

/// The event bus that a request names: by its name, or by its ARN if it is one of the account.
fn bus_name(gate: &Gate, named: Option<&str>) -> String {
    let named = named.unwrap_or(DEFAULT_BUS);
    named.strip_prefix(&gate.event_arn(EventKind::EventBus, "")).unwrap_or(named).to_owned()
}

fn no_bus(name: &str) -> Error {
    not_found(format!("Event bus {name} does not exist."))
}

fn no_rule(name: &str) -> Error {
    not_found(format!("Rule {name} does not exist on EventBus {DEFAULT_BUS}."))
}

/// Decides on an operation on a rule. ARNs of rules on other event buses contain the name of the bus.
async fn permit_rule<E: Effect<On = OnAccount>>(
    gate: &Gate,
    (name, bus): (&str, Option<&str>),
    keys: policy::Context,
) -> Result<Permit<Of<E>>> {
    let bus = bus_name(gate, bus);
    if bus == DEFAULT_BUS {
        return gate.permit_event((EventKind::Rule, name), keys).await;
    }
    let arn = gate.event_arn(EventKind::Rule, &format!("{bus}/{name}"));
    gate.allow_on(E::OP, &arn, keys)?;
    Err(no_bus(&bus))
}

/// The text of an ARN with an ID at its end, without the ID; and the ID.
fn without_id(arn: &str) -> Option<(&str, &str)> {
    arn.rsplit_once('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_random_uuids() {
        let (one, other) = (new_id(), new_id());
        assert_ne!(one, other);
        let bytes = one.as_bytes();
        assert_eq!((bytes.len(), bytes[14], one.split('-').count()), (36, b'4', 5));
        assert!(b"89ab".contains(&bytes[19]), "{one}");
    }
}
