"""Ansible's module community.aws.ecs_ecr with a lifecycle policy: its calls in its order. The collection is not available
as a package; its behaviour is in its source (plugins/modules/ecs_ecr.py)."""

import json

import pytest
from terraform import Provider

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


@pytest.fixture(scope="module")
def ecr(wharf, tmp_path_factory):
    return Provider(wharf, tmp_path_factory.mktemp("ansible")).ecr


def current(ecr, name):
    try:
        return json.loads(ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"])
    except ecr.exceptions.LifecyclePolicyNotFoundException:
        return None


def ensure(ecr, name, policy=None, purge=False):
    """`state: present`; says whether the module would report a change."""
    is_changed = False
    try:
        ecr.describe_repositories(repositoryNames=[name])
    except ecr.exceptions.RepositoryNotFoundException:
        ecr.create_repository(repositoryName=name, imageTagMutability="MUTABLE")
        is_changed = True
    before = current(ecr, name)
    if purge and before is not None:
        ecr.delete_lifecycle_policy(repositoryName=name)
        return True
    if policy is not None and before != policy:
        ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=json.dumps(policy))
        is_changed = True
    return is_changed


def test_a_second_run_of_the_module_changes_nothing(ecr):
    name = "ansible/app"
    assert ensure(ecr, name, POLICY)
    assert current(ecr, name) == POLICY
    assert not ensure(ecr, name, POLICY)
    other = {"rules": [POLICY["rules"][0] | {"description": "another policy"}]}
    assert ensure(ecr, name, other)
    assert not ensure(ecr, name, other)
    assert ensure(ecr, name, purge=True)
    assert not ensure(ecr, name, purge=True)
