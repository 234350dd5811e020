"""The policy simulator, and the account as a whole. `clients.py` checks that the answers match botocore's model."""

import json

from clients import ALLOW_ALL, allow, policy, refused, unique
from test_iam_answers import ELSEWHERE
from test_presence import served

READ_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
REPOSITORY = "arn:aws:ecr:us-east-1:999999999999:repository/app"


def decisions(answer):
    return {result["EvalActionName"]: result["EvalDecision"] for result in answer["EvaluationResults"]}


def test_policies_of_the_request_are_simulated(cloud):
    actions = ["ecr:BatchGetImage", "ecr:PutImage", "ecr:DeleteRepository"]
    only_office = allow("ecr:BatchGet*") | {"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}
    document = policy(only_office, {"Effect": "Deny", "Action": "ecr:Delete*", "Resource": "*"})
    simulate = lambda **more: cloud.iam.simulate_custom_policy(PolicyInputList=[document], ActionNames=actions, **more)
    answer = simulate()
    denied = {"ecr:BatchGetImage": "implicitDeny", "ecr:PutImage": "implicitDeny", "ecr:DeleteRepository": "explicitDeny"}
    assert decisions(answer) == denied
    assert answer["EvaluationResults"][0]["MissingContextValues"] == ["aws:SourceIp"]
    at_home = {"ContextKeyName": "aws:SourceIp", "ContextKeyType": "ip", "ContextKeyValues": ["10.1.1.1"]}
    assert decisions(simulate(ContextEntries=[at_home])) == denied | {"ecr:BatchGetImage": "allowed"}
    matched = simulate(ContextEntries=[at_home])["EvaluationResults"][0]["MatchedStatements"]
    assert [one["SourcePolicyId"] for one in matched] == ["PolicyInputList.1"]
    bounded = simulate(ContextEntries=[at_home], PermissionsBoundaryPolicyInputList=[policy(allow("s3:*"))])
    assert bounded["EvaluationResults"][0]["PermissionsBoundaryDecisionDetail"] == {
        "AllowedByPermissionsBoundary": False
    }
    keys = cloud.iam.get_context_keys_for_custom_policy(PolicyInputList=[document])["ContextKeyNames"]
    assert keys == ["aws:SourceIp"]
    refused("InvalidInput", cloud.iam.simulate_custom_policy, PolicyInputList=["{"], ActionNames=actions)
    refused("ValidationError", cloud.iam.simulate_custom_policy, ActionNames=actions)
    refused("ValidationError", cloud.iam.get_context_keys_for_custom_policy)
    first = simulate(MaxItems=2)
    rest = simulate(MaxItems=2, Marker=first["Marker"])
    assert decisions(first) | decisions(rest) == denied
    assert (len(first["EvaluationResults"]), rest["IsTruncated"]) == (2, False)


def test_a_resource_policy_is_simulated(cloud):
    role, account = cloud.arn("role/reader"), "999999999999"
    grant = {"Effect": "Allow", "Principal": {"AWS": role}, "Action": "ecr:BatchGetImage"}
    asked = {"ActionNames": ["ecr:BatchGetImage"], "ResourceArns": [REPOSITORY], "CallerArn": role}
    asked |= {"PolicyInputList": [policy(allow("ecr:BatchGetImage"))], "ResourceOwner": f"arn:aws:iam::{account}:root"}
    simulate = lambda **more: cloud.iam.simulate_custom_policy(**asked, **more)["EvaluationResults"][0]
    assert simulate()["EvalDecision"] == "implicitDeny", "another account's"
    result = simulate(ResourcePolicy=policy(grant))
    assert (result["EvalDecision"], result["EvalResourceName"]) == ("allowed", REPOSITORY)


def test_the_policies_of_a_principal_are_simulated(cloud):
    name = cloud.user(allow("ecr:PutImage"))
    cloud.iam.attach_user_policy(UserName=name, PolicyArn=READ_ONLY)
    group = unique("group")
    cloud.iam.create_group(GroupName=group)
    tagged = "arn:aws:ecr:*:*:repository/${aws:PrincipalTag/team}"
    cloud.iam.put_group_policy(GroupName=group, PolicyName="own", PolicyDocument=policy(allow("ecr:DeleteRepository", tagged)))
    cloud.iam.add_user_to_group(GroupName=group, UserName=name)
    source = {"PolicySourceArn": cloud.arn(f"user/{name}")}
    own = f"arn:aws:ecr:us-east-1:{cloud.account}:repository/app"
    actions = ["ecr:PutImage", "ecr:BatchGetImage", "ecr:DeleteRepository", "ecr:CreateRepository"]
    simulate = lambda: decisions(cloud.iam.simulate_principal_policy(**source, ActionNames=actions, ResourceArns=[own]))
    assert list(simulate().values()) == ["allowed", "allowed", "implicitDeny", "implicitDeny"]
    keys = cloud.iam.get_context_keys_for_principal_policy(**source)["ContextKeyNames"]
    assert keys == ["aws:PrincipalTag/team"]
    cloud.iam.tag_user(UserName=name, Tags=[{"Key": "team", "Value": "app"}])
    assert list(simulate().values()) == ["allowed", "allowed", "allowed", "implicitDeny"]
    boundary = cloud.managed(allow("ecr:*Get*"))
    cloud.iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=boundary)
    assert list(simulate().values()) == ["implicitDeny", "allowed", "implicitDeny", "implicitDeny"]
    matched = cloud.iam.simulate_principal_policy(**source, ActionNames=actions, ResourceArns=[own])["EvaluationResults"]
    ids = [[(one["SourcePolicyId"], one["SourcePolicyType"]) for one in of["MatchedStatements"]] for of in matched]
    inline, of_group = f"user_{name}_inline", f"group_{group}_own"
    managed = "AmazonEC2ContainerRegistryReadOnly"
    kind = "IAM Policy"
    assert ids == [[(inline, kind)], [(managed, kind)], [(of_group, kind)], []]
    for wrong in (f"arn:aws:sts::{cloud.account}:assumed-role/r/session", cloud.arn("root"), cloud.arn("policy/p")):
        text = f"Invalid Entity Arn: {wrong} does not clearly define entity type and name."
        refused("InvalidInput", cloud.iam.simulate_principal_policy, text, PolicySourceArn=wrong, ActionNames=actions)
    missing = cloud.arn("role/missing")
    refused("NoSuchEntity", cloud.iam.simulate_principal_policy, PolicySourceArn=missing, ActionNames=actions)


