"""Ansible's modules of amazon.aws for IAM and STS: a second run of the same playbook changes nothing, what the modules read
is what they wrote, and everything can be removed."""

import json
import uuid

import pytest
from ansible_modules import Ansible

TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}


def document(action):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})


@pytest.fixture
def ansible(wharf, home):
    return Ansible(wharf, home)


class Names:
    """The resources of one test."""

    def __init__(self, wharf):
        unique = uuid.uuid4().hex[:8]
        self.user, self.group, self.role, self.policy = (f"{kind}-{unique}" for kind in ("user", "group", "role", "policy"))
        self.policy_arn = f"arn:aws:iam::{wharf.account}:policy/{self.policy}"
        self.role_arn = f"arn:aws:iam::{wharf.account}:role/{self.role}"

    def present(self):
        pulls, pushes = document("ecr:BatchGetImage"), document("ecr:PutImage")
        tags = {"team": "a"}
        inline = {"policy_name": "inline", "policy_json": pushes}
        trust = json.dumps(TRUST)
        return [
            {"amazon.aws.iam_managed_policy": {"name": self.policy, "policy": pulls, "description": "d", "tags": tags}},
            {"amazon.aws.iam_user": {"name": self.user, "state": "present", "managed_policies": [self.policy_arn], "tags": tags}},
            {"amazon.aws.iam_group": {"name": self.group, "state": "present", "users": [self.user], "managed_policies": [self.policy_arn]}},
            {"amazon.aws.iam_policy": {"iam_type": "user", "iam_name": self.user} | inline},
            {"amazon.aws.iam_policy": {"iam_type": "group", "iam_name": self.group} | inline},
            {
                "amazon.aws.iam_role": {
                    "name": self.role,
                    "assume_role_policy_document": trust,
                    "managed_policies": [self.policy_arn],
                    "max_session_duration": 7200,
                    "description": "d",
                    "create_instance_profile": True,
                    "tags": tags,
                }
            },
            {"amazon.aws.iam_policy": {"iam_type": "role", "iam_name": self.role} | inline},
        ]

    def without_inline_policy(self):
        """The module does not remove the inline policies of a group before the group, and a group with policies stays."""
        inline = {"iam_type": "group", "iam_name": self.group, "policy_name": "inline", "state": "absent"}
        return [{"amazon.aws.iam_policy": inline}]

    def absent(self):
        gone = {"state": "absent"}
        return [
            {"amazon.aws.iam_group": {"name": self.group} | gone},
            {"amazon.aws.iam_user": {"name": self.user} | gone},
            {"amazon.aws.iam_role": {"name": self.role, "delete_instance_profile": True} | gone},
            {"amazon.aws.iam_managed_policy": {"name": self.policy} | gone},
        ]


def modules_read_what_they_wrote(ansible, wharf, names):
    assert ansible.module("amazon.aws.aws_caller_info")["account"] == wharf.account
    (user,) = ansible.module("amazon.aws.iam_user_info", name=names.user)["iam_users"]
    assert user["tags"] == {"team": "a"}
    (role,) = ansible.module("amazon.aws.iam_role_info", name=names.role)["iam_roles"]
    assert role["assume_role_policy_document"] == TRUST and role["max_session_duration"] == 7200
    assert [profile["instance_profile_name"] for profile in role["instance_profiles"]] == [names.role]
    inline = ansible.module("amazon.aws.iam_policy_info", iam_type="role", iam_name=names.role)
    assert inline["policy_names"] == ["inline"]

    key = ansible.module("amazon.aws.iam_access_key", user_name=names.user)["access_key"]
    (listed,) = ansible.module("amazon.aws.iam_access_key_info", user_name=names.user)["access_keys"]
    assert listed["access_key_id"] == key["access_key_id"] and listed["status"] == "Active"
    disabled = {"user_name": names.user, "id": key["access_key_id"], "active": False}
    assert ansible.module("amazon.aws.iam_access_key", **disabled)["changed"]
    assert not ansible.module("amazon.aws.iam_access_key", **disabled)["changed"]

    session = ansible.module("amazon.aws.sts_assume_role", role_arn=names.role_arn, role_session_name="ansible")
    credentials = {
        "AccessKeyId": session["sts_creds"]["access_key"],
        "SecretAccessKey": session["sts_creds"]["secret_key"],
        "SessionToken": session["sts_creds"]["session_token"],
    }
    arn = wharf.client("sts", credentials).get_caller_identity()["Arn"]
    assert arn == f"arn:aws:sts::{wharf.account}:assumed-role/{names.role}/ansible"
    assert ansible.module("community.aws.sts_session_token")["sts_creds"]["session_token"]


def changes_once(ansible, tasks):
    changed, said = ansible.play(tasks)
    assert changed == len(tasks), said
    changed, said = ansible.play(tasks)
    assert changed == 0, said


def test_what_modules_write_they_read_and_remove(ansible, wharf):
    names = Names(wharf)
    changes_once(ansible, names.present())
    modules_read_what_they_wrote(ansible, wharf, names)
    changes_once(ansible, names.without_inline_policy())
    changes_once(ansible, names.absent())
