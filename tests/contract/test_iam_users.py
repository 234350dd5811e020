"""Users and groups of IAM, with boto3: names, paths, IDs, pages, deletions that are refused, and renames."""

import json
import re

import pytest
from clients import ALLOW_ALL, allow, pages, policy, refused, unique

INLINE = {"PolicyName": "p", "PolicyDocument": policy(ALLOW_ALL)}
READ_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"


def test_the_prefix_of_an_id_shows_its_kind(cloud):
    iam, name = cloud.iam, unique("ids")
    made = {
        "AIDA": iam.create_user(UserName=name)["User"]["UserId"],
        "AGPA": iam.create_group(GroupName=name)["Group"]["GroupId"],
        "AROA": cloud.role({"AWS": cloud.account})["RoleId"],
        "ANPA": iam.get_policy(PolicyArn=cloud.managed())["Policy"]["PolicyId"],
        "AIPA": iam.create_instance_profile(InstanceProfileName=name)["InstanceProfile"]["InstanceProfileId"],
        "AKIA": cloud.key(name)["AccessKeyId"],
        "ASIA": cloud.client("sts", cloud.key(name)).get_session_token()["Credentials"]["AccessKeyId"],
    }
    for prefix, identifier in made.items():
        length = 20 if prefix in ("AKIA", "ASIA") else 21
        assert re.fullmatch(rf"{prefix}[A-Z2-7]{{{length - 4}}}", identifier), identifier


def test_paths_are_part_of_the_arn_and_filter_lists(cloud):
    iam, part = cloud.iam, unique("p")
    for path, name in ((f"/{part}/", "one"), (f"/{part}/deep/", "two"), (f"/{part}x/", "three")):
        user = iam.create_user(UserName=f"{part}-{name}", Path=path)["User"]
        assert user["Arn"] == cloud.arn(f"user{path}{part}-{name}")

    def listed(prefix):
        return [user["UserName"].removeprefix(f"{part}-") for user in iam.list_users(PathPrefix=prefix)["Users"]]

    assert listed(f"/{part}/") == ["one", "two"]
    assert listed(f"/{part}") == ["one", "three", "two"]
    assert listed(f"/{part}/deep/") == ["two"]
    assert listed(f"/{part.upper()}/") == []
    message = refused("ValidationError", iam.create_user, UserName="x", Path="no-slashes")
    assert "at 'path' failed to satisfy constraint: Member must satisfy regular expression pattern" in message


def test_pages_have_neither_gaps_nor_repeats(cloud):
    iam, part = cloud.iam, unique("page")
    names = [f"{part}-{letter}" for letter in "aBcDe"]
    group = unique("page")
    iam.create_group(GroupName=group)
    for name in reversed(names):
        iam.create_user(UserName=name, Path=f"/{part}/")
        iam.add_user_to_group(GroupName=group, UserName=name)
    for size in (1, 2, 4, 5):
        found = pages(iam.list_users, "Users", PathPrefix=f"/{part}/", MaxItems=size)
        assert [user["UserName"] for page in found for user in page] == names
        assert [len(page) for page in found[:-1]] == [size] * (len(found) - 1)
        members = pages(iam.get_group, "Users", GroupName=group, MaxItems=size)
        assert [user["UserName"] for page in members for user in page] == names
    marker = iam.list_users(PathPrefix=f"/{part}/", MaxItems=1)["Marker"]
    for bad in (marker[:-2] + "xx", "nonsense"):
        refused("ValidationError", iam.list_users, PathPrefix=f"/{part}/", Marker=bad)
    refused("ValidationError", iam.list_users, PathPrefix="/", Marker=marker)
    for bad in (0, 1001):
        refused("ValidationError", iam.list_users, MaxItems=bad)


def test_a_name_can_be_used_once_regardless_of_case(cloud):
    iam, name = cloud.iam, unique("Once")
    iam.create_user(UserName=name)
    for again in (name, name.lower()):
        text = f"User with name {again} already exists."
        refused("EntityAlreadyExists", iam.create_user, text, UserName=again)
    assert iam.get_user(UserName=name.lower())["User"]["UserName"] == name
    iam.create_group(GroupName=name)
    refused("EntityAlreadyExists", iam.create_group, f"Group with name {name} already exists.", GroupName=name)


