"""What Terraform's AWS provider does around its calls: it parses its identity, waits, decodes and compares."""

import json
import urllib.parse
import uuid

import botocore.exceptions
import botocore.handlers
import pytest
from process import environment, run


class Provider:
    """The provider's clients, with the credentials of a separate account."""

    def __init__(self, wharf, home):
        self.env = environment(home)
        organizations = wharf.client("organizations")
        asked = {"Email": f"{uuid.uuid4().hex[:12]}@example.org", "AccountName": "terraform"}
        self.account = organizations.create_account(**asked)["CreateAccountStatus"]["AccountId"]
        arn = f"arn:aws:iam::{self.account}:role/OrganizationAccountAccessRole"
        granted = wharf.client("sts").assume_role(RoleArn=arn, RoleSessionName="terraform")["Credentials"]
        self.region = wharf.env["AWS_REGION"]
        self.sts, self.iam, self.ecr = (wharf.client(service, granted) for service in ("sts", "iam", "ecr"))
        self.events = wharf.client("events", granted)
        self.secrets = wharf.client("secretsmanager", granted)
        # aws_ecrpublic_* can be used in us-east-1 only.
        self.ecr_public = wharf.client("ecr-public", granted, region="us-east-1")
        # boto3 parses policies in responses; the provider gets them unparsed.
        self.iam.meta.events.unregister("after-call.iam", botocore.handlers.json_decode_policies)

    def equivalent(self, written, read):
        """Whether the provider finds no difference between the written and the read document."""
        pair = json.dumps([written, read])
        said = run(["policy-equivalence"], env=self.env, input=pair).strip()
        assert said in ("true", "false")
        return said == "true"

    def same_document(self, written, document):
        """The same for IAM's documents, which are URL-encoded."""
        return self.equivalent(written, urllib.parse.unquote_plus(document))


def refusal(call, **arguments):
    """Code and message of an error."""
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def gone(call, **arguments):
    """The error code for a missing resource, as the provider expects it."""
    return refusal(call, **arguments)[0]


def document(*statements):
    """A policy as the provider sends it: compact, with sorted keys."""
    whole = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | statement for statement in statements]}
    return json.dumps(whole, sort_keys=True, separators=(",", ":"))


def trust(**principal):
    return document({"Principal": principal, "Action": "sts:AssumeRole"})


def tags(**pairs):
    return [{"Key": key, "Value": value} for key, value in pairs.items()]


def by_key(listed):
    return {tag["Key"]: tag["Value"] for tag in listed}
