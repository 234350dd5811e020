"""The answers of every signed operation of STS, and of every operation of Organizations, with real content.
`clients.py` checks that they match botocore's models; these tests check their content."""

import datetime

import botocore.exceptions
import pytest
from clients import ALLOW_ALL, policy, refused, unique
from test_presence import served

# Wharf encodes no messages, so none can be decoded.
WITHOUT_SUCCESS = {"DecodeAuthorizationMessage"}
ELSEWHERE = {"AssumeRoleWithWebIdentity"}


def test_every_operation_of_sts_answers_within_its_shape(cloud):
    sts, user = cloud.client("sts"), cloud.user(ALLOW_ALL)
    cloud.answered["sts"].clear()
    identity = sts.get_caller_identity()
    assert identity["Arn"].startswith(cloud.arn("user/"))
    role = cloud.role({"AWS": cloud.account}, ALLOW_ALL, action=["sts:AssumeRole", "sts:SetSourceIdentity"])
    more = {"Policy": policy(ALLOW_ALL), "SourceIdentity": "ann"}
    assumed = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="walk", DurationSeconds=900, **more)
    assert assumed["AssumedRoleUser"] == {
        "AssumedRoleId": f"{role['RoleId']}:walk",
        "Arn": f"arn:aws:sts::{cloud.account}:assumed-role/{role['RoleName']}/walk",
    }
    assert assumed["SourceIdentity"] == "ann"
    assert 0 < assumed["PackedPolicySize"] <= 100
    left = assumed["Credentials"]["Expiration"] - datetime.datetime.now(datetime.UTC)
    assert 880 < left.total_seconds() <= 900
    assert assumed["Credentials"]["AccessKeyId"].startswith("ASIA")

    key = cloud.key(user)
    as_user = cloud.client("sts", key)
    session = as_user.get_session_token(DurationSeconds=900)["Credentials"]
    assert cloud.client("sts", session).get_caller_identity()["Arn"] == cloud.arn(f"user/{user}")
    federated = as_user.get_federation_token(Name="bob", DurationSeconds=900)
    assert federated["FederatedUser"] == {
        "FederatedUserId": f"{cloud.account}:bob",
        "Arn": f"arn:aws:sts::{cloud.account}:federated-user/bob",
    }
    assert sts.get_access_key_info(AccessKeyId=key["AccessKeyId"])["Account"] == cloud.account
    refused("InvalidAuthorizationMessageException", sts.decode_authorization_message, EncodedMessage="forged")
    assert cloud.answered["sts"] | WITHOUT_SUCCESS == served(cloud, "sts") - ELSEWHERE


def test_every_organizations_operation_answers_within_its_shape(cloud):
    organizations = cloud.client("organizations")
    cloud.answered["organizations"].clear()
    asked = {"Email": f"{unique('a')}@example.org", "AccountName": "walk", "Tags": [{"Key": "k", "Value": "v"}]}
    status = organizations.create_account(**asked)["CreateAccountStatus"]
    assert (status["State"], status["AccountName"]) == ("SUCCEEDED", "walk")
    same = organizations.describe_create_account_status(CreateAccountRequestId=status["Id"])["CreateAccountStatus"]
    assert same == status
    statuses = organizations.list_create_account_status(States=["SUCCEEDED"])["CreateAccountStatuses"]
    assert status in statuses
    account = status["AccountId"]
    shown = organizations.describe_account(AccountId=account)["Account"]
    assert (shown["Name"], shown["Status"], shown["JoinedMethod"]) == ("walk", "ACTIVE", "CREATED")
    assert shown in organizations.list_accounts()["Accounts"]
    root = organizations.list_roots()["Roots"][0]
    organization = organizations.describe_organization()["Organization"]
    assert organization["MasterAccountId"] == cloud.account
    management = organizations.describe_account(AccountId=cloud.account)["Account"]
    assert organization["MasterAccountEmail"] == management["Email"] == f"root+{cloud.account}@wharf.invalid"
    assert shown in organizations.list_accounts_for_parent(ParentId=root["Id"])["Accounts"]
    assert organizations.list_parents(ChildId=account)["Parents"] == [{"Id": root["Id"], "Type": "ROOT"}]
    children = organizations.list_children(ParentId=root["Id"], ChildType="ACCOUNT")["Children"]
    assert {"Id": account, "Type": "ACCOUNT"} in children
    organizations.list_organizational_units_for_parent(ParentId=root["Id"])
    organizations.list_aws_service_access_for_organization()
    organizations.list_delegated_administrators()
    organizations.tag_resource(ResourceId=account, Tags=[{"Key": "l", "Value": ""}])
    for twice in ([{"Key": "L", "Value": ""}], [{"Key": "m", "Value": ""}, {"Key": "M", "Value": ""}]):
        refused("InvalidInputException", organizations.tag_resource, ResourceId=account, Tags=twice)
    organizations.untag_resource(ResourceId=account, TagKeys=["k"])
    assert organizations.list_tags_for_resource(ResourceId=account)["Tags"] == [{"Key": "l", "Value": ""}]
    move = {"AccountId": account, "SourceParentId": root["Id"], "DestinationParentId": root["Id"]}
    refused("DuplicateAccountException", organizations.move_account, **move)
    walk_units(organizations, root["Id"], account)
    organizations.close_account(AccountId=account)
    assert organizations.describe_account(AccountId=account)["Account"]["Status"] == "SUSPENDED"
    other = organizations.create_account(**asked | {"Email": f"{unique('b')}@example.org"})["CreateAccountStatus"]
    organizations.remove_account_from_organization(AccountId=other["AccountId"])
    refused("AccountNotFoundException", organizations.describe_account, AccountId=other["AccountId"])
    # A deployment always has its one organization.
    refused("AlreadyInOrganizationException", organizations.create_organization)
    refused("OrganizationNotEmptyException", organizations.delete_organization)
    never = {"CreateOrganization", "DeleteOrganization"}
    assert cloud.answered["organizations"] | never == served(cloud, "organizations")


