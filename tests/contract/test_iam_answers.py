"""The answers of every supported operation of IAM, with real content. `clients.py` checks that they match botocore's
model; these tests check their content."""

import contextlib
import json

from clients import ALLOW_ALL, allow, policy, refused, unique
from test_presence import served

READ_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
# Tested in test_iam_simulation.py, test_iam_mfa.py and test_iam_passwords.py.
ELSEWHERE = {
    "ChangePassword",
    "CreateLoginProfile",
    "CreateVirtualMFADevice",
    "DeactivateMFADevice",
    "DeleteLoginProfile",
    "DeleteVirtualMFADevice",
    "EnableMFADevice",
    "ResyncMFADevice",
    "GenerateCredentialReport",
    "GetAccountAuthorizationDetails",
    "GetAccountSummary",
    "GetContextKeysForCustomPolicy",
    "GetContextKeysForPrincipalPolicy",
    "GetCredentialReport",
    "GetLoginProfile",
    "SimulateCustomPolicy",
    "SimulatePrincipalPolicy",
    "UpdateLoginProfile",
}


def walk_users(cloud, iam):
    boundary, name = cloud.managed(), unique("walk")
    made = iam.create_user(UserName=name, Path="/a/", PermissionsBoundary=boundary, Tags=[{"Key": "k", "Value": "v"}])
    user = iam.get_user(UserName=name)["User"]
    assert user == made["User"]
    assert user["PermissionsBoundary"] == {
        "PermissionsBoundaryType": "Policy",
        "PermissionsBoundaryArn": boundary,
    }
    iam.delete_user_permissions_boundary(UserName=name)
    iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=boundary)
    iam.tag_user(UserName=name, Tags=[{"Key": "l", "Value": ""}])
    iam.untag_user(UserName=name, TagKeys=["k"])
    assert iam.list_user_tags(UserName=name)["Tags"] == [{"Key": "l", "Value": ""}]
    assert [item["UserName"] for item in iam.list_users(PathPrefix="/a/")["Users"]] == [name]
    walk_policies_of(iam, "user", UserName=name)
    walk_keys(iam, name)
    for operation in ("list_ssh_public_keys", "list_service_specific_credentials", "list_signing_certificates"):
        getattr(iam, operation)(UserName=name)
    assert iam.list_mfa_devices(UserName=name)["MFADevices"] == []
    assert iam.list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"] == []
    refused("NoSuchEntity", iam.get_login_profile, UserName=name)
    refused("NoSuchEntity", iam.delete_login_profile, UserName=name)
    iam.update_user(UserName=name, NewPath="/b/", NewUserName=name + "-b")
    iam.delete_user(UserName=name + "-b")


def walk_keys(iam, name):
    key = iam.create_access_key(UserName=name)["AccessKey"]
    assert (key["UserName"], key["Status"], len(key["SecretAccessKey"])) == (name, "Active", 40)
    iam.update_access_key(UserName=name, AccessKeyId=key["AccessKeyId"], Status="Inactive")
    listed = iam.list_access_keys(UserName=name)["AccessKeyMetadata"]
    assert [(item["AccessKeyId"], item["Status"]) for item in listed] == [(key["AccessKeyId"], "Inactive")]
    used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
    assert (used["UserName"], used["AccessKeyLastUsed"]) == (name, {"ServiceName": "N/A", "Region": "N/A"})
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])


def walk_policies_of(iam, kind, **owner):
    """Inline and attached policies of a user, group or role."""

    def call(operation, **arguments):
        return getattr(iam, operation.format(kind))(**owner, **arguments)

    document = policy(allow("ecr:*"))
    call("put_{}_policy", PolicyName="inline", PolicyDocument=document)
    assert call("get_{}_policy", PolicyName="inline")["PolicyDocument"] == json.loads(document)
    assert call("list_{}_policies")["PolicyNames"] == ["inline"]
    call("delete_{}_policy", PolicyName="inline")
    call("attach_{}_policy", PolicyArn=READ_ONLY)
    attached = {"PolicyName": "AmazonEC2ContainerRegistryReadOnly", "PolicyArn": READ_ONLY}
    assert call("list_attached_{}_policies")["AttachedPolicies"] == [attached]
    call("detach_{}_policy", PolicyArn=READ_ONLY)


def walk_groups(cloud, iam):
    name, user = unique("walk"), cloud.user()
    group = iam.create_group(GroupName=name, Path="/a/")["Group"]
    iam.add_user_to_group(GroupName=name, UserName=user)
    shown = iam.get_group(GroupName=name)
    assert shown["Group"] == group
    assert [item["UserName"] for item in shown["Users"]] == [user]
    assert iam.list_groups_for_user(UserName=user)["Groups"] == [group]
    assert iam.list_groups(PathPrefix="/a/")["Groups"] == [group]
    walk_policies_of(iam, "group", GroupName=name)
    iam.remove_user_from_group(GroupName=name, UserName=user)
    iam.update_group(GroupName=name, NewGroupName=name + "-b")
    iam.delete_group(GroupName=name + "-b")


