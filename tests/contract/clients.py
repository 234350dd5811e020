"""boto3 against the server. Every answer, success or error, is compared with botocore's model. boto3's own validation
of parameters is disabled, because it would hide the server's."""

import json
import uuid
from collections import defaultdict

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config
from shapes import MODELS, misfits

CONFIG = Config(parameter_validation=False, retries={"total_max_attempts": 1})
ALLOW_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


class Cloud:
    """Clients of one server, and the operations that they called."""

    def __init__(self, env):
        self.endpoint, self.region = env["AWS_ENDPOINT_URL_ECR"], env["AWS_REGION"]
        self.admin = {"AccessKeyId": env["AWS_ACCESS_KEY_ID"], "SecretAccessKey": env["AWS_SECRET_ACCESS_KEY"]}
        self.session = boto3.Session()
        self.answered = defaultdict(set)
        self.iam, self.sts = self.client("iam"), self.client("sts")
        self.account = self.sts.get_caller_identity()["Account"]

    def client(self, service, credentials=None):
        keys = credentials or self.admin
        client = self.session.client(
            service,
            region_name=self.region,
            endpoint_url=self.endpoint,
            config=CONFIG,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys.get("SessionToken"),
        )
        if service in MODELS:
            client.meta.events.register("before-parse", self.check)
        return client

    def check(self, operation_model, response_dict, **_):
        service = operation_model.service_model.service_name
        status, raw = response_dict["status_code"], response_dict["body"]
        found = misfits(service, operation_model.name, status, raw)
        assert found == [], (operation_model.name, raw)
        if status == 200:
            self.answered[service].add(operation_model.name)

    def user(self, *statements, **more):
        """Creates a user with an inline policy of these statements; returns its name."""
        name = unique("user")
        self.iam.create_user(UserName=name, **more)
        if statements:
            self.iam.put_user_policy(UserName=name, PolicyName="inline", PolicyDocument=policy(*statements))
        return name

    def key(self, user):
        return self.iam.create_access_key(UserName=user)["AccessKey"]

    def role(self, principal, *statements, action="sts:AssumeRole", condition=None, **more):
        """Creates a role that trusts a principal, with an inline policy of these statements."""
        name = unique("role")
        trust = {"Effect": "Allow", "Principal": principal, "Action": action}
        trust |= {"Condition": condition} if condition else {}
        role = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust), **more)["Role"]
        if statements:
            self.iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=policy(*statements))
        return role

    def managed(self, *statements, **more):
        """Creates a managed policy; returns its ARN."""
        document = policy(*(statements or [ALLOW_ALL]))
        return self.iam.create_policy(PolicyName=unique("policy"), PolicyDocument=document, **more)["Policy"]["Arn"]

    def arn(self, rest):
        return f"arn:aws:iam::{self.account}:{rest}"


def unique(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*"):
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def refused(code, call, text=None, **arguments):
    """Makes a call that must be refused with this code; returns the message. Every status is checked."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    assert error["Code"] == code, error
    assert text is None or error["Message"] == text, error
    return error["Message"]


def pages(call, list_name, **arguments):
    """All pages of a list: each page's items."""
    found, marker = [], {}
    while True:
        page = call(**arguments, **marker)
        found.append(page[list_name])
        assert page["IsTruncated"] == ("Marker" in page)
        if not page["IsTruncated"]:
            return found
        marker = {"Marker": page["Marker"]}
