"""Policies of IAM, with boto3: errors of the grammar, versions, attachments, inline policies, boundaries, and
AWS-managed policies."""

import json

import pytest
from clients import ALLOW_ALL, allow, pages, policy, refused, unique

READ_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("Syntax errors in policy.", "{"),
        ("Syntax errors in policy.", json.dumps({"Version": "2012-10-17", "Statement": "x"})),
        ("Policy document must be version 2012-10-17 or greater.", json.dumps({"Statement": [ALLOW_ALL]})),
        ("Policy statement must contain actions.", policy({"Effect": "Allow", "Resource": "*"})),
        ("Policy statement must contain resources.", policy({"Effect": "Allow", "Action": "*"})),
        ("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.", policy(allow("GetUser"))),
        ('Resource b must be in ARN format or "*".', policy(allow("s3:*", "b"))),
        ('Partition "foo" is not valid for resource "arn:foo:s3:::b".', policy(allow("s3:*", "arn:foo:s3:::b"))),
        ("Resource vendor must be fully qualified and cannot contain regexes.", policy(allow("s3:*", "arn:aws::::b"))),
        ("Vendor s_3 is not valid", policy(allow("s3:*", "arn:aws:s_3:::b"))),
        (
            "Resource arn:aws:s3:us-east-1::b can not contain region information.",
            policy(allow("s3:*", "arn:aws:s3:us-east-1::b")),
        ),
        (
            'IAM resource path must either be "*", root, or start with user/, federated-user/, role/, group/, '
            "instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, "
            "access-report/.",
            policy(allow("iam:*", "arn:aws:iam::111122223333:account-alias/*")),
        ),
        ("Statement IDs (SID) in a single policy must be unique.", policy(*[ALLOW_ALL | {"Sid": "A"}] * 2)),
        ("Policy document should not specify a principal.", policy(ALLOW_ALL | {"Principal": "*"})),
    ],
)
def test_grammar_errors_have_iams_texts(cloud, text, document):
    iam, user = cloud.iam, cloud.user()
    for call, arguments in (
        (iam.create_policy, {"PolicyName": unique("p")}),
        (iam.put_user_policy, {"UserName": user, "PolicyName": "p"}),
        (iam.create_policy_version, {"PolicyArn": cloud.managed()}),
    ):
        if "2012-10-17" in text and "UserName" in arguments:
            continue  # Inline policies may be of the first version of the language.
        refused("MalformedPolicyDocument", call, text, PolicyDocument=document, **arguments)
    assert iam.list_user_policies(UserName=user)["PolicyNames"] == []


@pytest.mark.parametrize(
    "statement",
    [
        allow("s3.s:Get*"),
        ALLOW_ALL | {"Condition": {"StringEquals": {"key": "value"}}},
        ALLOW_ALL | {"Condition": {"StringEquals": {}}},
        ALLOW_ALL | {"Condition": {"Whatever": {}}},
    ],
)
def test_policies_without_effect_are_accepted(cloud, statement):
    cloud.managed(statement)


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("This policy contains invalid Json", "{"),
        ('Invalid principal in policy: "SERVICE":"foo"', {"Service": "foo"}),
        ('Invalid principal in policy: "SERVICE":"amazonaws.com"', {"Service": "amazonaws.com"}),
        ('Invalid principal in policy: "SERVICE":"tagging.amazonaws.com"', {"Service": "tagging.amazonaws.com"}),
        (
            'Invalid principal in policy: "FEDERATED":"arn:aws:iam::111122223333:saml-provider/corp"',
            {"Federated": "arn:aws:iam::111122223333:saml-provider/corp"},
        ),
    ],
)
def test_a_trust_policy_is_refused_as_iam_refuses_it(cloud, text, document):
    name = cloud.role({"Service": "ecs.us-east-1.amazonaws.com"})["RoleName"]
    if isinstance(document, dict):
        document = policy({"Effect": "Allow", "Principal": document, "Action": "sts:AssumeRole"})
    said = {"RoleName": unique("role"), "AssumeRolePolicyDocument": document}
    refused("MalformedPolicyDocument", cloud.iam.create_role, text, **said)
    refused("MalformedPolicyDocument", cloud.iam.update_assume_role_policy, text, RoleName=name, PolicyDocument=document)


