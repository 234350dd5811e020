"""Errors of STS before the permission decision, with AWS's texts; and every kind of session."""

import base64
import urllib.error
import urllib.request

import pytest
from clients import ALLOW_ALL, allow, policy, refused

DETECTED = "1 validation error detected: Value {} at '{}' failed to satisfy constraint: {}"
MOST = "Member must have length less than or equal to {}"
LEAST = "Member must have length greater than or equal to {}"
PATTERN = "Member must satisfy regular expression pattern: {}"
NAME = r"[\w+=,.@-]*"
AT_LEAST = "Member must have value greater than or equal to {}"
AT_MOST = "Member must have value less than or equal to {}"
POLICY_TEXT = r"[\u0009\u000A\u000D\u0020-\u00FF]+"
# A list is shown up to the length at which every value is truncated.
ARNS = "[{}]".format(", ".join(["PolicyDescriptorType(arn=arn:aws:iam::aws:policy/A)"] * 11))[:256]
TAGS = "[{}]".format(", ".join(f"Tag(key=k{n}, value=)" for n in range(51)))[:256]
KEYS = "[{}]".format(", ".join(f"k{n}" for n in range(51)))[:256]
DENIED = "User: {} is not authorized to perform: {} on resource: {}"


@pytest.fixture(scope="module")
def role(cloud):
    actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    return cloud.role({"AWS": cloud.account}, ALLOW_ALL, action=actions, MaxSessionDuration=43_200)


def tags(**of):
    return [{"Key": key, "Value": value} for key, value in of.items()]


def password(cloud, credentials):
    token = cloud.client("ecr", credentials).get_authorization_token()["authorizationData"][0]["authorizationToken"]
    return base64.b64decode(token).decode().removeprefix("AWS:")


def ping(cloud, secret):
    """The status of a login to the data plane."""
    header = base64.b64encode(f"AWS:{secret}".encode()).decode()
    request = urllib.request.Request(f"{cloud.endpoint.rstrip('/')}/v2/", headers={"Authorization": f"Basic {header}"})
    try:
        return urllib.request.urlopen(request, timeout=30).status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize(
    ("name", "value", "shown", "at", "constraint"),
    [
        ("DurationSeconds", 899, "899", "durationSeconds", AT_LEAST.format(900)),
        ("DurationSeconds", 43_201, "43201", "durationSeconds", AT_MOST.format(43_200)),
        ("RoleSessionName", "x", "x", "roleSessionName", LEAST.format(2)),
        ("RoleSessionName", "x" * 65, "x" * 65, "roleSessionName", MOST.format(64)),
        ("RoleSessionName", "a b", "a b", "roleSessionName", PATTERN.format(NAME)),
        ("SourceIdentity", "a:b", "a:b", "sourceIdentity", PATTERN.format(NAME)),
        ("ExternalId", "x", "x", "externalId", LEAST.format(2)),
        ("ExternalId", "a b", "a b", "externalId", PATTERN.format(r"[\w+=,.@:\/-]*")),
        ("Policy", "x" * 2_049, "x" * 256, "policy", MOST.format(2_048)),
        ("Policy", "\u20ac", "\u20ac", "policy", PATTERN.format(POLICY_TEXT)),
        ("PolicyArns", [{"arn": "arn:aws:iam::aws:policy/A"}] * 11, ARNS, "policyArns", MOST.format(10)),
        ("Tags", [{"Key": f"k{n}", "Value": ""} for n in range(51)], TAGS, "tags", MOST.format(50)),
        ("Tags", tags(**{"k" * 129: ""}), "k" * 129, "tags.1.member.key", MOST.format(128)),
        ("Tags", tags(k="v" * 257), "v" * 256, "tags.1.member.value", MOST.format(256)),
        ("TransitiveTagKeys", [f"k{n}" for n in range(51)], KEYS, "transitiveTagKeys", MOST.format(50)),
    ],
)
def test_the_error_names_an_invalid_parameter(cloud, role, name, value, shown, at, constraint):
    asked = {"RoleArn": role["Arn"], "RoleSessionName": "rules"} | {name: value}
    message = DETECTED.format(f"'{shown}'", at, constraint)
    refused("ValidationError", cloud.sts.assume_role, text=message, **asked)


def test_an_arn_that_is_not_a_roles_cannot_be_assumed(cloud):
    for arn in (cloud.arn("user/admin"), cloud.arn("role/"), "arn:aws:s3:::bucket-of-somebody", "not-an-arn-but-long-enough"):
        asked = {"RoleArn": arn, "RoleSessionName": "none"}
        refused("ValidationError", cloud.sts.assume_role, text=f"{arn} is invalid", **asked)
        text = "Request ARN is invalid"
        refused("ValidationError", cloud.sts.assume_role_with_web_identity, text=text, WebIdentityToken="none", **asked)


