//! The rows of EventBridge's API (Service Authorization Reference, "Amazon EventBridge").

use access::op::{EventBridgeOp, Op};
use serde_json::{Value, json};

use super::stage::Stage;
use super::table::{ACCOUNT, Cross, Expected, Row};
use super::wire::{Ask, events, iam};

const NOTHING: Expected = Expected::Code(400, "ResourceNotFoundException");
const PATTERN: &str = r#"{"source":["aws.ecr"]}"#;
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;

fn arn(resource: &str) -> String {
    format!("arn:aws:events:us-east-1:{ACCOUNT}:{resource}")
}

fn step(op: EventBridgeOp, input: &Value) -> Ask {
    events(Op::EventBridge(op).name(), input)
}

fn connection(name: &str) -> Value {
    json!({
        "Name": name,
        "AuthorizationType": "API_KEY",
        "AuthParameters": {"ApiKeyAuthParameters": {"ApiKeyName": "x-key", "ApiKeyValue": "secret"}},
    })
}

fn destination(name: &str, connection_arn: &str) -> Value {
    json!({
        "Name": name,
        "ConnectionArn": connection_arn,
        "InvocationEndpoint": "https://example.org/",
        "HttpMethod": "POST",
    })
}

fn rule(name: &str) -> Value {
    json!({"Name": name, "EventPattern": PATTERN})
}

/// An operation on something of the account: another account has nothing with that name.
fn on(op: EventBridgeOp, resource: &str, input: &Value) -> Row {
    let op = Op::EventBridge(op);
    Row::of(op, events(op.name(), input), Cross::OwnAccount(NOTHING)).needs(op.action(), arn(resource))
}

/// An operation that lists or creates something: another account does this for itself.
fn own(op: EventBridgeOp, resource: &str, input: &Value) -> Row {
    on(op, resource, input).elsewhere(Expected::Success)
}

fn list(op: EventBridgeOp, input: &Value) -> Row {
    let op = Op::EventBridge(op);
    Row::of(op, events(op.name(), input), Cross::OwnAccount(Expected::Success)).needs(op.action(), "*")
}

/// An operation on something that an ARN names.
fn on_arn(op: EventBridgeOp, resource: &str, input: &Value) -> Row {
    let op = Op::EventBridge(op);
    Row::of(op, events(op.name(), input), Cross::NamedArn(NOTHING)).needs(op.action(), arn(resource))
}

/// What is read to check that nothing changed.
pub(super) fn watched() -> Vec<Ask> {
    vec![
        step(EventBridgeOp::ListRules, &json!({})),
        step(EventBridgeOp::DescribeRule, &json!({"Name": "target"})),
        step(EventBridgeOp::ListTargetsByRule, &json!({"Rule": "target"})),
        step(EventBridgeOp::ListTagsForResource, &json!({"ResourceARN": arn("rule/target")})),
        step(EventBridgeOp::ListConnections, &json!({})),
        step(EventBridgeOp::DescribeConnection, &json!({"Name": "target"})),
        step(EventBridgeOp::ListApiDestinations, &json!({})),
    ]
}

/// One of each kind of thing.
pub(super) fn state() -> Vec<Ask> {
    vec![
        iam("CreateRole", &[("RoleName", "target"), ("AssumeRolePolicyDocument", TRUST)]),
        step(EventBridgeOp::PutRule, &rule("target")),
        step(EventBridgeOp::CreateConnection, &connection("target")),
    ]
}

async fn made(stage: &Stage, op: EventBridgeOp, input: &Value, member: &str) -> String {
    let answer = stage.ask(&step(op, input), Some(&stage.admin)).await;
    let answer: Value = serde_json::from_str(&answer.body).unwrap();
    answer[member].as_str().unwrap().to_owned()
}

/// All rows. Creates the API destination that some of them need.
pub(super) async fn rows(stage: &Stage) -> Vec<Row> {
    let named = json!({"Name": "target"});
    let connection_arn = made(stage, EventBridgeOp::DescribeConnection, &named, "ConnectionArn").await;
    let new = destination("target", &connection_arn);
    let destination_arn = made(stage, EventBridgeOp::CreateApiDestination, &new, "ApiDestinationArn").await;
    let mut rows = of_rules(&destination_arn);
    rows.extend(of_tags());
    rows.extend(of_connections());
    rows.extend(of_destinations(&connection_arn));
    rows.push(list(EventBridgeOp::ListEventBuses, &json!({})));
    rows.push(own(EventBridgeOp::DescribeEventBus, "event-bus/default", &json!({})));
    rows
}