def walk_roles(cloud, iam):
    boundary = cloud.managed()
    more = {"Description": "d", "MaxSessionDuration": 7200, "PermissionsBoundary": boundary, "Path": "/walk/"}
    made = cloud.role({"AWS": cloud.account}, ALLOW_ALL, Tags=[{"Key": "k", "Value": "v"}], **more)
    name = made["RoleName"]
    role = iam.get_role(RoleName=name)["Role"]
    assert role.pop("RoleLastUsed") == {}
    assert role == made
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"AWS": cloud.arn("root")}
    cloud.sts.assume_role(RoleArn=role["Arn"], RoleSessionName="walk")
    assert iam.get_role(RoleName=name)["Role"]["RoleLastUsed"]["Region"] == cloud.region
    iam.update_role(RoleName=name, Description="without a duration")
    assert iam.get_role(RoleName=name)["Role"]["MaxSessionDuration"] == 3600, "not what it was"
    assert iam.update_role_description(RoleName=name, Description="e")["Role"]["Description"] == "e"
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=policy(trust))
    iam.delete_role_permissions_boundary(RoleName=name)
    iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=boundary)
    iam.tag_role(RoleName=name, Tags=[{"Key": "l", "Value": ""}])
    iam.untag_role(RoleName=name, TagKeys=["k"])
    assert iam.list_role_tags(RoleName=name)["Tags"] == [{"Key": "l", "Value": ""}]
    listed = iam.list_roles(PathPrefix="/walk/")["Roles"]
    assert [(item["RoleName"], item["MaxSessionDuration"]) for item in listed] == [(name, 3600)]
    assert "Tags" not in listed[0] and "RoleLastUsed" not in listed[0] and "PermissionsBoundary" not in listed[0]
    iam.delete_role_policy(RoleName=name, PolicyName="inline")
    walk_policies_of(iam, "role", RoleName=name)
    walk_instance_profiles(iam, name)
    iam.delete_role(RoleName=name)


def walk_instance_profiles(iam, role):
    name = unique("walk")
    tags = [{"Key": "k", "Value": "v"}]
    made = iam.create_instance_profile(InstanceProfileName=name, Path="/a/", Tags=tags)["InstanceProfile"]
    assert (made["Roles"], made["Tags"]) == ([], tags)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=role)
    iam.untag_instance_profile(InstanceProfileName=name, TagKeys=["k"])
    iam.tag_instance_profile(InstanceProfileName=name, Tags=[{"Key": "l", "Value": ""}])
    assert iam.list_instance_profile_tags(InstanceProfileName=name)["Tags"] == [{"Key": "l", "Value": ""}]
    shown = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    assert [item["RoleName"] for item in shown["Roles"]] == [role]
    for listed in (iam.list_instance_profiles(PathPrefix="/a/"), iam.list_instance_profiles_for_role(RoleName=role)):
        assert [item["InstanceProfileId"] for item in listed["InstanceProfiles"]] == [made["InstanceProfileId"]]
    iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=role)
    iam.delete_instance_profile(InstanceProfileName=name)


def walk_service_linked_roles(iam):
    # A replication configuration creates the same role.
    with contextlib.suppress(iam.exceptions.NoSuchEntityException):
        iam.delete_service_linked_role(RoleName="AWSServiceRoleForECRReplication")
    made = iam.create_service_linked_role(AWSServiceName="replication.ecr.amazonaws.com")["Role"]
    assert made["Path"] == "/aws-service-role/replication.ecr.amazonaws.com/"
    task = iam.delete_service_linked_role(RoleName=made["RoleName"])["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"


def walk_managed_policies(cloud, iam):
    arn = cloud.managed(Description="d", Path="/a/", Tags=[{"Key": "k", "Value": "v"}])
    made = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (made["DefaultVersionId"], made["AttachmentCount"], made["IsAttachable"]) == ("v1", 0, True)
    assert (made["Description"], made["Tags"]) == ("d", [{"Key": "k", "Value": "v"}])
    bare = iam.create_policy(PolicyName=unique("bare"), PolicyDocument=policy(ALLOW_ALL), Description="d")["Policy"]
    assert "Description" not in bare, "shown from GetPolicy on"
    shown = iam.get_policy(PolicyArn=bare["Arn"])["Policy"]
    assert (shown["Description"], shown["Tags"]) == ("d", [])
    assert iam.get_policy(PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")["Policy"]["Tags"] == []
    document = policy(allow("ecr:*"))
    version = iam.create_policy_version(PolicyArn=arn, PolicyDocument=document)["PolicyVersion"]
    assert (version["VersionId"], version["IsDefaultVersion"]) == ("v2", False)
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v2")
    shown = iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]
    assert (shown["Document"], shown["IsDefaultVersion"]) == (json.loads(document), True)
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [(item["VersionId"], item["IsDefaultVersion"]) for item in versions] == [("v2", True), ("v1", False)]
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "l", "Value": ""}])
    iam.untag_policy(PolicyArn=arn, TagKeys=["k"])
    assert iam.list_policy_tags(PolicyArn=arn)["Tags"] == [{"Key": "l", "Value": ""}]
    user = cloud.user()
    iam.attach_user_policy(UserName=user, PolicyArn=arn)
    entities = iam.list_entities_for_policy(PolicyArn=arn)
    assert [item["UserName"] for item in entities["PolicyUsers"]] == [user]
    iam.detach_user_policy(UserName=user, PolicyArn=arn)
    assert [item["Arn"] for item in iam.list_policies(Scope="Local", PathPrefix="/a/")["Policies"]] == [arn]
    iam.delete_policy(PolicyArn=arn)