def test_invalid_names_are_refused(cloud):
    for name, constraint in (
        ("a/b", "Member must satisfy regular expression pattern: [\\w+=,.@-]+"),
        ("a" * 65, "Member must have length less than or equal to 64"),
        ("", "Member must have length greater than or equal to 1"),
    ):
        shown = f"Value '{name}' at 'userName' failed to satisfy constraint: {constraint}"
        refused("ValidationError", cloud.iam.create_user, f"1 validation error detected: {shown}", UserName=name)
    shown = "Value null at 'userName' failed to satisfy constraint: Member must not be null"
    refused("ValidationError", cloud.iam.create_user, f"1 validation error detected: {shown}")


def test_the_error_names_what_is_missing(cloud):
    iam, name = cloud.iam, unique("none")
    for call, arguments, kind in (
        (iam.get_user, {"UserName": name}, "user"),
        (iam.delete_user, {"UserName": name}, "user"),
        (iam.list_access_keys, {"UserName": name}, "user"),
        (iam.get_group, {"GroupName": name}, "group"),
        (iam.update_group, {"GroupName": name, "NewGroupName": "x"}, "group"),
    ):
        refused("NoSuchEntity", call, f"The {kind} with name {name} cannot be found.", **arguments)
    group = unique("g")
    iam.create_group(GroupName=group)
    text = f"The user with name {name} cannot be found."
    refused("NoSuchEntity", iam.add_user_to_group, text, GroupName=group, UserName=name)


@pytest.mark.parametrize(
    ("what", "put", "remove", "arguments"),
    [
        ("delete policies", "put_user_policy", "delete_user_policy", INLINE),
        ("detach all policies", "attach_user_policy", "detach_user_policy", {"PolicyArn": READ_ONLY}),
        ("delete access keys", "create_access_key", "delete_access_key", {}),
        ("remove users from group", "add_user_to_group", "remove_user_from_group", {"GroupName": "given"}),
    ],
)
def test_a_user_in_use_is_not_deleted(cloud, what, put, remove, arguments):
    iam, user = cloud.iam, cloud.user()
    if "GroupName" in arguments:
        arguments = {"GroupName": unique("group")}
        iam.create_group(**arguments)
    made = getattr(iam, put)(UserName=user, **arguments)
    refused("DeleteConflict", iam.delete_user, f"Cannot delete entity, must {what} first.", UserName=user)
    arguments = {key: value for key, value in arguments.items() if key != "PolicyDocument"}
    if "AccessKey" in made:
        arguments = {"AccessKeyId": made["AccessKey"]["AccessKeyId"]}
    getattr(iam, remove)(UserName=user, **arguments)
    if "GroupName" not in arguments:
        refused("NoSuchEntity", getattr(iam, remove), UserName=user, **arguments)
    iam.delete_user(UserName=user)
    refused("NoSuchEntity", iam.get_user, UserName=user)


def test_a_group_in_use_is_not_deleted(cloud):
    iam, user, group = cloud.iam, cloud.user(), unique("group")
    iam.create_group(GroupName=group)
    iam.add_user_to_group(GroupName=group, UserName=user)
    iam.add_user_to_group(GroupName=group, UserName=user)
    text = "Cannot delete entity, must remove users from group first."
    refused("DeleteConflict", iam.delete_group, text, GroupName=group)
    iam.remove_user_from_group(GroupName=group, UserName=user)
    iam.attach_group_policy(GroupName=group, PolicyArn=READ_ONLY)
    refused("DeleteConflict", iam.delete_group, GroupName=group)
    iam.detach_group_policy(GroupName=group, PolicyArn=READ_ONLY)
    iam.put_group_policy(GroupName=group, PolicyName="p", PolicyDocument=policy(ALLOW_ALL))
    refused("DeleteConflict", iam.delete_group, GroupName=group)
    iam.delete_group_policy(GroupName=group, PolicyName="p")
    iam.delete_group(GroupName=group)


