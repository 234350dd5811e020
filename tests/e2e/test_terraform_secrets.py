"""The resources of Terraform's AWS provider for the credentials of upstream registries: its calls in its order, with its
checks (internal/service/secretsmanager and internal/service/ecr/pull_through_cache_rule.go)."""

import json
import uuid

import pytest
from terraform import Provider, by_key, document, gone, refusal, tags
from upstream import LOGIN, Upstream

VALUE = json.dumps({"username": LOGIN[0], "accessToken": LOGIN[1]})
MARKED = "You can't perform this operation on the secret because it was marked for deletion"
SCHEDULED = "because a secret with this name is already scheduled for deletion"


@pytest.fixture(scope="module")
def provider(wharf, tmp_path_factory):
    return Provider(wharf, tmp_path_factory.mktemp("terraform"))


def token():
    """ClientRequestToken of the provider: `terraform-` and 26 digits."""
    return f"terraform-{uuid.uuid4().int:026d}"[:36]


def create(provider, name, **more):
    asked = {"ClientRequestToken": token(), "Description": "", "ForceOverwriteReplicaSecret": False}
    arn = provider.secrets.create_secret(Name=name, **asked, **more)["ARN"]
    assert provider.secrets.describe_secret(SecretId=arn)["ARN"] == arn
    return arn