def test_a_policy_has_at_most_five_versions(cloud):
    iam, arn = cloud.iam, cloud.managed()
    for number in range(2, 6):
        document = policy(allow(f"ecr:Get{number}"))
        made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=document)["PolicyVersion"]
        assert (made["VersionId"], made["IsDefaultVersion"]) == (f"v{number}", False)
    text = (
        "A managed policy can have up to 5 versions. "
        "Before you create a new version, you must delete an existing version."
    )
    refused("LimitExceeded", iam.create_policy_version, text, PolicyArn=arn, PolicyDocument=policy(ALLOW_ALL))
    found = pages(iam.list_policy_versions, "Versions", PolicyArn=arn, MaxItems=2)
    assert [[item["VersionId"] for item in page] for page in found] == [["v5", "v4"], ["v3", "v2"], ["v1"]]
    refused("DeleteConflict", iam.delete_policy, PolicyArn=arn)
    text = "Cannot delete the default version of a policy."
    refused("DeleteConflict", iam.delete_policy_version, text, PolicyArn=arn, VersionId="v1")
    for number in range(2, 6):
        iam.delete_policy_version(PolicyArn=arn, VersionId=f"v{number}")
    document = policy(ALLOW_ALL)
    made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)["PolicyVersion"]
    assert (made["VersionId"], made["IsDefaultVersion"]) == ("v6", True), "numbers are not given again"
    shown = iam.get_policy(PolicyArn=arn)["Policy"]
    assert shown["DefaultVersionId"] == "v6"
    assert shown["UpdateDate"] >= shown["CreateDate"]
    for call in (iam.get_policy_version, iam.delete_policy_version, iam.set_default_policy_version):
        refused("NoSuchEntity", call, PolicyArn=arn, VersionId="v2")
        refused("ValidationError", call, PolicyArn=arn, VersionId="2")


def test_a_new_default_version_applies_at_once(cloud):
    iam, arn = cloud.iam, cloud.managed(allow("iam:ListUsers"))
    user, group = cloud.user(), unique("group")
    iam.create_group(GroupName=group)
    iam.add_user_to_group(GroupName=group, UserName=user)
    own = cloud.client("iam", cloud.key(user))
    refused("AccessDenied", own.list_users, MaxItems=1)
    iam.attach_group_policy(GroupName=group, PolicyArn=arn)
    own.list_users(MaxItems=1)
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy(allow("ecr:*")), SetAsDefault=True)
    refused("AccessDenied", own.list_users, MaxItems=1)
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    own.list_users(MaxItems=1)
    iam.remove_user_from_group(GroupName=group, UserName=user)
    refused("AccessDenied", own.list_users, MaxItems=1)


@pytest.mark.parametrize("kind", ["user", "group", "role"])
def test_ten_policies_can_be_attached(cloud, kind):
    iam, name = cloud.iam, unique("ten")
    match kind:
        case "user":
            iam.create_user(UserName=name)
        case "group":
            iam.create_group(GroupName=name)
        case "role":
            name = cloud.role({"AWS": cloud.account})["RoleName"]
    owner = {f"{kind.capitalize()}Name": name}
    attach, detach = getattr(iam, f"attach_{kind}_policy"), getattr(iam, f"detach_{kind}_policy")
    arns = sorted(cloud.managed() for _ in range(10))
    for arn in arns:
        attach(PolicyArn=arn, **owner)
    attach(PolicyArn=arns[0], **owner)
    assert iam.get_policy(PolicyArn=arns[0])["Policy"]["AttachmentCount"] == 1
    text = f"Cannot exceed quota for PoliciesPer{kind.capitalize()}: 10"
    refused("LimitExceeded", attach, text, PolicyArn=READ_ONLY, **owner)
    found = pages(getattr(iam, f"list_attached_{kind}_policies"), "AttachedPolicies", MaxItems=4, **owner)
    assert [item["PolicyArn"] for page in found for item in page] == arns
    text = "Cannot delete a policy attached to entities."
    refused("DeleteConflict", iam.delete_policy, text, PolicyArn=arns[0])
    detach(PolicyArn=arns[0], **owner)
    refused("NoSuchEntity", detach, f"Policy {arns[0]} was not found.", PolicyArn=arns[0], **owner)
    iam.delete_policy(PolicyArn=arns[0])
    text = f"Policy {arns[0]} does not exist or is not attachable."
    refused("NoSuchEntity", attach, text, PolicyArn=arns[0], **owner)
    service_role = "arn:aws:iam::aws:policy/aws-service-role/ECRReplicationServiceRolePolicy"
    refused("PolicyNotAttachable", attach, PolicyArn=service_role, **owner)