def walk_units(organizations, root, account):
    made = organizations.create_organizational_unit(ParentId=root, Name=unique("a"))["OrganizationalUnit"]
    unit = made["Id"]
    names = [unique(letter) for letter in "bcd"]
    inner = [
        organizations.create_organizational_unit(ParentId=unit, Name=name)["OrganizationalUnit"] for name in names
    ]
    assert inner[0]["Path"] == f"{made['Path']}{inner[0]['Id']}/"
    listed, token = [], {}
    while True:
        page = organizations.list_organizational_units_for_parent(ParentId=unit, MaxResults=2, **token)
        listed += page["OrganizationalUnits"]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert listed == sorted(inner, key=lambda one: one["Id"])
    # The token is for this parent only.
    other = {"ParentId": root, **token}
    refused("InvalidInputException", organizations.list_organizational_units_for_parent, **other)
    assert organizations.describe_organizational_unit(OrganizationalUnitId=unit)["OrganizationalUnit"] == made
    renamed = organizations.update_organizational_unit(OrganizationalUnitId=unit, Name=unique("e"))
    assert renamed["OrganizationalUnit"]["Id"] == unit
    move = {"AccountId": account, "SourceParentId": root, "DestinationParentId": unit}
    organizations.move_account(**move)
    refused("DuplicateAccountException", organizations.move_account, **move)
    elsewhere = move | {"DestinationParentId": inner[0]["Id"]}
    refused("SourceParentNotFoundException", organizations.move_account, **elsewhere)
    unknown = move | {"DestinationParentId": "ou-none-12345678"}
    refused("DestinationParentNotFoundException", organizations.move_account, **unknown)
    children = organizations.list_children(ParentId=unit, ChildType="ACCOUNT")["Children"]
    assert children == [{"Id": account, "Type": "ACCOUNT"}]
    children = organizations.list_children(ParentId=unit, ChildType="ORGANIZATIONAL_UNIT")["Children"]
    assert [child["Id"] for child in children] == [one["Id"] for one in listed]
    refused("OrganizationalUnitNotEmptyException", organizations.delete_organizational_unit, OrganizationalUnitId=unit)
    for one in inner:
        organizations.delete_organizational_unit(OrganizationalUnitId=one["Id"])
    below, depth = unit, []
    for level in range(5):
        if level == 4:
            refused("ConstraintViolationException", organizations.create_organizational_unit, ParentId=below, Name="x")
            break
        below = organizations.create_organizational_unit(ParentId=below, Name="x")["OrganizationalUnit"]["Id"]
        depth.append(below)
    for one in reversed(depth):
        organizations.delete_organizational_unit(OrganizationalUnitId=one)


def test_organizations_gives_the_reason_of_an_invalid_input(cloud):
    organizations = cloud.client("organizations")
    pattern = "You provided a value that does not match the required pattern."
    arn = cloud.arn("root")
    for call, wrong, reason, text in (
        (organizations.list_tags_for_resource, {"ResourceId": arn}, "INVALID_PATTERN", pattern),
        (organizations.tag_resource, {"ResourceId": "1234", "Tags": []}, "INVALID_PATTERN", pattern),
        (organizations.untag_resource, {"ResourceId": "x", "TagKeys": []}, "INVALID_PATTERN", pattern),
        (organizations.list_parents, {"ChildId": "x"}, "INVALID_PATTERN", pattern),
        (organizations.describe_account, {"AccountId": "x"}, "INVALID_PATTERN", pattern),
        (organizations.describe_account, {}, "INPUT_REQUIRED", None),
        (organizations.list_accounts, {"MaxResults": 21}, "MAX_VALUE_EXCEEDED", None),
        (organizations.list_accounts, {"MaxResults": 0}, "MIN_VALUE_EXCEEDED", None),
        (organizations.list_accounts, {"NextToken": "x"}, "INVALID_NEXT_TOKEN", None),
        (organizations.create_account, {"Email": "a@b.example", "AccountName": ""}, "MIN_LENGTH_EXCEEDED", None),
        (organizations.create_account, {"Email": "a@b.example", "AccountName": "a" * 51}, "MAX_LENGTH_EXCEEDED", None),
        (organizations.list_children, {"ParentId": "r-abcd", "ChildType": "x"}, "INVALID_ENUM", None),
    ):
        with pytest.raises(botocore.exceptions.ClientError) as caught:
            call(**wrong)
        answer = caught.value.response
        assert (answer["Error"]["Code"], answer["Reason"]) == ("InvalidInputException", reason), (wrong, answer)
        assert text is None or answer["Error"]["Message"] == text
    nobody = {"ResourceId": "999999999999"}
    refused("TargetNotFoundException", organizations.list_tags_for_resource, **nobody)