def test_the_account_as_a_whole(cloud):
    before = cloud.iam.get_account_summary()["SummaryMap"]
    name = cloud.user(ALLOW_ALL, Tags=[{"Key": "k", "Value": "v"}])
    role = cloud.role({"AWS": cloud.account}, allow("ecr:*"), Path="/whole/")
    arn = cloud.managed(allow("ecr:GetAuthorizationToken"))
    cloud.iam.attach_role_policy(RoleName=role["RoleName"], PolicyArn=arn)
    after = cloud.iam.get_account_summary()["SummaryMap"]
    assert [after[key] - before[key] for key in ("Users", "Roles", "Policies", "Groups")] == [1, 1, 1, 0]
    assert cloud.iam.list_account_aliases()["AccountAliases"] == []

    lists, marker = {"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": [], "Policies": []}, {}
    while True:
        page = cloud.iam.get_account_authorization_details(MaxItems=7, **marker)
        assert sum(len(page[name]) for name in lists) <= 7
        for list_name, found in lists.items():
            found += page[list_name]
        if not page["IsTruncated"]:
            break
        marker = {"Marker": page["Marker"]}
    user = next(user for user in lists["UserDetailList"] if user["UserName"] == name)
    assert user["UserPolicyList"] == [{"PolicyName": "inline", "PolicyDocument": json.loads(policy(ALLOW_ALL))}]
    assert user["Tags"] == [{"Key": "k", "Value": "v"}]
    (shown,) = [one for one in lists["RoleDetailList"] if one["RoleName"] == role["RoleName"]]
    assert shown["AttachedManagedPolicies"] == [{"PolicyName": arn.split("/")[-1], "PolicyArn": arn}]
    assert (shown["Path"], shown["RoleId"]) == ("/whole/", role["RoleId"])
    (own,) = [one for one in lists["Policies"] if one["Arn"] == arn]
    assert own["PolicyVersionList"][0]["Document"] == json.loads(policy(allow("ecr:GetAuthorizationToken")))
    users = cloud.iam.get_account_authorization_details(Filter=["User"], MaxItems=1000)
    assert len(users["UserDetailList"]) == len(lists["UserDetailList"]) and users["RoleDetailList"] == []


def test_empty_lists_of_tags_and_policies_are_shown_as_by_iam(cloud):
    role = cloud.role({"AWS": cloud.account})
    bare = cloud.iam.create_user(UserName=unique("bare"))["User"]["UserName"]
    users = cloud.iam.get_account_authorization_details(Filter=["User"], MaxItems=1000)["UserDetailList"]
    shown = next(one for one in users if one["UserName"] == bare)
    assert shown["Tags"] == [] and "UserPolicyList" not in shown
    roles = cloud.iam.get_account_authorization_details(Filter=["Role"], MaxItems=1000)["RoleDetailList"]
    assert next(one for one in roles if one["RoleName"] == role["RoleName"])["Tags"] == []


def test_every_operation_left_out_elsewhere_is_tested_here(cloud):
    assert ELSEWHERE & served(cloud, "iam") <= cloud.answered["iam"]


def test_a_simulation_has_a_work_limit(cloud):
    hostile = policy(allow("*", "arn:aws:ecr:*:*:" + "*?????a" * 2000 + "z"))
    asked = {"PolicyInputList": [hostile] * 4, "ActionNames": [f"ecr:Action{number}" for number in range(100)]}
    arns = [REPOSITORY + "a" * 1900 + str(number) for number in range(10)]
    said = refused("InvalidInput", cloud.iam.simulate_custom_policy, ResourceArns=arns, MaxItems=1000, **asked)
    assert "MaxItems" in said
