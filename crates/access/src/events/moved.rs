//! Events of a repository that moves to another account: the same in both registries.

use meta::{Event, MoveRepository, Recorded, RepositoryRow};
use serde_json::json;

use super::EventKind;
use crate::context::repository_arn;
use crate::ids::IdSource;
use crate::permit::{Asked as _, OnRepository, Place as _};

/// The move of a repository, with its events.
pub(crate) fn of_move(
    on: &OnRepository,
    ids: &IdSource,
    operation: MoveRepository,
) -> Recorded<MoveRepository> {
    let (from, to) = (on.account().to_string(), operation.account_id.to_string());
    let (region, at) = (on.region().to_string(), operation.at);
    let resource = repository_arn(on.region(), &operation.account_id, &operation.name);
    let facts = json!({
        "repository-name": operation.name, "account": to,
        "previous-repository-name": on.row.name, "previous-account": from,
    });
    let body = facts.to_string();
    let events = move |_: &RepositoryRow| {
        let event = |account_id: &String| Event {
            kind: EventKind::RepositoryMove.stored().to_owned(),
            at,
            account_id: account_id.clone(),
            region: region.clone(),
            resource: resource.clone(),
            body: body.clone(),
        };
        vec![event(&from), event(&to)]
    };
    Recorded { operation, id: ids.next(on.decided_at()), events: Box::new(events) }
}