def test_aws_secretsmanager_secret(provider):
    secrets, name = provider.secrets, "ecr-pullthroughcache/tf"
    arn = create(provider, name, Tags=tags(team="a", stage="b"))

    def read():
        shown = secrets.describe_secret(SecretId=arn)
        assert "DeletedDate" not in shown and "KmsKeyId" not in shown and "RotationEnabled" not in shown
        return shown, secrets.get_resource_policy(SecretId=arn).get("ResourcePolicy")

    shown, policy = read()
    assert (shown["Name"], by_key(shown["Tags"]), policy) == (name, {"team": "a", "stage": "b"}, None)
    assert arn.rsplit("-", 1)[0] == f"arn:aws:secretsmanager:{provider.region}:{provider.account}:secret:{name}"
    # The policy in the resource itself.
    action = {"Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    policy = document({"Principal": {"AWS": f"arn:aws:iam::{provider.account}:root"}, **action})
    secrets.put_resource_policy(SecretId=arn, ResourcePolicy=policy)
    assert provider.equivalent(policy, read()[1])
    secrets.delete_resource_policy(SecretId=arn)
    assert read()[1] is None
    secrets.update_secret(SecretId=arn, Description="changed", ClientRequestToken=token())
    secrets.untag_resource(SecretId=arn, TagKeys=["team"])
    secrets.tag_resource(SecretId=arn, Tags=tags(stage="c", new="d"))
    shown, _ = read()
    assert (shown["Description"], by_key(shown["Tags"])) == ("changed", {"stage": "c", "new": "d"})
    secrets.delete_secret(SecretId=arn, RecoveryWindowInDays=30)
    # The provider takes it as gone; creating it again waits for its end.
    assert "DeletedDate" in secrets.describe_secret(SecretId=arn)
    code, said = refusal(secrets.create_secret, Name=name, ClientRequestToken=token())
    assert code == "InvalidRequestException" and SCHEDULED in said
    code, said = refusal(secrets.get_resource_policy, SecretId=arn)
    assert code == "InvalidRequestException" and MARKED in said
    secrets.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
    assert gone(secrets.describe_secret, SecretId=arn) == "ResourceNotFoundException"
    secrets.delete_secret(SecretId=create(provider, name), ForceDeleteWithoutRecovery=True)


def test_aws_secretsmanager_secret_version(provider):
    secrets = provider.secrets
    arn = create(provider, "ecr-pullthroughcache/tf-version")
    assert gone(secrets.get_secret_value, SecretId=arn, VersionStage="AWSCURRENT") == "ResourceNotFoundException"
    version = secrets.put_secret_value(SecretId=arn, SecretString=VALUE, ClientRequestToken=token())["VersionId"]

    def read(version):
        shown = secrets.get_secret_value(SecretId=arn, VersionId=version)
        assert (shown["ARN"], shown["VersionId"], "SecretBinary" in shown) == (arn, version, False)
        return shown["SecretString"], shown["VersionStages"]

    assert read(version) == read(version) == (VALUE, ["AWSCURRENT"])
    # A changed value replaces the resource; the provider leaves the current version when it destroys it.
    newer = secrets.put_secret_value(SecretId=arn, SecretString="{}", ClientRequestToken=token())["VersionId"]
    assert (read(newer), read(version)) == (("{}", ["AWSCURRENT"]), (VALUE, ["AWSPREVIOUS"]))
    absent = {"SecretId": arn, "VersionId": token()}
    assert gone(secrets.get_secret_value, **absent) == "ResourceNotFoundException"
    secrets.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
    assert gone(secrets.get_secret_value, SecretId=arn, VersionId=newer) == "ResourceNotFoundException"


def test_aws_secretsmanager_secret_policy(provider):
    secrets, iam = provider.secrets, provider.iam
    arn = create(provider, "ecr-pullthroughcache/tf-policy")
    user = iam.create_user(UserName="tf-reader")["User"]["Arn"]
    action = {"Action": "secretsmanager:GetSecretValue", "Resource": "*"}

    def put(principal):
        policy = document({"Sid": "Read", "Principal": {"AWS": principal}, **action})
        assert secrets.put_resource_policy(SecretId=arn, ResourcePolicy=policy)["ARN"] == arn
        assert provider.equivalent(policy, secrets.get_resource_policy(SecretId=arn)["ResourcePolicy"])

    put(user)
    put([user, f"arn:aws:iam::{provider.account}:root"])
    unknown = document({"Principal": {"AWS": f"arn:aws:iam::{provider.account}:user/nobody"}, **action})
    asked = {"SecretId": arn, "ResourcePolicy": unknown}
    assert gone(secrets.put_resource_policy, **asked) == "MalformedPolicyDocumentException"
    secrets.delete_resource_policy(SecretId=arn)
    assert "ResourcePolicy" not in secrets.get_resource_policy(SecretId=arn)
    secrets.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
    assert gone(secrets.get_resource_policy, SecretId=arn) == "ResourceNotFoundException"
    iam.delete_user(UserName="tf-reader")


def test_aws_ecr_pull_through_cache_rule(provider, tmp_path):
    ecr, secrets, prefix = provider.ecr, provider.secrets, "tf-cache"
    arns = [create(provider, f"ecr-pullthroughcache/tf-rule-{number}", SecretString=VALUE) for number in (1, 2)]
    upstream = Upstream("docker-registry", tmp_path / "upstream", has_login=True)

    def find():
        pages = ecr.get_paginator("describe_pull_through_cache_rules").paginate(ecrRepositoryPrefixes=[prefix])
        (shown,) = [rule for page in pages for rule in page["pullThroughCacheRules"]]
        return shown

    absent = {"ecrRepositoryPrefixes": [prefix]}
    assert gone(ecr.describe_pull_through_cache_rules, **absent) == "PullThroughCacheRuleNotFoundException"
    asked = {"ecrRepositoryPrefix": prefix, "upstreamRegistryUrl": upstream.address}
    ecr.create_pull_through_cache_rule(**asked, credentialArn=arns[0])
    shown = find()
    assert shown | asked == shown
    assert (shown["credentialArn"], shown["registryId"]) == (arns[0], provider.account)
    # The provider computes it, so the answer must have it.
    assert shown["upstreamRepositoryPrefix"] == "ROOT"
    ecr.update_pull_through_cache_rule(ecrRepositoryPrefix=prefix, credentialArn=arns[1])
    assert find()["credentialArn"] == arns[1]
    assert ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix=prefix)["isValid"] is True
    upstream.stop()
    where = {"ecrRepositoryPrefix": prefix, "registryId": provider.account}
    ecr.delete_pull_through_cache_rule(**where)
    assert gone(ecr.delete_pull_through_cache_rule, **where) == "PullThroughCacheRuleNotFoundException"
    for arn in arns:
        secrets.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
