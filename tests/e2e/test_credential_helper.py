"""The AWS CLI and the docker credential helper in the closed network, without any endpoint override."""

import json

import images
from closed_network import MANAGEMENT as ACCOUNT
from closed_network import SHARED, registry
from cross_account import push, shared_repository

REGISTRY = registry(ACCOUNT)


def test_the_aws_cli_without_an_endpoint_override(network):
    me = json.loads(network.run("aws", "sts", "get-caller-identity", "--output", "json"))
    assert me["Account"] == ACCOUNT
    words = ["aws", "ecr", "create-repository", "--output", "json", "--repository-name"]
    made = json.loads(network.run(*words, "closed/cli"))["repository"]
    assert made["repositoryUri"] == f"{REGISTRY}/closed/cli"
    granted = json.loads(network.run("aws", "ecr", "get-authorization-token", "--output", "json"))
    assert granted["authorizationData"][0]["proxyEndpoint"] == f"https://{REGISTRY}"


def test_the_credential_helper_gives_a_password(network):
    said = json.loads(network.run("docker-credential-ecr-login", "get", input=REGISTRY))
    assert said["Username"] == "AWS" and len(said["Secret"]) > 20
    assert said["ServerURL"] == REGISTRY


def test_clients_push_and_pull_with_the_credential_helper(network, tmp_path):
    network.run("aws", "ecr", "create-repository", "--repository-name", "closed/helper")
    (network.home / ".docker").mkdir(exist_ok=True)
    helper = json.dumps({"credHelpers": {REGISTRY: "ecr-login"}})
    (network.home / ".docker" / "config.json").write_text(helper)
    (network.home / "auth.json").write_text(helper)
    made = images.layout(tmp_path / "made")
    target = f"{REGISTRY}/closed/helper:v1"
    auth = {"REGISTRY_AUTH_FILE": str(network.home / "auth.json")}
    network.run("skopeo", "copy", made.skopeo, f"docker://{target}", env=auth)
    assert network.run("crane", "digest", target).strip() == made.digest
    assert network.run("oras", "repo", "tags", f"{REGISTRY}/closed/helper").strip() == "v1"


def test_a_wrong_secret_gets_no_password(network, tmp_path):
    # A separate home: the helper caches tokens.
    wrong = {"AWS_SECRET_ACCESS_KEY": "x" * 40, "HOME": str(tmp_path)}
    said = network.run("docker-credential-ecr-login", "get", input=REGISTRY, env=wrong, refused=True)
    assert "credentials not found" in said


def test_the_helper_pulls_from_another_account(network, new_node, tmp_path):
    node = new_node()
    repository = shared_repository(network, "closed/shared", node.role)
    made = images.layout(tmp_path / "made")
    push(network, made, f"{repository}:v1")
    docker = tmp_path / "home" / ".docker"
    docker.mkdir(parents=True)
    (docker / "config.json").write_text(json.dumps({"credHelpers": {registry(SHARED): "ecr-login"}}))
    home = {"HOME": str(docker.parent), "DOCKER_CONFIG": str(docker)}
    client = {"credentials": node.agent("imds"), "env": home}
    assert network.run("crane", "digest", f"{repository}:v1", **client).strip() == made.digest
    network.run("crane", "pull", f"{repository}@{made.digest}", tmp_path / "pulled.tar", **client)
    network.run("crane", "tag", f"{repository}:v1", "mine", **client, refused=True)
    # A role that the repository's account does not name gets a password, and nothing for it.
    stranger = {"credentials": new_node().agent("imds"), "env": home | {"HOME": str(tmp_path)}}
    said = json.loads(network.run("docker-credential-ecr-login", "get", input=registry(SHARED), **stranger))
    assert said["Username"] == "AWS"
    refused = network.run("crane", "digest", f"{repository}:v1", **stranger, refused=True)
    assert "403" in refused or "DENIED" in refused
