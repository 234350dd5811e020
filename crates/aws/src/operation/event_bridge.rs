//! The operations of EventBridge (API 2015-10-07) that Wharf has.

/// Calls a macro with every operation of this service: name, IAM action, resource of the action, request type in
/// `aws::event_bridge`, handler. A permission is an action that operations require and that is not itself an operation.
#[macro_export]
macro_rules! event_bridge_operations {
    ($callback:ident $($prefix:tt)*) => {
        $callback! { $($prefix)*
            operations {
                CreateApiDestination: "events:CreateApiDestination" on Named => CreateApiDestinationRequest, create_api_destination;
                CreateConnection: "events:CreateConnection" on Named => CreateConnectionRequest, create_connection;
                DeleteApiDestination: "events:DeleteApiDestination" on Named => DeleteApiDestinationRequest, delete_api_destination;
                DeleteConnection: "events:DeleteConnection" on Named => DeleteConnectionRequest, delete_connection;
                DeleteRule: "events:DeleteRule" on Named => DeleteRuleRequest, delete_rule;
                DescribeApiDestination: "events:DescribeApiDestination" on Named => DescribeApiDestinationRequest, describe_api_destination;
                DescribeConnection: "events:DescribeConnection" on Named => DescribeConnectionRequest, describe_connection;
                DescribeEventBus: "events:DescribeEventBus" on Named => DescribeEventBusRequest, describe_event_bus;
                DescribeRule: "events:DescribeRule" on Named => DescribeRuleRequest, describe_rule;
                DisableRule: "events:DisableRule" on Named => DisableRuleRequest, disable_rule;
                EnableRule: "events:EnableRule" on Named => EnableRuleRequest, enable_rule;
                ListApiDestinations: "events:ListApiDestinations" on Named => ListApiDestinationsRequest, list_api_destinations;
                ListConnections: "events:ListConnections" on Named => ListConnectionsRequest, list_connections;
                ListEventBuses: "events:ListEventBuses" on Named => ListEventBusesRequest, list_event_buses;
                ListRuleNamesByTarget: "events:ListRuleNamesByTarget" on Named => ListRuleNamesByTargetRequest, list_rule_names_by_target;
                ListRules: "events:ListRules" on Named => ListRulesRequest, list_rules;
                ListTagsForResource: "events:ListTagsForResource" on Named => ListTagsForResourceRequest, list_tags_for_rule;
                ListTargetsByRule: "events:ListTargetsByRule" on Named => ListTargetsByRuleRequest, list_targets_by_rule;
                PutRule: "events:PutRule" on Named => PutRuleRequest, put_rule;
                PutTargets: "events:PutTargets" on Named => PutTargetsRequest, put_targets;
                RemoveTargets: "events:RemoveTargets" on Named => RemoveTargetsRequest, remove_targets;
                TagResource: "events:TagResource" on Named => TagResourceRequest, tag_rule;
                UntagResource: "events:UntagResource" on Named => UntagResourceRequest, untag_rule;
                UpdateApiDestination: "events:UpdateApiDestination" on Named => UpdateApiDestinationRequest, update_api_destination;
                UpdateConnection: "events:UpdateConnection" on Named => UpdateConnectionRequest, update_connection;
            }
            unsigned {
            }
            permissions {
                InvokeApiDestination: "events:InvokeApiDestination" on Named;
            }
        }
    };
}
