"""Credentials for a node: a role, assumed with an access key that only `wharf credentials` has, is used by the AWS CLI
and boto3 in each way that they support. docs/node-identity.md describes the same setup."""

import json
import stat
import uuid

import boto3
import pytest
from process import Daemon, environment, run

TRUST = '{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{user}"}},"Action":"sts:AssumeRole"}}]}}'


class Node:
    """A user whose only permission is to assume a role, the role, and the file with the user's key."""

    def __init__(self, wharf, folder):
        name = f"node-{uuid.uuid4().hex[:8]}"
        self.wharf = wharf
        self.folder = folder
        self.user = name
        user = wharf.aws("iam", "create-user", "--user-name", name)["User"]["Arn"]
        self.role = f"puller-{name}"
        trust = TRUST.format(user=user)
        role = wharf.aws("iam", "create-role", "--role-name", self.role, "--assume-role-policy-document", trust)
        self.arn = role["Role"]["Arn"]
        self.account = self.arn.split(":")[4]
        readonly = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"
        wharf.aws("iam", "attach-role-policy", "--role-name", self.role, "--policy-arn", readonly)
        key = wharf.aws("iam", "create-access-key", "--user-name", name)["AccessKey"]
        self.key_id = key["AccessKeyId"]
        self.key = folder / "node-key"
        self.key.write_text(
            f"[default]\naws_access_key_id = {key['AccessKeyId']}\naws_secret_access_key = {key['SecretAccessKey']}\n"
        )
        self.home = folder / "node-home"
        self.home.mkdir()
        without_keys = {name: value for name, value in wharf.env.items() if "KEY" not in name}
        self.env = environment(self.home, without_keys)

    @property
    def options(self):
        return ["--role-arn", self.arn, "--access-key-file", str(self.key), "--role-session-name", "n1"]

    def session(self, env):
        """Checks the AWS CLI's identity in an environment, and that it has the role's permissions."""
        said = json.loads(run(["aws", "sts", "get-caller-identity", "--output", "json"], env=env))
        assert said["Arn"] == f"arn:aws:sts::{self.account}:assumed-role/{self.role}/n1"
        assert run(["aws", "ecr", "get-login-password"], env=env).strip()
        refused = run(["aws", "ecr", "create-repository", "--repository-name", "not-mine"], env=env, refused=True)
        assert "is not authorized to perform: ecr:CreateRepository" in refused


@pytest.fixture
def node(wharf, tmp_path):
    return Node(wharf, tmp_path)


@pytest.fixture
def agent(node):
    """Starts the agent and returns the variables that it prints."""
    daemons = []

    def start(*options):
        log = node.folder / f"agent-{len(daemons)}.log"
        words = [node.wharf.binary, "credentials", "serve", "--listen", "127.0.0.1:0", *node.options, *options]
        ready = lambda: log.exists() and ("obtained" in log.read_text() or "cannot get credentials" in log.read_text())
        daemons.append(Daemon(words, env=node.env, log=log, ready=ready))
        lines = [line[7:] for line in log.read_text().splitlines() if line.startswith("export ")]
        return {name: value.strip("'") for name, value in (line.split("=", 1) for line in lines)}

    yield start
    for daemon in daemons:
        daemon.stop()


def test_the_cli_calls_the_program_in_its_configuration(wharf, node):
    config = node.home / ".aws" / "config"
    config.parent.mkdir()
    process = " ".join([str(wharf.binary), "credentials", "process", *node.options])
    config.write_text(f"[default]\ncredential_process = {process}\n")
    node.session(node.env)
    (kept,) = (node.home / ".cache/wharf/credentials").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    before = kept.read_bytes()
    node.session(node.env)
    assert kept.read_bytes() == before, "STS was asked again"


def test_a_container_needs_only_its_token(node, agent):
    token = node.folder / "token"
    printed = agent("--authorization-token-file", token)
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    node.session(node.env | printed)
    other = node.folder / "other"
    other.write_text("0" * 64)
    stranger = node.env | printed | {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(other)}
    assert "403" in run(["aws", "sts", "get-caller-identity"], env=stranger, refused=True)


def test_imds_serves_the_cli_and_boto3(node, agent, monkeypatch):
    printed = agent("--imds")
    node.session(node.env | printed)
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"]:
        monkeypatch.delenv(name, raising=False)
    for name, value in (printed | {"HOME": str(node.home)}).items():
        monkeypatch.setenv(name, value)
    session = boto3.Session(region_name=node.wharf.env["AWS_REGION"])
    assert session.get_credentials().method == "iam-role"
    ecr = session.client("ecr", endpoint_url=node.wharf.env["AWS_ENDPOINT_URL_ECR"])
    assert ecr.describe_repositories()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_a_disabled_key_keeps_old_sessions_and_gets_no_new_ones(wharf, node, agent):
    printed = agent("--imds")
    off = ["--user-name", node.user, "--access-key-id", node.key_id, "--status", "Inactive"]
    wharf.aws("iam", "update-access-key", *off, output=None)
    node.session(node.env | printed)
    late = agent("--imds")
    said = run(["aws", "sts", "get-caller-identity"], env=node.env | late, refused=True)
    assert "credentials" in said.lower()
    process = [wharf.binary, "credentials", "process", "--no-cache", *node.options]
    assert "AssumeRole" in run(process, env=node.env, refused=True)


def test_set_keys_accepts_valid_keys_and_explains_refusals(wharf, tmp_path):
    url = f"https://{uuid.uuid4().hex}.example.org"
    made = wharf.aws("iam", "create-open-id-connect-provider", "--url", url, "--client-id-list", "sts.amazonaws.com")
    arn = made["OpenIDConnectProviderArn"]
    set_keys = [wharf.binary, "oidc", "set-keys", "--provider-arn", arn]
    env = environment(wharf.home, wharf.env)
    keys = tmp_path / "keys.json"
    point = {"x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}
    keys.write_text(json.dumps({"keys": [{"kty": "EC", "crv": "P-256", "kid": "1", "use": "sig"} | point]}))
    assert "fetches nothing" in run([*set_keys, "--key-set", keys], env=env)
    keys.write_text('{"keys": []}')
    assert "InvalidInput" in run([*set_keys, "--key-set", keys], env=env, refused=True)
    assert "InvalidInput" in run([*set_keys, "--issuer-ca", keys], env=env, refused=True)
    assert "NoSuchEntity" in run([*set_keys[:-1], f"{arn}x"], env=env, refused=True)
    assert "system's certificate authorities" in run(set_keys, env=env)
