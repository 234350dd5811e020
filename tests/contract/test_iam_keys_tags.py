"""Access keys and tags of IAM, with boto3: their quotas, and the immediate effect of changes."""

import pytest
from clients import ALLOW_ALL, allow, pages, refused, unique


def test_a_user_has_at_most_two_keys(cloud):
    iam, user = cloud.iam, cloud.user()
    keys = [cloud.key(user)["AccessKeyId"] for _ in range(2)]
    refused("LimitExceeded", iam.create_access_key, "Cannot exceed quota for AccessKeysPerUser: 2", UserName=user)
    listed = iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
    assert [item["AccessKeyId"] for item in listed] == keys
    found = pages(iam.list_access_keys, "AccessKeyMetadata", UserName=user, MaxItems=1)
    assert [item["AccessKeyId"] for page in found for item in page] == keys
    iam.delete_access_key(UserName=user, AccessKeyId=keys[0])
    iam.create_access_key(UserName=user)


def test_an_inactive_key_is_refused(cloud):
    iam, user = cloud.iam, cloud.user(ALLOW_ALL)
    key = cloud.key(user)
    own = cloud.client("sts", key)
    session = cloud.client("sts", own.get_session_token()["Credentials"])
    assert session.get_caller_identity()["Arn"] == own.get_caller_identity()["Arn"]
    iam.update_access_key(UserName=user, AccessKeyId=key["AccessKeyId"], Status="Inactive")
    for client in (own, session):
        refused("InvalidClientTokenId", client.get_caller_identity)
    iam.update_access_key(UserName=user, AccessKeyId=key["AccessKeyId"], Status="Active")
    for client in (own, session):
        assert client.get_caller_identity()["Arn"] == cloud.arn(f"user/{user}")
    iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
    for client in (own, session):
        refused("InvalidClientTokenId", client.get_caller_identity)
    refused("ValidationError", iam.update_access_key, UserName=user, AccessKeyId=key["AccessKeyId"], Status="Paused")


def test_the_last_use_of_a_key_is_recorded(cloud):
    user = cloud.user(ALLOW_ALL)
    key = cloud.key(user)
    cloud.client("iam", key).get_user()
    used = cloud.iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
    assert used["UserName"] == user
    assert used["AccessKeyLastUsed"]["ServiceName"] == "iam"
    assert used["AccessKeyLastUsed"]["LastUsedDate"] >= key["CreateDate"]
    # IAM's error is the same for a missing key and for one of another account.
    text = refused("AccessDenied", cloud.iam.get_access_key_last_used, AccessKeyId="AKIAIOSFODNN7EXAMPLE")
    assert text.endswith("perform: iam:GetAccessKeyLastUsed on resource: access key AKIAIOSFODNN7EXAMPLE")


def test_the_key_of_another_user_is_not_found(cloud):
    one, other = cloud.user(), cloud.user()
    key = cloud.key(one)["AccessKeyId"]
    text = f"The Access Key with id {key} cannot be found."
    refused("NoSuchEntity", cloud.iam.delete_access_key, text, UserName=other, AccessKeyId=key)
    refused("NoSuchEntity", cloud.iam.update_access_key, text, UserName=other, AccessKeyId=key, Status="Inactive")


def tagged(cloud, kind):
    """Creates a resource of a kind; returns its three operations on tags."""
    iam, name = cloud.iam, unique("tagged")
    match kind:
        case "user":
            named = {"UserName": cloud.user()}
        case "role":
            named = {"RoleName": cloud.role({"AWS": cloud.account})["RoleName"]}
        case "policy":
            named = {"PolicyArn": cloud.managed()}
        case "instance_profile":
            named = {"InstanceProfileName": name}
            iam.create_instance_profile(**named)
        case "open_id_connect_provider":
            made = iam.create_open_id_connect_provider(Url=f"https://{name}.example.org", ThumbprintList=["a" * 40])
            named = {"OpenIDConnectProviderArn": made["OpenIDConnectProviderArn"]}
    calls = (f"tag_{kind}", f"untag_{kind}", f"list_{kind}_tags")
    return named, *(getattr(iam, call) for call in calls)


@pytest.mark.parametrize("kind", ["user", "role", "policy", "instance_profile", "open_id_connect_provider"])
def test_tags(cloud, kind):
    named, tag, untag, list_tags = tagged(cloud, kind)

    def there():
        return {item["Key"]: item["Value"] for item in list_tags(**named)["Tags"]}

    tag(Tags=[{"Key": "Team", "Value": "a"}, {"Key": "stage", "Value": ""}], **named)
    tag(Tags=[{"Key": "team", "Value": "b"}], **named)
    assert {key.lower(): value for key, value in there().items()} == {"team": "b", "stage": ""}, "keys ignore case"
    untag(TagKeys=["TEAM", "absent"], **named)
    assert there() == {"stage": ""}
    text = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
    twice = [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]
    refused("InvalidInput", tag, text, Tags=twice, **named)
    refused("InvalidInput", tag, Tags=[{"Key": "aws:x", "Value": ""}], **named)
    null = "Value null at '{}' failed to satisfy constraint: Member must not be null"
    for call, member, arguments in (
        (tag, "tags", {}),
        (tag, "tags.1.member.value", {"Tags": [{"Key": "a"}]}),
        (untag, "tagKeys", {}),
    ):
        text = f"1 validation error detected: {null.format(member)}"
        refused("ValidationError", call, text, **arguments, **named)
    untag(TagKeys=[], **named)
    refused("ValidationError", tag, Tags=[{"Key": "a" * 129, "Value": ""}], **named)
    refused("ValidationError", tag, Tags=[{"Key": "a", "Value": "v" * 257}], **named)
    refused("ValidationError", tag, Tags=[{"Key": "a;b", "Value": ""}], **named)
    tag(Tags=[{"Key": f"k{number:02}", "Value": "é"} for number in range(49)], **named)
    refused("LimitExceeded", tag, Tags=[{"Key": "one-more", "Value": ""}], **named)
    tag(Tags=[{"Key": "stage", "Value": "over"}], **named)
    found = pages(list_tags, "Tags", MaxItems=20, **named)
    keys = [item["Key"] for page in found for item in page]
    assert keys == [f"k{number:02}" for number in range(49)] + ["stage"]


def test_changed_tags_apply_at_once(cloud):
    user = cloud.user({**allow("iam:GetUser"), "Condition": {"StringEquals": {"aws:PrincipalTag/team": "a"}}})
    own = cloud.client("iam", cloud.key(user))
    refused("AccessDenied", own.get_user)
    cloud.iam.tag_user(UserName=user, Tags=[{"Key": "team", "Value": "a"}])
    assert own.get_user()["User"]["Tags"] == [{"Key": "team", "Value": "a"}]
    cloud.iam.untag_user(UserName=user, TagKeys=["team"])
    refused("AccessDenied", own.get_user)


def test_tags_of_a_new_user_need_permission_and_can_be_required(cloud):
    demanded = {**allow("iam:CreateUser"), "Condition": {"StringEquals": {"aws:RequestTag/team": "a"}}}
    maker = cloud.client("iam", cloud.key(cloud.user(demanded, allow("iam:TagUser"))))
    refused("AccessDenied", maker.create_user, UserName=unique("u"))
    maker.create_user(UserName=unique("u"), Tags=[{"Key": "team", "Value": "a"}])
    untagging = cloud.client("iam", cloud.key(cloud.user(allow("iam:CreateUser"))))
    refused("AccessDenied", untagging.create_user, UserName=unique("u"), Tags=[{"Key": "team", "Value": "a"}])