def test_session_tags_have_aws_size_limit(cloud, role):
    asked = {"RoleArn": role["Arn"], "RoleSessionName": "room", "Tags": tags(**{f"T{n}": "a" * 250 for n in range(9)})}
    text = "Packed size of session tags consumes 498% of allotted space."
    refused("PackedPolicyTooLarge", cloud.sts.assume_role, text=text, **asked)


def test_the_error_lists_every_violation(cloud):
    wrong = {"RoleSessionName": "!", "DurationSeconds": 1, "Tags": [{"Key": "", "Value": "!"}]}
    first = "Value null at 'roleArn' failed to satisfy constraint: Member must not be null; Value '!' at 'roleSessionName'"
    text = refused("ValidationError", cloud.sts.assume_role, **wrong)
    assert text.startswith(f"6 validation errors detected: {first} failed to satisfy constraint: "), text
    assert [part.split("'")[1] for part in text.split("; ")[1:]] == ["!", "!", "1", "", "!"]


def test_the_maximum_values_are_accepted(cloud, role):
    full = {
        "DurationSeconds": 43_200,
        "RoleSessionName": "a+=,.@-_" * 8,
        "ExternalId": "a:/" * 408,
        "SourceIdentity": "s" * 64,
        "Policy": policy(ALLOW_ALL).ljust(2_048),
        "PolicyArns": [{"arn": "arn:aws:iam::aws:policy/AdministratorAccess"}] * 10,
        "Tags": tags(**{"k" * 128: "v" * 128}),
        "TransitiveTagKeys": ["K" * 128],
    }
    assumed = cloud.sts.assume_role(RoleArn=role["Arn"], **full)
    session = cloud.client("sts", assumed["Credentials"])
    assert session.get_caller_identity()["UserId"] == f"{role['RoleId']}:{full['RoleSessionName']}"


def test_durations_of_users(cloud):
    for seconds, bound in ((899, "greater than or equal to 900"), (129_601, "less than or equal to 129600")):
        message = DETECTED.format(f"'{seconds}'", "durationSeconds", f"Member must have value {bound}")
        refused("ValidationError", cloud.sts.get_session_token, text=message, DurationSeconds=seconds)
        refused("ValidationError", cloud.sts.get_federation_token, text=message, Name="bob", DurationSeconds=seconds)


def test_invalid_session_tags_are_refused(cloud, role):
    asked = {"RoleArn": role["Arn"], "RoleSessionName": "tags"}
    for wrong, message in (
        ({"Tags": tags(a="1", A="2")}, "Duplicate tag keys found. Please note that Tag keys are case insensitive."),
        ({"Tags": tags(**{"aws:a": "1"})}, "Tag keys cannot begin with aws:."),
        (
            {"Tags": tags(a="1"), "TransitiveTagKeys": ["b"]},
            "The specified transitive tag key must be included in the requested tags.",
        ),
    ):
        refused("InvalidParameterValue", cloud.sts.assume_role, text=message, **asked, **wrong)


def test_a_role_chain_keeps_transitive_tags(cloud, role):
    plain = cloud.role({"AWS": cloud.account}, ALLOW_ALL)
    begins = {"SourceIdentity": "ann", "Tags": tags(team="red"), "TransitiveTagKeys": ["team"]}
    first = cloud.sts.assume_role(RoleArn=role["Arn"], RoleSessionName="one", **begins)
    sts = cloud.client("sts", first["Credentials"])
    second = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="two")
    assert second["SourceIdentity"] == "ann"
    assert second["PackedPolicySize"] > 0, "the tag came along"
    identity = sts.get_caller_identity()["Arn"]
    text = DENIED.format(identity, "sts:TagSession", plain["Arn"])
    refused("AccessDenied", sts.assume_role, text=text, RoleArn=plain["Arn"], RoleSessionName="two")
    text = DENIED.format(identity, "sts:SetSourceIdentity", role["Arn"])
    asked = {"RoleArn": role["Arn"], "RoleSessionName": "two", "SourceIdentity": "bob"}
    refused("AccessDenied", sts.assume_role, text=text, **asked)
    text = (
        "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the "
        "calling session."
    )
    asked = {"RoleArn": role["Arn"], "RoleSessionName": "two", "Tags": tags(Team="blue")}
    refused("InvalidParameterValue", sts.assume_role, text=text, **asked)
    text = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
    asked = {"RoleArn": role["Arn"], "RoleSessionName": "two", "DurationSeconds": 3_601}
    refused("ValidationError", sts.assume_role, text=text, **asked)


