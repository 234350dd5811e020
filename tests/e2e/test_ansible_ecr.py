"""Ansible's own module community.aws.ecs_ecr with a lifecycle policy: a second run changes nothing, a changed policy is
written, and the policy and the repository can be removed."""

import json

import pytest
from ansible_modules import Ansible

POLICY = {
    "rules": [
        {
            "rulePriority": 1,
            "description": "new policy",
            "selection": {
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": 365,
            },
            "action": {"type": "expire"},
        }
    ]
}


class Module:
    """The module, and what it stored."""

    def __init__(self, wharf, home):
        self.ecr, self.ansible = wharf.client("ecr"), Ansible(wharf, home)

    def __call__(self, **arguments):
        return self.ansible.module("community.aws.ecs_ecr", **arguments)

    def policy(self, name):
        return json.loads(self.ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"])


@pytest.fixture
def ecs_ecr(wharf, home):
    return Module(wharf, home)


def test_a_second_run_of_the_module_changes_nothing(ecs_ecr):
    name = "ansible/app"
    created = ecs_ecr(name=name, lifecycle_policy=POLICY)
    assert created["changed"] and created["created"] and created["lifecycle_policy"] == POLICY
    assert ecs_ecr.policy(name) == POLICY
    assert not ecs_ecr(name=name, lifecycle_policy=POLICY)["changed"]
    other = {"rules": [POLICY["rules"][0] | {"description": "another policy"}]}
    assert ecs_ecr(name=name, lifecycle_policy=other)["changed"]
    assert ecs_ecr.policy(name) == other
    assert not ecs_ecr(name=name, lifecycle_policy=other)["changed"]
    assert ecs_ecr(name=name, purge_lifecycle_policy=True)["changed"]
    with pytest.raises(ecs_ecr.ecr.exceptions.LifecyclePolicyNotFoundException):
        ecs_ecr.policy(name)
    assert not ecs_ecr(name=name, purge_lifecycle_policy=True)["changed"]
    assert ecs_ecr(name=name, state="absent")["changed"]
    assert not ecs_ecr(name=name, state="absent")["changed"]


def test_the_policy_and_mutability_of_a_repository(ecs_ecr):
    name = "ansible/policy"
    statement = {"Sid": "pull", "Effect": "Allow", "Principal": "*", "Action": ["ecr:BatchGetImage"]}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    arguments = {"name": name, "policy": policy, "image_tag_mutability": "immutable", "scan_on_push": True}
    assert ecs_ecr(**arguments)["changed"]
    (repository,) = ecs_ecr.ecr.describe_repositories(repositoryNames=[name])["repositories"]
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
    assert not ecs_ecr(**arguments)["changed"]
    assert ecs_ecr(name=name, image_tag_mutability="mutable", purge_policy=True)["changed"]
    with pytest.raises(ecs_ecr.ecr.exceptions.RepositoryPolicyNotFoundException):
        ecs_ecr.ecr.get_repository_policy(repositoryName=name)
    assert ecs_ecr(name=name, state="absent")["changed"]
