"""Cloud Custodian's policies for ECR: what its filters find, what its actions change, and that a second run finds nothing."""

import json
import uuid

import images
import pytest
from process import TOOLS, environment, run

CUSTODIAN = TOOLS / "custodian/bin/custodian"
EXPIRE = {
    "rulePriority": 1,
    "action": {"type": "expire"},
    "selection": {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 30},
}


class Custodian:
    """Runs policies on the repositories of one test."""

    def __init__(self, wharf, home):
        if not CUSTODIAN.exists():
            pytest.fail("custodian is not installed: run `cargo xtask install`", pytrace=False)
        self.wharf, self.home, self.ecr = wharf, home, wharf.client("ecr")
        self.prefix = f"custodian-{uuid.uuid4().hex[:8]}"

    def repository(self, name, **more):
        name = f"{self.prefix}/{name}"
        self.ecr.create_repository(repositoryName=name, **more)
        return name

    def __call__(self, filters, *actions, resource="aws.ecr"):
        """Runs a policy; returns what its filters found."""
        own = {"type": "value", "key": "repositoryName", "op": "glob", "value": f"{self.prefix}/*"}
        policy = {"name": "test", "resource": resource, "filters": [own, *filters], "actions": list(actions)}
        path = self.home / "policy.json"
        path.write_text(json.dumps({"policies": [policy]}))
        words = ["run", "--cache-period", "0", "--region", self.wharf.env["AWS_REGION"], "-s", self.home / "out", path]
        run([CUSTODIAN, *words], env=environment(self.home, self.wharf.env))
        found = json.loads((self.home / "out" / "test" / "resources.json").read_text())
        return sorted(found, key=lambda one: one["repositoryName"])

    def names(self, *policy, **more):
        return [one["repositoryName"] for one in self(*policy, **more)]


@pytest.fixture
def custodian(wharf, home):
    return Custodian(wharf, home)


def test_repositories_without_a_lifecycle_rule_get_one(custodian):
    bare, other = custodian.repository("bare"), custodian.repository("other")
    rule = EXPIRE | {"selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 100}}
    custodian.ecr.put_lifecycle_policy(repositoryName=other, lifecyclePolicyText=json.dumps({"rules": [rule]}))
    missing = {"type": "lifecycle-rule", "state": False, "match": [{"selection.tagStatus": "untagged"}]}
    assert custodian.names([missing], {"type": "set-lifecycle", "rules": [EXPIRE]}) == [bare, other]
    for name in (bare, other):
        text = custodian.ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"]
        assert json.loads(text) == {"rules": [EXPIRE]}
    assert custodian.names([missing]) == []
    custodian([], {"type": "set-lifecycle", "state": False})
    with pytest.raises(custodian.ecr.exceptions.LifecyclePolicyNotFoundException):
        custodian.ecr.get_lifecycle_policy(repositoryName=bare)


def test_statements_for_other_accounts_are_removed(custodian):
    shared, own = custodian.repository("shared"), custodian.repository("own")
    allow = {"Effect": "Allow", "Action": "ecr:BatchGetImage"}
    inside = allow | {"Sid": "inside", "Principal": {"AWS": f"arn:aws:iam::{custodian.wharf.account}:root"}}
    outside = allow | {"Sid": "outside", "Principal": "*"}
    for name, statements in [(shared, [inside, outside]), (own, [inside])]:
        text = json.dumps({"Version": "2012-10-17", "Statement": statements})
        custodian.ecr.set_repository_policy(repositoryName=name, policyText=text)
    found = custodian([{"type": "cross-account"}], {"type": "remove-statements", "statement_ids": "matched"})
    assert [one["repositoryName"] for one in found] == [shared]
    assert [one["Sid"] for one in found[0]["CrossAccountViolations"]] == ["outside"]
    for name in (shared, own):
        policy = json.loads(custodian.ecr.get_repository_policy(repositoryName=name)["policyText"])
        assert [statement["Sid"] for statement in policy["Statement"]] == ["inside"]
    assert custodian([{"type": "cross-account"}]) == []
    deny = {"Sid": "deny", "Effect": "Deny", "Principal": "*", "Action": ["ecr:PutImage"]}
    custodian([], {"type": "modify-ecr-policy", "add-statements": [deny], "remove-statements": []})
    policy = json.loads(custodian.ecr.get_repository_policy(repositoryName=own)["policyText"])
    assert sorted(statement["Sid"] for statement in policy["Statement"]) == ["deny", "inside"]


def test_tags_of_repositories(custodian):
    tagged, bare = custodian.repository("tagged", tags=[{"Key": "team", "Value": "a"}]), custodian.repository("bare")
    assert custodian.names([{"tag:team": "absent"}], {"type": "tag", "key": "team", "value": "none"}) == [bare]
    assert custodian.names([{"tag:team": "a"}], {"type": "remove-tag", "tags": ["team"]}) == [tagged]
    assert custodian.names([{"tag:team": "present"}], {"type": "mark-for-op", "op": "set-scanning", "days": 1}) == [bare]
    arn = custodian.ecr.describe_repositories(repositoryNames=[bare])["repositories"][0]["repositoryArn"]
    tags = {tag["Key"]: tag["Value"] for tag in custodian.ecr.list_tags_for_resource(resourceArn=arn)["tags"]}
    assert tags.keys() == {"team", "maid_status"} and tags["maid_status"].startswith("Resource does not meet policy: set-scanning@")


def test_settings_of_repositories(custodian):
    name = custodian.repository("app")
    mutable = {"type": "value", "key": "imageTagMutability", "value": "MUTABLE"}
    assert custodian.names([mutable], "set-immutability", "set-scanning") == [name]
    (shown,) = custodian.ecr.describe_repositories(repositoryNames=[name])["repositories"]
    assert (shown["imageTagMutability"], shown["imageScanningConfiguration"]) == ("IMMUTABLE", {"scanOnPush": True})
    assert custodian([mutable]) == []


def test_images_of_repositories(custodian, push, tmp_path):
    name = custodian.repository("app")
    made = images.layout(tmp_path / "made")
    push(made, name, tag="v1")
    push(images.layout(tmp_path / "other"), name, tag="v2")
    first = {"type": "value", "key": "imageTags", "op": "contains", "value": "v1"}
    (found,) = custodian([first], resource="aws.ecr-image")
    assert found["imageDigest"] == made.digest
    assert found["imageArn"].endswith(f":{custodian.wharf.account}:repository/{name}/{made.digest}")