def walk_providers(iam):
    made = {"Url": f"https://{unique('idp')}.example.org", "ThumbprintList": ["a" * 40], "ClientIDList": ["one"]}
    arn = iam.create_open_id_connect_provider(Tags=[{"Key": "k", "Value": "v"}], **made)["OpenIDConnectProviderArn"]
    named = {"OpenIDConnectProviderArn": arn}
    iam.add_client_id_to_open_id_connect_provider(ClientID="two", **named)
    iam.remove_client_id_from_open_id_connect_provider(ClientID="one", **named)
    refused("ValidationError", iam.update_open_id_connect_provider_thumbprint, **named)
    iam.update_open_id_connect_provider_thumbprint(ThumbprintList=["b" * 40], **named)
    iam.tag_open_id_connect_provider(Tags=[{"Key": "l", "Value": ""}], **named)
    iam.untag_open_id_connect_provider(TagKeys=["k"], **named)
    assert iam.list_open_id_connect_provider_tags(**named)["Tags"] == [{"Key": "l", "Value": ""}]
    shown = iam.get_open_id_connect_provider(**named)
    assert (shown["Url"], shown["ClientIDList"]) == (made["Url"].removeprefix("https://"), ["two"])
    assert shown["ThumbprintList"] == ["b" * 40]
    assert named["OpenIDConnectProviderArn"] in str(iam.list_open_id_connect_providers())
    iam.delete_open_id_connect_provider(**named)
    iam.delete_open_id_connect_provider(**named)  # It is idempotent.
    refused("NoSuchEntity", iam.get_open_id_connect_provider, **named)


def walk_account(iam):
    alias = unique("alias").lower()
    iam.create_account_alias(AccountAlias=alias)
    assert iam.list_account_aliases()["AccountAliases"] == [alias]
    refused("NoSuchEntity", iam.delete_account_alias, AccountAlias=alias + "x")
    iam.delete_account_alias(AccountAlias=alias)
    assert iam.list_account_aliases()["AccountAliases"] == []
    refused("NoSuchEntity", iam.get_account_password_policy)
    iam.update_account_password_policy(MinimumPasswordLength=14, RequireSymbols=True, MaxPasswordAge=90, HardExpiry=True)
    rules = iam.get_account_password_policy()["PasswordPolicy"]
    assert (rules["MinimumPasswordLength"], rules["RequireSymbols"], rules["ExpirePasswords"]) == (14, True, True)
    assert (rules["MaxPasswordAge"], rules["HardExpiry"], rules["RequireNumbers"]) == (90, True, False)
    iam.update_account_password_policy()
    rules = iam.get_account_password_policy()["PasswordPolicy"]
    assert (rules["MinimumPasswordLength"], rules["ExpirePasswords"], rules["HardExpiry"]) == (6, False, False)
    assert "MaxPasswordAge" not in rules
    iam.delete_account_password_policy()
    refused("NoSuchEntity", iam.delete_account_password_policy)


def test_every_operation_of_iam_answers_within_its_shape(cloud):
    iam = cloud.client("iam")
    cloud.answered["iam"].clear()
    walk_users(cloud, iam)
    walk_groups(cloud, iam)
    walk_roles(cloud, iam)
    walk_service_linked_roles(iam)
    walk_managed_policies(cloud, iam)
    walk_providers(iam)
    walk_account(iam)
    there = served(cloud, "iam")
    assert cloud.answered["iam"] == there - ELSEWHERE
    assert len(cloud.answered["iam"]) >= 103