fn of_rules(destination_arn: &str) -> Vec<Row> {
    let (named, of_rule) = (json!({"Name": "target"}), json!({"Rule": "target"}));
    let tagged =
        json!({"Name": "target-tagged", "EventPattern": PATTERN, "Tags": [{"Key": "k", "Value": "v"}]});
    let role = format!("arn:aws:iam::{ACCOUNT}:role/target");
    let target = json!({"Id": "1", "Arn": destination_arn, "RoleArn": role});
    let with_role = json!({"Name": "target-role", "EventPattern": PATTERN, "RoleArn": role});
    let delete = |name: &str| step(EventBridgeOp::DeleteRule, &json!({"Name": name}));
    vec![
        own(EventBridgeOp::PutRule, "rule/target-new", &rule("target-new")).after([delete("target-new")]),
        own(EventBridgeOp::PutRule, "rule/target-tagged", &tagged)
            .variant("with tags")
            .needs("events:TagResource", arn("rule/target-tagged"))
            .after([delete("target-tagged")]),
        own(EventBridgeOp::PutRule, "rule/target-role", &with_role)
            .variant("with a role")
            .needs("iam:PassRole", &role)
            .elsewhere(Expected::Code(400, "ValidationException"))
            .after([delete("target-role")]),
        on(EventBridgeOp::DescribeRule, "rule/target", &named),
        list(EventBridgeOp::ListRules, &json!({})),
        list(EventBridgeOp::ListRuleNamesByTarget, &json!({"TargetArn": destination_arn})),
        on(EventBridgeOp::DisableRule, "rule/target", &named),
        on(EventBridgeOp::EnableRule, "rule/target", &named),
        on(EventBridgeOp::PutTargets, "rule/target", &json!({"Rule": "target", "Targets": [target]}))
            .needs("iam:PassRole", &role)
            .elsewhere(Expected::Code(400, "ValidationException")),
        on(EventBridgeOp::ListTargetsByRule, "rule/target", &of_rule),
        on(EventBridgeOp::RemoveTargets, "rule/target", &json!({"Rule": "target", "Ids": ["1"]})),
        // A rule that does not exist is deleted.
        own(EventBridgeOp::DeleteRule, "rule/target-doomed", &json!({"Name": "target-doomed"}))
            .after([step(EventBridgeOp::PutRule, &rule("target-doomed"))]),
    ]
}

fn of_tags() -> Vec<Row> {
    let of = |more: Value| {
        let mut input = json!({"ResourceARN": arn("rule/target")});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    vec![
        on_arn(
            EventBridgeOp::TagResource,
            "rule/target",
            &of(json!({"Tags": [{"Key": "team", "Value": "blue"}]})),
        ),
        on_arn(EventBridgeOp::ListTagsForResource, "rule/target", &of(json!({}))),
        on_arn(EventBridgeOp::UntagResource, "rule/target", &of(json!({"TagKeys": ["team"]}))),
    ]
}

fn of_connections() -> Vec<Row> {
    let named = |name: &str| json!({"Name": name});
    let delete = |name: &str| step(EventBridgeOp::DeleteConnection, &named(name));
    vec![
        own(EventBridgeOp::CreateConnection, "connection/target-new", &connection("target-new"))
            .after([delete("target-new")]),
        on(EventBridgeOp::DescribeConnection, "connection/target", &named("target")),
        list(EventBridgeOp::ListConnections, &json!({})),
        on(EventBridgeOp::UpdateConnection, "connection/target", &named("target")),
        on(EventBridgeOp::DeleteConnection, "connection/target-doomed", &named("target-doomed"))
            .after([step(EventBridgeOp::CreateConnection, &connection("target-doomed"))]),
    ]
}

fn of_destinations(connection_arn: &str) -> Vec<Row> {
    let named = |name: &str| json!({"Name": name});
    let delete = step(EventBridgeOp::DeleteApiDestination, &named("target-new"));
    let create = EventBridgeOp::CreateApiDestination;
    vec![
        on(create, "api-destination/target-new", &destination("target-new", connection_arn))
            .needs("events:CreateApiDestination", arn("connection/target"))
            .after([delete]),
        on(EventBridgeOp::DescribeApiDestination, "api-destination/target", &named("target")),
        list(EventBridgeOp::ListApiDestinations, &json!({})),
        on(
            EventBridgeOp::UpdateApiDestination,
            "api-destination/target",
            &json!({"Name": "target", "ConnectionArn": connection_arn}),
        )
        .needs("events:UpdateApiDestination", arn("connection/target")),
        on(EventBridgeOp::DeleteApiDestination, "api-destination/target-doomed", &named("target-doomed"))
            .after([step(create, &destination("target-doomed", connection_arn))]),
    ]
}
