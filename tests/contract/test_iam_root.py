"""The root of an account, with an access key from the store itself: its identity, and what AWS does not allow it."""

import datetime
import subprocess

import pytest
from clients import ALLOW_ALL, Cloud, refused
from server import Wharf


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A separate server, which is stopped while the key is created: its clients, and the root's key."""
    folder = tmp_path_factory.mktemp("root")
    server = Wharf(folder)
    account = Cloud(server.env).account
    server.stop()
    words = [server.binary, "account", "root-key", account, "--data-dir", server.data]
    said = subprocess.run(words, capture_output=True, check=True, text=True, env={}).stdout
    pairs = dict(line.removeprefix("export ").split("=", 1) for line in said.splitlines() if "=" in line)
    key = {"AccessKeyId": pairs["AWS_ACCESS_KEY_ID"], "SecretAccessKey": pairs["AWS_SECRET_ACCESS_KEY"].strip("'")}
    server = Wharf(folder)
    yield Cloud(server.env), key
    server.stop()


def test_root_is_shown_as_root(own):
    cloud, key = own
    user = cloud.client("iam", key).get_user()["User"]
    assert (user["Arn"], user["UserId"]) == (cloud.arn("root"), cloud.account)
    identity = cloud.client("sts", key).get_caller_identity()
    assert (identity["Arn"], identity["UserId"]) == (cloud.arn("root"), cloud.account)


def test_root_needs_no_policy_and_assumes_no_role(own):
    cloud, key = own
    cloud.client("iam", key).list_users()
    role = cloud.role({"AWS": cloud.account}, ALLOW_ALL)
    arguments = {"RoleArn": role["Arn"], "RoleSessionName": "root"}
    text = "Roles may not be assumed by root accounts."
    refused("AccessDenied", cloud.client("sts", key).assume_role, text, **arguments)


def test_a_session_of_root_lasts_at_most_an_hour(own):
    cloud, key = own
    before = datetime.datetime.now(datetime.UTC)
    session = cloud.client("sts", key).get_session_token(DurationSeconds=43200)["Credentials"]
    assert (session["Expiration"] - before).total_seconds() <= 3601
    assert cloud.client("sts", session).get_caller_identity()["Arn"] == cloud.arn("root")


def test_a_session_of_root_creates_no_long_term_key(own):
    cloud, key = own
    session = cloud.client("iam", cloud.client("sts", key).get_session_token()["Credentials"])
    for call in ("create_access_key", "list_access_keys", "get_user", "list_mfa_devices", "list_users"):
        refused("InvalidClientTokenId", getattr(session, call))
    assert len(cloud.client("iam", key).list_access_keys()["AccessKeyMetadata"]) == 1