def test_entities_of_a_policy(cloud):
    iam, arn, group = cloud.iam, cloud.managed(), unique("group")
    user, role = cloud.user(Path="/a/"), cloud.role({"AWS": cloud.account})["RoleName"]
    bounded = cloud.user(PermissionsBoundary=arn)
    iam.create_group(GroupName=group)
    iam.attach_user_policy(UserName=user, PolicyArn=arn)
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    iam.attach_group_policy(GroupName=group, PolicyArn=arn)

    def names(**filters):
        found = iam.list_entities_for_policy(PolicyArn=arn, **filters)
        kinds = ("User", "Group", "Role")
        return {item[f"{kind}Name"] for kind in kinds for item in found[f"Policy{kind}s"]}

    assert names() == {user, group, role, bounded}
    assert names(EntityFilter="User") == {user, bounded}
    assert names(EntityFilter="Role") == {role}
    assert names(PathPrefix="/a/") == {user}
    assert names(PolicyUsageFilter="PermissionsBoundary") == {bounded}
    assert names(PolicyUsageFilter="PermissionsPolicy") == {user, group, role}
    shown = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (shown["AttachmentCount"], shown["PermissionsBoundaryUsageCount"]) == (3, 1)
    kinds, marker, names_paged = ("User", "Group", "Role"), {}, []
    while True:
        page = iam.list_entities_for_policy(PolicyArn=arn, MaxItems=1, **marker)
        there = [item[f"{kind}Name"] for kind in kinds for item in page[f"Policy{kind}s"]]
        assert len(there) == 1
        names_paged += there
        if not page["IsTruncated"]:
            break
        marker = {"Marker": page["Marker"]}
    assert sorted(names_paged) == sorted([user, group, role, bounded])


def test_policies_are_listed_by_scope_path_and_use(cloud):
    iam, part = cloud.iam, unique("list")
    arns = [cloud.managed(Path=f"/{part}/") for _ in range(5)]
    arns.sort()
    iam.attach_user_policy(UserName=cloud.user(), PolicyArn=arns[4])
    cloud.user(PermissionsBoundary=arns[3])

    def listed(size, **filters):
        found = pages(iam.list_policies, "Policies", PathPrefix=f"/{part}/", MaxItems=size, **filters)
        assert all("Description" not in item and "Tags" not in item for page in found for item in page)
        return [item["Arn"] for page in found for item in page]

    for size in (1, 2, 5, 100):
        assert listed(size) == arns
        assert listed(size, Scope="Local", OnlyAttached=True) == [arns[4]]
        assert listed(size, Scope="Local", PolicyUsageFilter="PermissionsBoundary") == [arns[3]]
        usable = {"Scope": "Local", "PolicyUsageFilter": "PermissionsPolicy"}
        assert set(arns) <= set(listed(size, **usable)), "attached or not"
        assert listed(size, OnlyAttached=True, **usable) == [arns[4]]
        assert listed(size, Scope="AWS") == []
    assert listed(1, OnlyAttached=True) == [arns[4]]
    refused("ValidationError", iam.list_policies, Scope="Mine")


def test_a_name_can_be_used_once(cloud):
    iam, arn = cloud.iam, cloud.managed()
    name = arn.rsplit("/", 1)[1]
    for again in (name, name.upper()):
        text = f"A policy called {again} already exists. Duplicate names are not allowed."
        document = policy(ALLOW_ALL)
        refused("EntityAlreadyExists", iam.create_policy, text, PolicyName=again, Path="/x/", PolicyDocument=document)
    refused("NoSuchEntity", iam.get_policy, f"Policy {arn}x was not found.", PolicyArn=f"{arn}x")


