"""The EventBridge resources of Terraform's AWS provider: its calls in its order, with its checks
(internal/service/events)."""

import json

import pytest
from terraform import Provider, by_key, gone, refusal, tags, trust

MISSING = "ResourceNotFoundException"
PATTERN = json.dumps({"detail-type": ["ECR Image Action"], "source": ["aws.ecr"]}, separators=(",", ":"))


@pytest.fixture(scope="module")
def provider(wharf, tmp_path_factory):
    return Provider(wharf, tmp_path_factory.mktemp("terraform"))


def without_metadata(answer):
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


def connection(events, name, **auth):
    """Creates a connection, and waits for it as the provider does."""
    events.create_connection(Name=name, **auth)
    shown = without_metadata(events.describe_connection(Name=name))
    assert shown["ConnectionState"] in ("AUTHORIZED", "DEAUTHORIZED")
    return shown


API_KEY = {
    "AuthorizationType": "API_KEY",
    "AuthParameters": {"ApiKeyAuthParameters": {"ApiKeyName": "x-key", "ApiKeyValue": "hidden"}},
}


def test_aws_cloudwatch_event_rule(provider):
    events, name = provider.events, "tf-rule"
    assert gone(events.describe_rule, Name=name, EventBusName="default") == MISSING
    asked = {"Name": name, "EventBusName": "default", "EventPattern": PATTERN, "State": "ENABLED"}
    arn = events.put_rule(**asked, Description="d", Tags=tags(team="a"))["RuleArn"]
    assert arn == f"arn:aws:events:{provider.region}:{provider.account}:rule/{name}"

    def read():
        shown = without_metadata(events.describe_rule(Name=name, EventBusName="default"))
        return shown, by_key(events.list_tags_for_resource(ResourceARN=arn)["Tags"])

    shown, tagged = read()
    assert read() == (shown, tagged)
    assert (shown["Arn"], shown["EventPattern"], shown["Description"]) == (arn, PATTERN, "d")
    assert (shown["State"], shown["EventBusName"], tagged) == ("ENABLED", "default", {"team": "a"})
    assert "RoleArn" not in shown and "ScheduleExpression" not in shown

    # An update leaves out what is no longer set, and sends the tags again.
    events.put_rule(**asked | {"State": "DISABLED"}, Tags=tags(team="a"))
    events.untag_resource(ResourceARN=arn, TagKeys=["team"])
    events.tag_resource(ResourceARN=arn, Tags=tags(stage="b"))
    again, tagged = read()
    assert again == {key: value for key, value in shown.items() if key != "Description"} | {"State": "DISABLED"}
    assert tagged == {"stage": "b"}
    listed = events.list_rules(NamePrefix="tf-", EventBusName="default")["Rules"]
    assert [rule["Name"] for rule in listed] == [name]

    events.delete_rule(Name=name, EventBusName="default")
    assert gone(events.describe_rule, Name=name, EventBusName="default") == MISSING
    events.delete_rule(Name=name, EventBusName="default")


def test_aws_cloudwatch_event_target(provider):
    events, iam = provider.events, provider.iam
    made = connection(events, "tf-target", **API_KEY)
    asked = {"ConnectionArn": made["ConnectionArn"], "InvocationEndpoint": "https://example.org/", "HttpMethod": "POST"}
    arn = events.create_api_destination(Name="tf-target", **asked)["ApiDestinationArn"]
    role = f"arn:aws:iam::{provider.account}:role/tf-invoker"
    events.put_rule(Name="tf-target", EventBusName="default", EventPattern=PATTERN)
    where = {"Rule": "tf-target", "EventBusName": "default"}
    target = {"Id": "one", "Arn": arn, "RoleArn": role}
    # The provider repeats the call while the role is not there yet.
    code, message = refusal(events.put_targets, **where, Targets=[target])
    assert code == "ValidationException" and "cannot be assumed by principal" in message
    iam.create_role(RoleName="tf-invoker", AssumeRolePolicyDocument=trust(Service="events.amazonaws.com"))
    assert events.put_targets(**where, Targets=[target])["FailedEntryCount"] == 0

    def read():
        pages = events.get_paginator("list_targets_by_rule").paginate(**where)
        return [target for page in pages for target in page["Targets"]]

    assert read() == read() == [target]
    # What is refused says what is supported.
    queue = f"arn:aws:sqs:{provider.region}:{provider.account}:queue"
    code, message = refusal(events.put_targets, **where, Targets=[{"Id": "two", "Arn": queue}])
    assert code == "ValidationException" and "API destinations" in message
    full = target | {
        "HttpParameters": {"HeaderParameters": {"x-a": "b"}, "QueryStringParameters": {"c": "d"}},
        "InputTransformer": {"InputPathsMap": {"tag": "$.detail.image-tag"}, "InputTemplate": '"<tag>"'},
        "RetryPolicy": {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 3},
    }
    events.put_targets(**where, Targets=[full])
    assert read() == [full]
    assert refusal(events.delete_rule, Name="tf-target")[1] == "Rule can't be deleted since it has targets."
    assert events.remove_targets(**where, Ids=["one"])["FailedEntryCount"] == 0
    assert read() == []
    events.delete_rule(Name="tf-target", EventBusName="default")
    assert gone(events.list_targets_by_rule, **where) == MISSING
    assert gone(events.remove_targets, **where, Ids=["one"]) == MISSING
    events.delete_api_destination(Name="tf-target")
    events.delete_connection(Name="tf-target")


