"""The IAM resources of Terraform's AWS provider: its calls in its order, with its checks (internal/service/iam)."""

import pytest
from terraform import Provider, by_key, document, gone, refusal, tags, trust

READS = {"Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], "Resource": "*"}
READ_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
# A plus and a percent sign show whether a document has the encoding that the provider decodes.
ODD = {"Action": "ecr:ListImages", "Resource": "*", "Condition": {"StringLike": {"aws:PrincipalTag/a+b": "1% + 2*"}}}


@pytest.fixture(scope="module")
def provider(wharf, tmp_path_factory):
    return Provider(wharf, tmp_path_factory.mktemp("terraform"))


@pytest.fixture
def iam(provider):
    return provider.iam


def read_twice(read):
    first = read()
    assert read() == first
    return first


def test_aws_iam_role(provider, iam):
    user = f"arn:aws:iam::{provider.account}:user/deployer"
    asked = {"RoleName": "tf-role", "Path": "/apps/", "MaxSessionDuration": 3600, "Description": "one"}
    # The provider retries after this message until the principal exists.
    code, message = refusal(iam.create_role, AssumeRolePolicyDocument=trust(AWS=user), **asked)
    assert code == "MalformedPolicyDocument" and "Invalid principal in policy" in message
    iam.create_user(UserName="deployer")
    made = iam.create_role(AssumeRolePolicyDocument=trust(AWS=user), Tags=tags(team="a"), **asked)["Role"]

    def read():
        role = iam.get_role(RoleName="tf-role")["Role"]
        role.pop("RoleLastUsed", None)
        return role, iam.list_role_policies(RoleName="tf-role")["PolicyNames"]

    role, inline = read_twice(read)
    assert inline == []
    assert {key: role[key] for key in asked} == asked
    assert (role["Arn"], role["RoleId"], role["CreateDate"]) == (made["Arn"], made["RoleId"], made["CreateDate"])
    assert role["Arn"] == f"arn:aws:iam::{provider.account}:role/apps/tf-role"
    assert by_key(role["Tags"]) == {"team": "a"}
    assert provider.same_document(trust(AWS=user), role["AssumeRolePolicyDocument"])

    service = trust(Service=["ec2.amazonaws.com", "pods.eks.amazonaws.com"])
    iam.update_assume_role_policy(RoleName="tf-role", PolicyDocument=service)
    iam.update_role_description(RoleName="tf-role", Description="two")
    iam.update_role(RoleName="tf-role", MaxSessionDuration=7200)
    iam.put_role_permissions_boundary(RoleName="tf-role", PermissionsBoundary=READ_ONLY)
    iam.untag_role(RoleName="tf-role", TagKeys=["team"])
    iam.tag_role(RoleName="tf-role", Tags=tags(stage="b"))
    role, _ = read_twice(read)
    assert (role["Description"], role["MaxSessionDuration"]) == ("two", 7200)
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == READ_ONLY
    assert by_key(role["Tags"]) == {"stage": "b"}
    assert provider.same_document(service, role["AssumeRolePolicyDocument"])
    iam.delete_role_permissions_boundary(RoleName="tf-role")
    assert "PermissionsBoundary" not in read()[0]

    assert iam.list_instance_profiles_for_role(RoleName="tf-role")["InstanceProfiles"] == []
    iam.delete_role(RoleName="tf-role")
    assert gone(iam.get_role, RoleName="tf-role") == "NoSuchEntity"
    assert gone(iam.list_instance_profiles_for_role, RoleName="tf-role") == "NoSuchEntity"
    assert gone(iam.delete_role, RoleName="tf-role") == "NoSuchEntity"


def test_aws_iam_role_policy_and_attachment(provider, iam):
    iam.create_role(RoleName="tf-policies", AssumeRolePolicyDocument=trust(Service="ec2.amazonaws.com"))
    inline = {"RoleName": "tf-policies", "PolicyName": "inline"}
    for policy in (document(READS), document(READS, ODD)):
        iam.put_role_policy(PolicyDocument=policy, **inline)
        read = read_twice(lambda: iam.get_role_policy(**inline)["PolicyDocument"])
        assert provider.same_document(policy, read)
    attachment = {"RoleName": "tf-policies", "PolicyArn": READ_ONLY}
    iam.attach_role_policy(**attachment)
    (attached,) = iam.list_attached_role_policies(RoleName="tf-policies")["AttachedPolicies"]
    assert attached == {"PolicyArn": READ_ONLY, "PolicyName": READ_ONLY.split("/")[1]}
    assert gone(iam.delete_role, RoleName="tf-policies") == "DeleteConflict"

    iam.detach_role_policy(**attachment)
    assert gone(iam.detach_role_policy, **attachment) == "NoSuchEntity"
    iam.delete_role_policy(**inline)
    assert gone(iam.delete_role_policy, **inline) == "NoSuchEntity"
    assert gone(iam.get_role_policy, **inline) == "NoSuchEntity"
    iam.delete_role(RoleName="tf-policies")
    assert gone(iam.list_attached_role_policies, RoleName="tf-policies") == "NoSuchEntity"
    assert gone(iam.get_role_policy, **inline) == "NoSuchEntity"


def test_aws_iam_policy(provider, iam):
    first = document(READS)
    made = iam.create_policy(PolicyName="tf-policy", Path="/", Description="d", PolicyDocument=first, Tags=tags(a="b"))
    arn = made["Policy"]["Arn"]

    def read():
        policy = iam.get_policy(PolicyArn=arn)["Policy"]
        version = iam.get_policy_version(PolicyArn=arn, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
        assert version["IsDefaultVersion"]
        return policy, version["Document"]

    policy, text = read_twice(read)
    assert provider.same_document(first, text)
    expected = ("tf-policy", "/", "d", 0, made["Policy"]["PolicyId"], {"a": "b"})
    names = ["PolicyName", "Path", "Description", "AttachmentCount", "PolicyId"]
    assert (*[policy[name] for name in names], by_key(policy["Tags"])) == expected

    # Each update makes a version and then makes it the default one; a fifth is left room for by pruning the oldest.
    for round in range(7):
        versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
        assert len(versions) == min(round + 1, 5)
        if len(versions) == 5:
            # The provider sorts by date and waits between versions; this test creates them within a second.
            others = [one for one in versions if not one["IsDefaultVersion"]]
            oldest = min(others, key=lambda one: (one["CreateDate"], int(one["VersionId"][1:])))
            iam.delete_policy_version(PolicyArn=arn, VersionId=oldest["VersionId"])
        changed = document(READS | {"Sid": f"Round{round}"}, ODD)
        version = iam.create_policy_version(PolicyArn=arn, PolicyDocument=changed, SetAsDefault=False)["PolicyVersion"]
        assert not version["IsDefaultVersion"]
        iam.set_default_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
        policy, text = read_twice(read)
        assert policy["DefaultVersionId"] == version["VersionId"] == f"v{round + 2}"
        assert provider.same_document(changed, text)
        assert not provider.same_document(first, text)

    for version in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
        if not version["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
    iam.delete_policy(PolicyArn=arn)
    assert gone(iam.get_policy, PolicyArn=arn) == "NoSuchEntity"
    assert gone(iam.list_policy_versions, PolicyArn=arn) == "NoSuchEntity"
    assert gone(iam.delete_policy, PolicyArn=arn) == "NoSuchEntity"


def test_aws_iam_user_and_access_key(provider, iam):
    name = "tf-user"
    iam.create_user(UserName=name, Path="/", Tags=tags(team="a"))
    user = read_twice(lambda: iam.get_user(UserName=name)["User"])
    assert (user["UserName"], user["Path"], by_key(user["Tags"])) == (name, "/", {"team": "a"})
    iam.update_user(UserName=name, NewUserName="tf-renamed", NewPath="/people/")
    name, renamed = "tf-renamed", iam.get_user(UserName="tf-renamed")["User"]
    assert renamed["Arn"] == f"arn:aws:iam::{provider.account}:user/people/tf-renamed"
    assert renamed["UserId"] == user["UserId"]

    inline = {"UserName": name, "PolicyName": "inline"}
    iam.put_user_policy(PolicyDocument=document(READS), **inline)
    assert provider.same_document(document(READS), iam.get_user_policy(**inline)["PolicyDocument"])
    iam.attach_user_policy(UserName=name, PolicyArn=READ_ONLY)
    assert iam.list_attached_user_policies(UserName=name)["AttachedPolicies"][0]["PolicyArn"] == READ_ONLY

    key = iam.create_access_key(UserName=name)["AccessKey"]
    iam.update_access_key(UserName=name, AccessKeyId=key["AccessKeyId"], Status="Inactive")
    (shown,) = read_twice(lambda: iam.list_access_keys(UserName=name)["AccessKeyMetadata"])
    assert (shown["AccessKeyId"], shown["Status"], shown["UserName"]) == (key["AccessKeyId"], "Inactive", name)
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    assert iam.list_access_keys(UserName=name)["AccessKeyMetadata"] == []
    iam.create_access_key(UserName=name)

    iam.create_login_profile(UserName=name, Password="Correct-horse-7", PasswordResetRequired=True)
    profile = read_twice(lambda: iam.get_login_profile(UserName=name)["LoginProfile"])
    assert (profile["UserName"], profile["PasswordResetRequired"]) == (name, True)

    iam.detach_user_policy(UserName=name, PolicyArn=READ_ONLY)
    iam.delete_user_policy(**inline)
    assert gone(iam.get_user_policy, **inline) == "NoSuchEntity"
    assert iam.list_groups_for_user(UserName=name)["Groups"] == []
    # force_destroy lists everything that a user can have.
    for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    assert iam.list_ssh_public_keys(UserName=name)["SSHPublicKeys"] == []
    assert iam.list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"] == []
    assert iam.list_mfa_devices(UserName=name)["MFADevices"] == []
    iam.delete_login_profile(UserName=name)
    assert gone(iam.get_login_profile, UserName=name) == "NoSuchEntity"
    assert gone(iam.delete_login_profile, UserName=name) == "NoSuchEntity"
    assert iam.list_signing_certificates(UserName=name)["Certificates"] == []
    assert iam.list_service_specific_credentials(UserName=name)["ServiceSpecificCredentials"] == []
    iam.delete_user(UserName=name)
    for call in (iam.get_user, iam.delete_user, iam.list_groups_for_user, iam.list_access_keys):
        assert gone(call, UserName=name) == "NoSuchEntity"


def test_aws_iam_group(provider, iam):
    iam.create_group(GroupName="tf-group", Path="/")
    group = read_twice(lambda: iam.get_group(GroupName="tf-group")["Group"])
    iam.update_group(GroupName="tf-group", NewGroupName="tf-team", NewPath="/teams/")
    renamed = iam.get_group(GroupName="tf-team")["Group"]
    assert (renamed["GroupId"], renamed["Path"]) == (group["GroupId"], "/teams/")

    iam.create_user(UserName="tf-member")
    iam.add_user_to_group(GroupName="tf-team", UserName="tf-member")
    (member,) = iam.get_group(GroupName="tf-team")["Users"]
    assert member["UserName"] == "tf-member"
    (of,) = iam.list_groups_for_user(UserName="tf-member")["Groups"]
    assert of["GroupName"] == "tf-team"
    inline = {"GroupName": "tf-team", "PolicyName": "inline"}
    iam.put_group_policy(PolicyDocument=document(ODD), **inline)
    assert provider.same_document(document(ODD), iam.get_group_policy(**inline)["PolicyDocument"])
    iam.attach_group_policy(GroupName="tf-team", PolicyArn=READ_ONLY)
    assert iam.list_attached_group_policies(GroupName="tf-team")["AttachedPolicies"][0]["PolicyArn"] == READ_ONLY

    iam.detach_group_policy(GroupName="tf-team", PolicyArn=READ_ONLY)
    iam.delete_group_policy(**inline)
    assert gone(iam.get_group_policy, **inline) == "NoSuchEntity"
    iam.remove_user_from_group(GroupName="tf-team", UserName="tf-member")
    iam.delete_group(GroupName="tf-team")
    assert gone(iam.get_group, GroupName="tf-team") == "NoSuchEntity"
    assert gone(iam.delete_group, GroupName="tf-team") == "NoSuchEntity"


def test_aws_iam_instance_profile(provider, iam):
    profile = {"InstanceProfileName": "tf-profile"}
    iam.create_instance_profile(Path="/", Tags=tags(team="a"), **profile)
    missing = {"RoleName": "tf-nodes"} | profile
    code, message = refusal(iam.add_role_to_instance_profile, **missing)
    assert code == "NoSuchEntity" and "The role with name" in message
    iam.create_role(RoleName="tf-nodes", AssumeRolePolicyDocument=trust(Service="ec2.amazonaws.com"))
    iam.add_role_to_instance_profile(**missing)
    shown = read_twice(lambda: iam.get_instance_profile(**profile)["InstanceProfile"])
    assert shown["Arn"] == f"arn:aws:iam::{provider.account}:instance-profile/tf-profile"
    assert [role["RoleName"] for role in shown["Roles"]] == ["tf-nodes"]
    assert by_key(shown["Tags"]) == {"team": "a"}

    # The role is deleted first: the provider removes it from its profiles.
    (found,) = iam.list_instance_profiles_for_role(RoleName="tf-nodes")["InstanceProfiles"]
    assert found["InstanceProfileName"] == "tf-profile"
    assert gone(iam.delete_role, RoleName="tf-nodes") == "DeleteConflict"
    iam.remove_role_from_instance_profile(**missing)
    assert gone(iam.remove_role_from_instance_profile, **missing) == "NoSuchEntity"
    iam.delete_role(RoleName="tf-nodes")
    assert iam.get_instance_profile(**profile)["InstanceProfile"]["Roles"] == []
    iam.delete_instance_profile(**profile)
    assert gone(iam.get_instance_profile, **profile) == "NoSuchEntity"
    assert gone(iam.delete_instance_profile, **profile) == "NoSuchEntity"


def test_aws_iam_openid_connect_provider(provider, iam):
    thumbprints = ["a" * 40]
    asked = {"Url": "https://oidc.example.org/id/1", "ClientIDList": ["sts.amazonaws.com"], "Tags": tags(team="a")}
    arn = iam.create_open_id_connect_provider(ThumbprintList=thumbprints, **asked)["OpenIDConnectProviderArn"]
    assert arn == f"arn:aws:iam::{provider.account}:oidc-provider/oidc.example.org/id/1"
    this = {"OpenIDConnectProviderArn": arn}

    def read():
        shown = iam.get_open_id_connect_provider(**this)
        return shown["Url"], sorted(shown["ClientIDList"]), shown["ThumbprintList"], by_key(shown["Tags"])

    assert read_twice(read) == ("oidc.example.org/id/1", ["sts.amazonaws.com"], thumbprints, {"team": "a"})
    iam.update_open_id_connect_provider_thumbprint(ThumbprintList=["b" * 40, "c" * 40], **this)
    iam.add_client_id_to_open_id_connect_provider(ClientID="another", **this)
    iam.remove_client_id_from_open_id_connect_provider(ClientID="sts.amazonaws.com", **this)
    assert read()[1:3] == (["another"], ["b" * 40, "c" * 40])
    iam.delete_open_id_connect_provider(**this)
    assert gone(iam.get_open_id_connect_provider, **this) == "NoSuchEntity"
    # Without thumbprints, as the provider sends it when none are configured.
    again = iam.create_open_id_connect_provider(Url=asked["Url"], ClientIDList=["x"])["OpenIDConnectProviderArn"]
    assert again == arn


def test_aws_iam_service_linked_role(provider, iam):
    service = "replication.ecr.amazonaws.com"
    role = iam.create_service_linked_role(AWSServiceName=service, Description="one")["Role"]
    arn = role["Arn"].split(":")[5].split("/")
    assert (len(arn), arn[1:3]) == (4, ["aws-service-role", service])
    name = arn[3]
    iam.tag_role(RoleName=name, Tags=tags(team="a"))
    iam.update_role(RoleName=name, Description="two")
    shown = read_twice(lambda: iam.get_role(RoleName=name)["Role"])
    assert (shown["Description"], shown["Path"]) == ("two", f"/aws-service-role/{service}/")
    assert by_key(shown["Tags"]) == {"team": "a"}
    # The service controls the other members.
    assert gone(iam.update_assume_role_policy, RoleName=name, PolicyDocument=trust(Service=service)) == "UnmodifiableEntity"
    task = iam.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    assert gone(iam.get_role, RoleName=name) == "NoSuchEntity"
    assert gone(iam.delete_service_linked_role, RoleName=name) == "NoSuchEntity"
