"""Ansible's own module community.aws.ecs_ecr with a lifecycle policy: a second run changes nothing, a changed policy is
written, and the policy and the repository can be removed."""

import json
import os
from pathlib import Path

import pytest
from process import environment, run

TOOLS = Path(os.environ.get("WHARF_TOOLS", os.path.expanduser("~/.cache/wharf-tools"))) / "ansible"

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


class Ansible:
    """Runs the module as a user of the server."""

    def __init__(self, wharf, home):
        if not (TOOLS / "bin/ansible").exists():
            pytest.fail("ansible is not installed: run `cargo xtask install`", pytrace=False)
        self.ecr = wharf.client("ecr")
        own = {"ANSIBLE_COLLECTIONS_PATH": str(TOOLS), "ANSIBLE_LOCALHOST_WARNING": "False"}
        # Ansible prints what the module answers, in one line.
        own |= {"ANSIBLE_LOAD_CALLBACK_PLUGINS": "1", "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.oneline"}
        self.env = environment(home, wharf.env | own | {"ANSIBLE_HOME": str(home / "ansible")})

    def __call__(self, **arguments):
        words = [TOOLS / "bin/ansible", "localhost", "-i", "localhost,", "-c", "local"]
        words += ["-e", f"ansible_python_interpreter={TOOLS / 'bin/python'}", "-m", "community.aws.ecs_ecr"]
        said = run([*words, "-a", json.dumps(arguments)], env=self.env)
        return json.loads(said[said.index("{") :])

    def policy(self, name):
        return json.loads(self.ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"])


@pytest.fixture
def ecs_ecr(wharf, home):
    return Ansible(wharf, home)


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