def test_sessions_of_users_cannot_use_iam(cloud):
    key = cloud.key(cloud.user(ALLOW_ALL))
    sts = cloud.client("sts", key)
    for credentials in (
        sts.get_session_token()["Credentials"],
        sts.get_federation_token(Name="bob", Policy=policy(ALLOW_ALL))["Credentials"],
    ):
        invalid = "The security token included in the request is invalid."
        refused("InvalidClientTokenId", cloud.client("iam", credentials).list_users, text=invalid)
        session = cloud.client("sts", credentials)
        text = "Cannot call {} with session credentials"
        refused("AccessDenied", session.get_session_token, text=text.format("GetSessionToken"))
        refused("AccessDenied", session.get_federation_token, text=text.format("GetFederationToken"), Name="bob")
        text = text.format("GetAccessKeyInfo")
        refused("AccessDenied", session.get_access_key_info, text=text, AccessKeyId=key["AccessKeyId"])


def test_a_large_session_signs_and_logs_in_and_limits(cloud):
    role = cloud.role({"AWS": cloud.account}, ALLOW_ALL, action=["sts:AssumeRole", "sts:TagSession"])
    repositories = [f"arn:aws:ecr:*:{cloud.account}:repository/large-{n:02}" for n in range(36)]
    limited = policy(allow("ecr:GetAuthorizationToken"), allow("ecr:ListImages", repositories))
    assert 1_800 < len(limited) <= 2_048
    assumed = cloud.sts.assume_role(
        RoleArn=role["Arn"],
        RoleSessionName="large",
        Policy=limited,
        PolicyArns=[{"arn": cloud.managed(allow("sts:GetCallerIdentity"))} for _ in range(10)],
        Tags=tags(**{f"key-{n:0>40}": f"{n:0>40}" for n in range(2)}),
    )
    credentials = assumed["Credentials"]
    assert assumed["PackedPolicySize"] > 60
    assert cloud.client("sts", credentials).get_caller_identity()["Arn"] == assumed["AssumedRoleUser"]["Arn"]
    refused("AccessDeniedException", cloud.client("ecr", credentials).describe_repositories)
    docker = password(cloud, credentials)
    assert len(docker) <= 2_400
    assert ":" not in docker
    assert ping(cloud, docker) == 200
    name = role["RoleName"]
    cloud.iam.delete_role_policy(RoleName=name, PolicyName="inline")
    cloud.iam.delete_role(RoleName=name)
    # Its role is deleted, and the stored session with it.
    assert ping(cloud, docker) == 401


def test_a_docker_password_is_refused_while_its_key_is_inactive(cloud):
    user = cloud.user(ALLOW_ALL)
    key = cloud.key(user)
    sts = cloud.client("sts", key)
    credentials = [
        key,
        sts.get_session_token()["Credentials"],
        sts.get_federation_token(Name="bob", Policy=policy(ALLOW_ALL))["Credentials"],
    ]
    passwords = [password(cloud, one) for one in credentials]
    change = {"UserName": user, "AccessKeyId": key["AccessKeyId"]}
    for status, expected in (("Active", 200), ("Inactive", 401), ("Active", 200)):
        cloud.iam.update_access_key(**change, Status=status)
        assert [ping(cloud, one) for one in passwords] == [expected] * 3, status
    cloud.iam.delete_access_key(**change)
    assert [ping(cloud, one) for one in passwords] == [401] * 3
    refused("InvalidClientTokenId", cloud.client("sts", credentials[1]).get_caller_identity)


def test_an_access_key_id_needs_its_own_token(cloud):
    one, two = (cloud.sts.get_session_token()["Credentials"] for _ in range(2))
    invalid = "The security token included in the request is invalid."
    mixed = cloud.client("sts", two | {"SessionToken": one["SessionToken"]})
    refused("InvalidClientTokenId", mixed.get_caller_identity, text=invalid)
    mixed = cloud.client("sts", one | {"SecretAccessKey": two["SecretAccessKey"]})
    refused("SignatureDoesNotMatch", mixed.get_caller_identity)
    bare = {key: value for key, value in one.items() if key != "SessionToken"}
    refused("InvalidClientTokenId", cloud.client("sts", bare).get_caller_identity, text=invalid)
    assert cloud.client("sts", one).get_caller_identity()["Account"] == cloud.account