def test_a_user_is_in_at_most_ten_groups(cloud):
    iam, user, part = cloud.iam, cloud.user(), unique("ten")
    for number in range(11):
        iam.create_group(GroupName=f"{part}-{number}")
    for number in range(10):
        iam.add_user_to_group(GroupName=f"{part}-{number}", UserName=user)
    text = "Cannot exceed quota for GroupsPerUser: 10"
    refused("LimitExceeded", iam.add_user_to_group, text, GroupName=f"{part}-10", UserName=user)
    found = pages(iam.list_groups_for_user, "Groups", UserName=user, MaxItems=3)
    assert [group["GroupName"] for page in found for group in page] == [f"{part}-{number}" for number in range(10)]


def test_a_rename_keeps_the_unique_id(cloud):
    iam, group = cloud.iam, unique("group")
    user, other = cloud.user(), cloud.user()
    boundary = cloud.managed()
    iam.put_user_permissions_boundary(UserName=user, PermissionsBoundary=boundary)
    iam.create_group(GroupName=group)
    iam.put_group_policy(GroupName=group, PolicyName="p", PolicyDocument=policy(allow("iam:GetUser")))
    iam.add_user_to_group(GroupName=group, UserName=user)
    key, before = cloud.key(user), iam.get_user(UserName=user)["User"]
    role = cloud.role({"AWS": before["Arn"]})
    refused("EntityAlreadyExists", iam.update_user, UserName=user, NewUserName=other.upper())
    name = unique("renamed")
    iam.update_user(UserName=user, NewUserName=name, NewPath="/moved/")
    refused("NoSuchEntity", iam.get_user, UserName=user)
    after = iam.get_user(UserName=name)["User"]
    assert after == before | {"UserName": name, "Path": "/moved/", "Arn": cloud.arn(f"user/moved/{name}")}
    assert [item["GroupName"] for item in iam.list_groups_for_user(UserName=name)["Groups"]] == [group]
    iam.update_group(GroupName=group, NewGroupName=f"{group}-b")
    own = cloud.client("iam", key)
    assert own.get_user()["User"] == after
    trust = iam.get_role(RoleName=role["RoleName"])["Role"]["AssumeRolePolicyDocument"]
    assert trust["Statement"][0]["Principal"] == {"AWS": after["Arn"]}, "the trust policy shows the new name"
    iam.update_user(UserName=name, NewUserName=name.upper())
    assert own.get_user()["User"]["UserName"] == name.upper()
    text = json.dumps(iam.list_entities_for_policy(PolicyArn=boundary)["PolicyUsers"])
    assert name.upper() in text


def test_without_a_name_the_caller_is_used(cloud):
    user = cloud.user(ALLOW_ALL)
    own = cloud.client("iam", cloud.key(user))
    assert own.get_user()["User"]["UserName"] == user
    assert [item["UserName"] for item in own.list_access_keys()["AccessKeyMetadata"]] == [user]
    second = own.create_access_key()["AccessKey"]
    assert second["UserName"] == user
    own.update_access_key(AccessKeyId=second["AccessKeyId"], Status="Inactive")
    own.delete_access_key(AccessKeyId=second["AccessKeyId"])
    role = cloud.role({"AWS": cloud.account}, ALLOW_ALL)
    session = cloud.sts.assume_role(RoleArn=role["Arn"], RoleSessionName="named")["Credentials"]
    text = "Must specify userName when calling with non-User credentials"
    for call in ("get_user", "list_access_keys", "create_access_key"):
        refused("ValidationError", getattr(cloud.client("iam", session), call), text)


def test_self_service_policies_work_without_a_name(cloud):
    user = cloud.user(allow("iam:*", cloud.arn("user/${aws:username}")))
    own = cloud.client("iam", cloud.key(user))
    for call, items in (
        ("list_mfa_devices", "MFADevices"),
        ("list_ssh_public_keys", "SSHPublicKeys"),
        ("list_signing_certificates", "Certificates"),
        ("list_service_specific_credentials", "ServiceSpecificCredentials"),
    ):
        assert getattr(own, call)().get(items, []) == []
        refused("AccessDenied", getattr(own, call), UserName=cloud.user())
    refused("AccessDenied", own.list_virtual_mfa_devices)
    refused("NoSuchEntity", own.get_login_profile, f"Login Profile for User {user} cannot be found.")