def test_aws_managed_policies_can_be_read_and_not_changed(cloud):
    iam, user = cloud.iam, cloud.user()
    shown = iam.get_policy(PolicyArn=READ_ONLY)["Policy"]
    version = iam.get_policy_version(PolicyArn=READ_ONLY, VersionId=shown["DefaultVersionId"])["PolicyVersion"]
    actions = version["Document"]["Statement"][0]["Action"]
    assert {"ecr:GetAuthorizationToken", "ecr:BatchGetImage"} <= set(actions)
    assert not any(action.startswith("ecr:Put") for action in actions)
    listed = pages(iam.list_policies, "Policies", Scope="AWS", MaxItems=3)
    arns = [item["Arn"] for page in listed for item in page]
    assert len(arns) == len(set(arns)) and READ_ONLY in arns
    assert "arn:aws:iam::aws:policy/AdministratorAccess" in arns
    for call, arguments in (
        (iam.delete_policy, {}),
        (iam.create_policy_version, {"PolicyDocument": policy(ALLOW_ALL)}),
        (iam.delete_policy_version, {"VersionId": "v1"}),
        (iam.tag_policy, {"Tags": [{"Key": "a", "Value": "b"}]}),
    ):
        assert refused_code(call, PolicyArn=READ_ONLY, **arguments) in ("InvalidInput", "AccessDenied")
    iam.attach_user_policy(UserName=user, PolicyArn=READ_ONLY)
    users = iam.list_entities_for_policy(PolicyArn=READ_ONLY)["PolicyUsers"]
    assert user in [item["UserName"] for item in users]
    iam.detach_user_policy(UserName=user, PolicyArn=READ_ONLY)


