"""The operations of Secrets Manager: their results have the shapes of the model, and their errors name what is wrong."""

import json

import pytest
from clients import refused, unique
from test_presence import served

NAME = "ecr-pullthroughcache/"
VALUE = json.dumps({"username": "u", "accessToken": "t"})
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "secretsmanager:RotateSecret", "Resource": "*"}],
}


def stages(secrets, name):
    return secrets.describe_secret(SecretId=name)["VersionIdsToStages"]


def test_all_operations_answer_in_their_shapes(cloud):
    secrets, name = cloud.client("secretsmanager"), NAME + unique("all")
    cloud.answered["secretsmanager"].clear()
    made = secrets.create_secret(Name=name, SecretString=VALUE, Tags=[{"Key": "k", "Value": "v"}])
    assert made["ARN"].startswith(f"arn:aws:secretsmanager:{cloud.region}:{cloud.account}:secret:{name}-")
    for named in (name, made["ARN"], made["ARN"][:-7]):
        assert secrets.get_secret_value(SecretId=named)["SecretString"] == VALUE
    put = secrets.put_secret_value(SecretId=name, SecretString="second", ClientRequestToken="b" * 32)
    assert put["VersionId"] == "b" * 32
    assert stages(secrets, name) == {made["VersionId"]: ["AWSPREVIOUS"], "b" * 32: ["AWSCURRENT"]}
    before = secrets.get_secret_value(SecretId=name, VersionStage="AWSPREVIOUS")
    assert (before["VersionId"], before["SecretString"]) == (made["VersionId"], VALUE)
    updated = secrets.update_secret(SecretId=name, Description="d", SecretString="third")
    assert secrets.get_secret_value(SecretId=name)["VersionId"] == updated["VersionId"]
    secrets.tag_resource(SecretId=name, Tags=[{"Key": "l", "Value": "w"}])
    secrets.untag_resource(SecretId=name, TagKeys=["k"])
    described = secrets.describe_secret(SecretId=name)
    assert (described["Description"], described["Tags"]) == ("d", [{"Key": "l", "Value": "w"}])
    secrets.put_resource_policy(SecretId=name, ResourcePolicy=json.dumps(POLICY))
    assert json.loads(secrets.get_resource_policy(SecretId=name)["ResourcePolicy"]) == POLICY
    secrets.delete_resource_policy(SecretId=name)
    assert "ResourcePolicy" not in secrets.get_resource_policy(SecretId=name)
    assert name in [secret["Name"] for secret in secrets.list_secrets()["SecretList"]]
    secrets.delete_secret(SecretId=name, RecoveryWindowInDays=7)
    assert name not in [secret["Name"] for secret in secrets.list_secrets()["SecretList"]]
    secrets.restore_secret(SecretId=name)
    secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    refused("ResourceNotFoundException", secrets.describe_secret, SecretId=name)
    assert cloud.answered["secretsmanager"] == served(cloud, "secretsmanager")


def test_an_arn_never_means_the_secret_of_another_name(cloud):
    secrets, name = cloud.client("secretsmanager"), NAME + unique("victim")
    arn = secrets.create_secret(Name=name, SecretString="mine")["ARN"]
    other = arn.split(":secret:")[1]
    secrets.create_secret(Name=other, SecretString="of another")
    assert secrets.get_secret_value(SecretId=arn)["SecretString"] == "mine"
    assert secrets.get_secret_value(SecretId=other)["SecretString"] == "of another"
    secrets.put_secret_value(SecretId=arn, SecretString="new")
    assert secrets.get_secret_value(SecretId=other)["SecretString"] == "of another"


def test_a_deleted_secret_shows_no_value(cloud):
    secrets, name = cloud.client("secretsmanager"), NAME + unique("deleted")
    secrets.create_secret(Name=name, SecretString=VALUE)
    secrets.delete_secret(SecretId=name)
    assert "DeletedDate" in secrets.describe_secret(SecretId=name)
    refused("InvalidRequestException", secrets.get_secret_value, SecretId=name)
    refused("InvalidRequestException", secrets.put_secret_value, SecretId=name, SecretString=VALUE)
    refused("InvalidRequestException", secrets.create_secret, Name=name, SecretString=VALUE)
    secrets.restore_secret(SecretId=name)
    assert secrets.get_secret_value(SecretId=name)["SecretString"] == VALUE


@pytest.mark.parametrize(
    ("code", "asked", "reason"),
    [
        ("InvalidParameterException", {"Name": "other/secret"}, "must begin with ecr-pullthroughcache/"),
        ("InvalidParameterException", {"Name": NAME + "a b"}, "Invalid name"),
        ("InvalidParameterException", {"KmsKeyId": "alias/mine"}, "KmsKeyId is not supported"),
        ("InvalidParameterException", {"SecretBinary": b"bytes"}, "SecretBinary"),
        ("InvalidParameterException", {"AddReplicaRegions": [{"Region": "eu-west-1"}]}, "AddReplicaRegions"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(cloud, code, asked, reason):
    secrets = cloud.client("secretsmanager")
    value = {} if "SecretBinary" in asked else {"SecretString": VALUE}
    said = refused(code, secrets.create_secret, **{"Name": NAME + unique("refused"), **value, **asked})
    assert reason in said, said


def test_a_secret_has_its_name_once(cloud):
    secrets, name = cloud.client("secretsmanager"), NAME + unique("once")
    secrets.create_secret(Name=name, SecretString=VALUE)
    refused("ResourceExistsException", secrets.create_secret, Name=name, SecretString=VALUE)
    again = {"SecretId": name, "ClientRequestToken": "c" * 32}
    secrets.put_secret_value(**again, SecretString="one")
    secrets.put_secret_value(**again, SecretString="one")
    refused("ResourceExistsException", secrets.put_secret_value, **again, SecretString="two")
    invalid = {"SecretId": name, "ResourcePolicy": '{"Version":"2012-10-17"}'}
    refused("MalformedPolicyDocumentException", secrets.put_resource_policy, **invalid)