@pytest.mark.parametrize("kind", ["API_KEY", "BASIC", "OAUTH_CLIENT_CREDENTIALS"])
def test_aws_cloudwatch_event_connection(provider, kind):
    events, name = provider.events, f"tf-{kind.lower()}"
    parameters = {
        "BodyParameters": [{"Key": "b", "Value": "1", "IsValueSecret": False}],
        "HeaderParameters": [{"Key": "h", "Value": "hidden", "IsValueSecret": True}],
        "QueryStringParameters": [{"Key": "q", "Value": "3", "IsValueSecret": False}],
    }
    given = {
        "API_KEY": {"ApiKeyAuthParameters": {"ApiKeyName": "x-key", "ApiKeyValue": "hidden"}},
        "BASIC": {"BasicAuthParameters": {"Username": "u", "Password": "hidden"}},
        "OAUTH_CLIENT_CREDENTIALS": {
            "OAuthParameters": {
                "AuthorizationEndpoint": "https://example.org/token",
                "HttpMethod": "POST",
                "ClientParameters": {"ClientID": "c", "ClientSecret": "hidden"},
                "OAuthHttpParameters": parameters,
            }
        },
    }[kind] | {"InvocationHttpParameters": parameters}
    assert gone(events.describe_connection, Name=name) == MISSING
    shown = connection(events, name, Description="d", AuthorizationType=kind, AuthParameters=given)
    assert without_metadata(events.describe_connection(Name=name)) == shown
    prefix = f"arn:aws:events:{provider.region}:{provider.account}:connection/{name}/"
    assert shown["ConnectionArn"].startswith(prefix)
    assert (shown["AuthorizationType"], shown["Description"]) == (kind, "d")
    auth = json.dumps(shown["AuthParameters"])
    assert "hidden" not in auth and '"Value": "1"' in auth
    events.update_connection(Name=name, AuthorizationType=kind, AuthParameters=given, Description="e")
    again = without_metadata(events.describe_connection(Name=name))
    assert again["Description"] == "e" and again["AuthParameters"] == shown["AuthParameters"]
    assert again["ConnectionArn"] == shown["ConnectionArn"]
    assert events.delete_connection(Name=name)["ConnectionState"] == "DELETING"
    assert gone(events.describe_connection, Name=name) == MISSING
    assert gone(events.delete_connection, Name=name) == MISSING


def test_the_data_sources(provider):
    events = provider.events
    (bus,) = events.list_event_buses(NamePrefix="default")["EventBuses"]
    shown = events.describe_event_bus(Name="default")
    arn = f"arn:aws:events:{provider.region}:{provider.account}:event-bus/default"
    assert (bus["Name"], bus["Arn"]) == (shown["Name"], shown["Arn"]) == ("default", arn)
    assert gone(events.describe_event_bus, Name="other") == MISSING
    made = connection(events, "tf-source", **API_KEY)
    read = without_metadata(events.describe_connection(Name="tf-source"))
    assert read == made and made["ConnectionArn"]
    events.delete_connection(Name="tf-source")


def test_aws_cloudwatch_event_api_destination(provider):
    events, name = provider.events, "tf-destination"
    made = connection(events, name, **API_KEY)["ConnectionArn"]
    asked = {
        "ConnectionArn": made,
        "InvocationEndpoint": "https://example.org/a",
        "HttpMethod": "POST",
        "InvocationRateLimitPerSecond": 300,
        "Description": "d",
    }
    assert gone(events.describe_api_destination, Name=name) == MISSING
    arn = events.create_api_destination(Name=name, **asked)["ApiDestinationArn"]
    shown = without_metadata(events.describe_api_destination(Name=name))
    assert without_metadata(events.describe_api_destination(Name=name)) == shown
    assert {key: shown[key] for key in asked} == asked and shown["ApiDestinationArn"] == arn
    assert shown["ApiDestinationState"] == "ACTIVE"
    events.update_api_destination(Name=name, **asked | {"HttpMethod": "PUT", "InvocationRateLimitPerSecond": 7})
    again = events.describe_api_destination(Name=name)
    assert (again["HttpMethod"], again["InvocationRateLimitPerSecond"]) == ("PUT", 7)
    assert gone(events.create_api_destination, Name=name, **asked) == "ResourceAlreadyExistsException"
    events.delete_connection(Name=name)
    assert events.describe_api_destination(Name=name)["ApiDestinationState"] == "INACTIVE"
    events.delete_api_destination(Name=name)
    assert gone(events.describe_api_destination, Name=name) == MISSING
    assert gone(events.delete_api_destination, Name=name) == MISSING
