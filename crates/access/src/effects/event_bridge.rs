//! Which permission of EventBridge opens which store operation.

#[allow(clippy::wildcard_imports, reason = "the lists below name each operation")]
use meta::operations::*;

use crate::ids::IdSource;
use crate::op::event_bridge;
use crate::permit::sealed::Listed;
use crate::permit::{Of, Opens, PermittedKey};

// `Of` is a permit on one resource: what it changes takes the resource's ARN from the permit.
opens! {
    Of<event_bridge::PutRule> => PutEventRule<PermittedKey>;
    Of<event_bridge::DescribeRule> => FindEventRule;
    Of<event_bridge::EnableRule> => SetEventRuleState<PermittedKey>;
    Of<event_bridge::DisableRule> => SetEventRuleState<PermittedKey>;
    Of<event_bridge::DeleteRule> => DeleteEventRule<PermittedKey>;
    event_bridge::ListRules => ListEventRules;
    event_bridge::ListRuleNamesByTarget => ListRuleNamesByTarget;
    // Whether an API destination is one of the account's.
    Of<event_bridge::PutTargets> => FindEventRule, FindApiDestination, PutEventTargets<PermittedKey>;
    Of<event_bridge::ListTargetsByRule> => FindEventRule, ListEventTargets;
    Of<event_bridge::RemoveTargets> => RemoveEventTargets<PermittedKey>;
    Of<event_bridge::TagResource> => PutIamTags<PermittedKey>;
    Of<event_bridge::UntagResource> => FindEventRule, RemoveIamTags<PermittedKey>;
    Of<event_bridge::ListTagsForResource> => FindEventRule, ListIamTags;

    Of<event_bridge::CreateConnection> => CreateEventConnection<PermittedKey>;
    Of<event_bridge::DescribeConnection> => FindEventConnection;
    Of<event_bridge::UpdateConnection> => FindEventConnection, ReplaceEventConnection<PermittedKey>;
    Of<event_bridge::DeleteConnection> => DeleteEventConnection<PermittedKey>;
    event_bridge::ListConnections => ListEventConnections;

    Of<event_bridge::CreateApiDestination> => FindEventConnection, CreateApiDestination<PermittedKey>;
    Of<event_bridge::DescribeApiDestination> => FindApiDestination;
    Of<event_bridge::UpdateApiDestination> => FindApiDestination, FindEventConnection,
        ReplaceApiDestination<PermittedKey>;
    Of<event_bridge::DeleteApiDestination> => DeleteApiDestination<PermittedKey>;
    event_bridge::ListApiDestinations => ListApiDestinations;
}