def refused_code(call, **arguments):
    with pytest.raises(call.__self__.exceptions.ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def test_inline_documents_come_back_as_they_were_written(cloud):
    iam, user = cloud.iam, cloud.user()
    statement = '{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::a b%20+/&<>"}'
    document = '{ "Version": "2012-10-17",\n  "Statement": [' + statement + "] }"
    raw = {}
    events, event = iam.meta.events, "before-parse.iam.GetUserPolicy"
    events.register_first(event, lambda response_dict, **_: raw.update(response_dict))
    iam.put_user_policy(UserName=user, PolicyName="a", PolicyDocument=document)
    assert iam.get_user_policy(UserName=user, PolicyName="a")["PolicyDocument"] == json.loads(document)
    assert b"<PolicyDocument>%7B%20%22Version%22%3A%20%222012-10-17%22%2C%0A%20%20" in raw["body"]
    iam.put_user_policy(UserName=user, PolicyName="a", PolicyDocument=policy(ALLOW_ALL))
    for name in ("c", "b"):
        iam.put_user_policy(UserName=user, PolicyName=name, PolicyDocument=policy(ALLOW_ALL))
    found = pages(iam.list_user_policies, "PolicyNames", UserName=user, MaxItems=1)
    assert [name for page in found for name in page] == ["a", "b", "c"]
    text = "The user policy with name absent cannot be found."
    refused("NoSuchEntity", iam.get_user_policy, text, UserName=user, PolicyName="absent")


def sized(length):
    """A document of this many characters."""
    empty = policy(allow("ecr:*", "arn:aws:ecr:::"))
    return policy(allow("ecr:*", "arn:aws:ecr:::" + "a" * (length - len(empty.replace(" ", "")))))


@pytest.mark.parametrize(("kind", "limit"), [("user", 2048), ("group", 5120), ("role", 10240)])
def test_inline_documents_share_a_quota(cloud, kind, limit):
    iam, name = cloud.iam, unique("room")
    match kind:
        case "user":
            iam.create_user(UserName=name)
        case "group":
            iam.create_group(GroupName=name)
        case "role":
            name = cloud.role({"AWS": cloud.account})["RoleName"]
    put = getattr(iam, f"put_{kind}_policy")
    owner = {f"{kind.capitalize()}Name": name}

    def document(length):
        """White space does not count."""
        return sized(length).replace("{", "{ \n\t")

    put(PolicyName="a", PolicyDocument=document(limit - 1000), **owner)
    put(PolicyName="b", PolicyDocument=document(1000), **owner)
    text = f"Maximum policy size of {limit} bytes exceeded for {kind} {name}"
    refused("LimitExceeded", put, text, PolicyName="b", PolicyDocument=document(1001), **owner)
    put(PolicyName="a", PolicyDocument=document(limit - 1000), **owner)


def test_a_managed_policy_has_at_most_6144_characters(cloud):
    cloud.iam.create_policy(PolicyName=unique("p"), PolicyDocument=sized(6144))
    document = sized(6145)
    text = "Cannot exceed quota for PolicySize: 6144"
    refused("LimitExceeded", cloud.iam.create_policy, text, PolicyName=unique("p"), PolicyDocument=document)


def test_a_boundary_applies_at_once(cloud):
    iam, boundary = cloud.iam, cloud.managed(allow("iam:GetUser"))
    user = cloud.user(ALLOW_ALL)
    own = cloud.client("iam", cloud.key(user))
    own.list_users(MaxItems=1)
    iam.put_user_permissions_boundary(UserName=user, PermissionsBoundary=boundary)
    assert own.get_user()["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    refused("AccessDenied", own.list_users, MaxItems=1)
    refused("DeleteConflict", iam.delete_policy, PolicyArn=boundary)
    iam.create_policy_version(PolicyArn=boundary, PolicyDocument=policy(allow("iam:*")), SetAsDefault=True)
    own.list_users(MaxItems=1)
    iam.delete_user_permissions_boundary(UserName=user)
    assert "PermissionsBoundary" not in iam.get_user(UserName=user)["User"]
    absent = cloud.arn("policy/" + unique("absent"))
    refused("NoSuchEntity", iam.put_user_permissions_boundary, UserName=user, PermissionsBoundary=absent)
    refused("NoSuchEntity", iam.create_user, UserName=unique("u"), PermissionsBoundary=absent)


def test_policy_texts_have_allowed_characters(cloud):
    iam = cloud.iam
    document = json.loads(policy(ALLOW_ALL))
    other = json.dumps(document | {"Id": "\u0100"}, ensure_ascii=False)
    role = cloud.role({"AWS": cloud.account})["RoleName"]
    for call, arguments in (
        (iam.create_policy, {"PolicyName": unique("p"), "PolicyDocument": other}),
        (iam.create_policy, {"PolicyName": unique("p"), "PolicyDocument": policy(ALLOW_ALL), "Path": "/a!/"}),
        (iam.put_role_policy, {"RoleName": role, "PolicyName": "p", "PolicyDocument": other}),
        (iam.update_role_description, {"RoleName": role, "Description": "\u0100"}),
        (iam.update_role, {"RoleName": role, "Description": "\u0100"}),
    ):
        said = refused("ValidationError", call, **arguments)
        assert "Member must satisfy regular expression pattern" in said
    iam.update_role(RoleName=role, Description="é")


def test_the_error_names_a_missing_boundary(cloud):
    missing = cloud.arn("policy/none")
    text = f"Scope ARN: {missing} does not exist or is not attachable."
    refused("NoSuchEntity", cloud.iam.create_user, text, UserName=unique("u"), PermissionsBoundary=missing)
    put = cloud.iam.put_user_permissions_boundary
    refused("NoSuchEntity", put, text, UserName=cloud.user(), PermissionsBoundary=missing)
    name = unique("profile")
    cloud.iam.create_instance_profile(InstanceProfileName=name)
    text = f"Instance Profile {name} already exists."
    refused("EntityAlreadyExists", cloud.iam.create_instance_profile, text, InstanceProfileName=name)


def test_policies_of_ecs_exist(cloud):
    for name in ("AmazonECSTaskExecutionRolePolicy", "AmazonEC2ContainerServiceforEC2Role"):
        arn = f"arn:aws:iam::aws:policy/service-role/{name}"
        role = cloud.role({"Service": "ecs-tasks.amazonaws.com"})["RoleName"]
        cloud.iam.attach_role_policy(RoleName=role, PolicyArn=arn)
        assert cloud.iam.get_policy(PolicyArn=arn)["Policy"]["PolicyName"] == name
        elsewhere = arn.replace("arn:aws:", "arn:aws-cn:")
        refused("NoSuchEntity", cloud.iam.attach_role_policy, RoleName=role, PolicyArn=elsewhere)


def test_every_policy_of_aws_can_be_attached(cloud):
    role = cloud.role({"Service": "lambda.amazonaws.com"})["RoleName"]
    of_aws = "arn:aws:iam::aws:policy/"
    arns = [of_aws + name for name in ("service-role/AWSLambdaBasicExecutionRole", "AmazonS3ReadOnlyAccess")]
    for arn in arns:
        cloud.iam.attach_role_policy(RoleName=role, PolicyArn=arn)
        shown = cloud.iam.get_policy(PolicyArn=arn)["Policy"]
        assert (shown["AttachmentCount"], shown["DefaultVersionId"][0]) == (1, "v")
        assert shown["Description"].startswith("Shortened by Wharf: ")
        version = cloud.iam.get_policy_version(PolicyArn=arn, VersionId=shown["DefaultVersionId"])["PolicyVersion"]
        assert version["Document"]["Statement"]
    attached = cloud.iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert {one["PolicyArn"] for one in attached} == set(arns)
    refused("NoSuchEntity", cloud.iam.attach_role_policy, RoleName=role, PolicyArn=of_aws + "NoSuchPolicy")
    slr = of_aws + "aws-service-role/AutoScalingServiceRolePolicy"
    refused("PolicyNotAttachable", cloud.iam.attach_role_policy, RoleName=role, PolicyArn=slr)
    found = [item["Arn"] for page in pages(cloud.iam.list_policies, "Policies", Scope="AWS", MaxItems=1000) for item in page]
    assert len(found) == len(set(found)) > 1_500
    assert set(arns) <= set(found)


def test_an_arn_that_is_not_a_policys_is_refused(cloud):
    role = cloud.role({"AWS": cloud.account})["RoleName"]
    for arn in ("AmazonS3ReadOnlyAccess-not-an-arn", cloud.arn(f"role/{role}"), cloud.arn("policy/")):
        text = f"ARN {arn} is not valid."
        for call in (cloud.iam.attach_role_policy, cloud.iam.detach_role_policy):
            refused("InvalidInput", call, text, RoleName=role, PolicyArn=arn)
        refused("InvalidInput", cloud.iam.get_policy, text, PolicyArn=arn)


def test_services_have_their_roles(cloud):
    def make(service, **more):
        role = cloud.iam.create_service_linked_role(AWSServiceName=service, **more)["Role"]
        attached = cloud.iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]
        assert [one["PolicyArn"].split("/")[-2] for one in attached] == ["aws-service-role"]
        statement = role["AssumeRolePolicyDocument"]["Statement"][0]
        assert (role["Path"], statement["Principal"]) == (f"/aws-service-role/{service}/", {"Service": service})
        return role["RoleName"]

    names = [
        make("autoscaling.amazonaws.com", Description="d"),
        make("autoscaling.amazonaws.com", CustomSuffix="mine"),
        make("elasticloadbalancing.amazonaws.com"),
        make("eks.amazonaws.com"),
    ]
    scaling = "AWSServiceRoleForAutoScaling"
    rest = ["AWSServiceRoleForElasticLoadBalancing", "AWSServiceRoleForAmazonEKS"]
    assert names == [scaling, f"{scaling}_mine", *rest]
    assert cloud.iam.get_role(RoleName=scaling)["Role"]["Description"] == "d"
    text = f"Service role name {scaling} has been taken in this account, please try a different suffix."
    refused("InvalidInput", cloud.iam.create_service_linked_role, text, AWSServiceName="autoscaling.amazonaws.com")
    text = "Custom suffix is not allowed for eks.amazonaws.com"
    suffixed = {"AWSServiceName": "eks.amazonaws.com", "CustomSuffix": "a"}
    refused("InvalidInput", cloud.iam.create_service_linked_role, text, **suffixed)
    refused("InvalidInput", cloud.iam.create_service_linked_role, AWSServiceName="none.amazonaws.com")
    for name in names:
        cloud.iam.delete_service_linked_role(RoleName=name)
        refused("NoSuchEntity", cloud.iam.get_role, RoleName=name)
