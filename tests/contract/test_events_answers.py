"""The answers of every operation of EventBridge, with real content; its errors and pages."""

import json

from clients import refused, unique
from test_presence import served

PATTERN = json.dumps({"source": ["aws.ecr"]})
API_KEY = {"ApiKeyAuthParameters": {"ApiKeyName": "x-key", "ApiKeyValue": "hidden"}}


def test_every_events_operation_answers_within_its_shape(cloud):
    events, name = cloud.client("events"), unique("rule")
    cloud.answered["events"].clear()
    role = cloud.role({"Service": "events.amazonaws.com"})["Arn"]
    arn = events.put_rule(Name=name, EventPattern=PATTERN, Tags=[{"Key": "k", "Value": "v"}])["RuleArn"]
    assert events.describe_rule(Name=name)["EventPattern"] == PATTERN
    assert name in [rule["Name"] for rule in events.list_rules()["Rules"]]
    events.disable_rule(Name=name)
    assert events.describe_rule(Name=name)["State"] == "DISABLED"
    events.enable_rule(Name=name)
    made = events.create_connection(Name=name, AuthorizationType="API_KEY", AuthParameters=API_KEY)
    assert events.describe_connection(Name=name)["ConnectionArn"] == made["ConnectionArn"]
    assert name in [one["Name"] for one in events.list_connections()["Connections"]]
    events.update_connection(Name=name, Description="d")
    asked = {"Name": name, "ConnectionArn": made["ConnectionArn"], "HttpMethod": "POST"}
    destination = events.create_api_destination(**asked, InvocationEndpoint="https://example.org/")
    destination = destination["ApiDestinationArn"]
    assert events.describe_api_destination(Name=name)["ApiDestinationArn"] == destination
    assert name in [one["Name"] for one in events.list_api_destinations()["ApiDestinations"]]
    events.update_api_destination(Name=name, HttpMethod="PUT")
    target = {"Id": "1", "Arn": destination, "RoleArn": role}
    assert events.put_targets(Rule=name, Targets=[target])["FailedEntryCount"] == 0
    assert events.list_targets_by_rule(Rule=name)["Targets"] == [target]
    assert events.list_rule_names_by_target(TargetArn=destination)["RuleNames"] == [name]
    events.tag_resource(ResourceARN=arn, Tags=[{"Key": "l", "Value": "w"}])
    events.untag_resource(ResourceARN=arn, TagKeys=["k"])
    assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "l", "Value": "w"}]
    assert events.describe_event_bus()["Name"] == "default"
    assert [bus["Name"] for bus in events.list_event_buses()["EventBuses"]] == ["default"]
    events.remove_targets(Rule=name, Ids=["1"])
    events.delete_rule(Name=name)
    events.delete_api_destination(Name=name)
    events.delete_connection(Name=name)
    assert cloud.answered["events"] == served(cloud, "events")


def test_an_invalid_rule_is_refused_with_the_reason(cloud):
    events, name = cloud.client("events"), unique("rule")
    said = refused("InvalidEventPatternException", events.put_rule, Name=name, EventPattern='{"source": 1}')
    assert said.startswith("Event pattern is not valid. Reason: ")
    refused("ValidationException", events.put_rule, Name=name)
    said = refused("ValidationException", events.put_rule, Name=name, ScheduleExpression="rate(5 minutes)")
    assert "ScheduleExpression" in said
    said = refused("ValidationException", events.put_rule, Name="a b", EventPattern=PATTERN)
    assert said.startswith("1 validation error detected: Value at 'name' failed to satisfy constraint:"), said
    said = refused("ResourceNotFoundException", events.describe_rule, Name=name)
    assert said == f"Rule {name} does not exist on EventBus default."
    other = {"Name": name, "EventBusName": "other"}
    assert refused("ResourceNotFoundException", events.describe_rule, **other) == "Event bus other does not exist."


def test_a_rule_has_at_most_five_targets(cloud):
    events, name = cloud.client("events"), unique("rule")
    role = cloud.role({"Service": "events.amazonaws.com"})["Arn"]
    events.put_rule(Name=name, EventPattern=PATTERN)
    made = events.create_connection(Name=name, AuthorizationType="API_KEY", AuthParameters=API_KEY)
    asked = {"Name": name, "ConnectionArn": made["ConnectionArn"], "HttpMethod": "POST"}
    arn = events.create_api_destination(**asked, InvocationEndpoint="https://example.org/")["ApiDestinationArn"]
    targets = [{"Id": str(number), "Arn": arn, "RoleArn": role} for number in range(6)]
    refused("LimitExceededException", events.put_targets, Rule=name, Targets=targets)
    events.put_targets(Rule=name, Targets=targets[:5])
    first = events.list_targets_by_rule(Rule=name, Limit=3)
    second = events.list_targets_by_rule(Rule=name, Limit=3, NextToken=first["NextToken"])
    assert first["Targets"] + second["Targets"] == targets[:5] and "NextToken" not in second
    refused("ValidationException", events.list_targets_by_rule, Rule=name, NextToken="x")
    insecure = asked | {"Name": f"{name}-2", "InvocationEndpoint": "http://example.org/"}
    assert "HTTPS" in refused("ValidationException", events.create_api_destination, **insecure)
    events.remove_targets(Rule=name, Ids=[target["Id"] for target in targets])
    events.delete_rule(Name=name)


def test_secrets_of_connections_are_not_shown(cloud):
    events, name = cloud.client("events"), unique("connection")
    header = {"Key": "h", "Value": "hidden", "IsValueSecret": True}
    auth = API_KEY | {"InvocationHttpParameters": {"HeaderParameters": [header]}}
    events.create_connection(Name=name, AuthorizationType="API_KEY", AuthParameters=auth)
    shown = events.describe_connection(Name=name)["AuthParameters"]
    assert shown["ApiKeyAuthParameters"] == {"ApiKeyName": "x-key"}
    assert shown["InvocationHttpParameters"]["HeaderParameters"] == [{"Key": "h", "IsValueSecret": True}]
    wrong = {"BasicAuthParameters": {"Username": "u", "Password": "p"}}
    asked = {"Name": f"{name}-2", "AuthorizationType": "API_KEY", "AuthParameters": wrong}
    refused("ValidationException", events.create_connection, **asked)
    host = API_KEY | {"InvocationHttpParameters": {"HeaderParameters": [{"Key": "Host", "Value": "x"}]}}
    refused("ValidationException", events.create_connection, **asked | {"AuthParameters": host})
    events.delete_connection(Name=name)
