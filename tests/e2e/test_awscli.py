"""The AWS CLI with only the variables that `wharf env` prints."""

import json
import subprocess
import urllib.parse

import images
from process import environment, run


def test_get_caller_identity_of_the_administrator(wharf):
    me = wharf.aws("sts", "get-caller-identity")
    assert me["Account"].isdigit() and len(me["Account"]) == 12
    assert me["Arn"].startswith(f"arn:aws:iam::{me['Account']}:user/")
    assert me["UserId"].startswith("AIDA")
    assert wharf.aws("ecr", "describe-registry")["registryId"] == me["Account"]


def test_every_docker_client_accepts_the_password(wharf):
    assert 0 < len(wharf.password) <= 2400
    assert ":" not in wharf.password
    granted = wharf.aws("ecr", "get-authorization-token")["authorizationData"][0]
    assert granted["proxyEndpoint"] == f"http://{wharf.registry}/{wharf.account}"


def test_a_repository_is_created_changed_and_deleted(wharf):
    name = wharf.repository("awscli")
    described = wharf.aws("ecr", "describe-repositories", "--repository-names", name)["repositories"][0]
    assert described["repositoryUri"] == f"{wharf.registry}/{wharf.account}/{name}"
    assert described["repositoryArn"].endswith(f":repository/{name}")
    said = wharf.aws("ecr", "create-repository", "--repository-name", name, refused=True)
    assert "RepositoryAlreadyExistsException" in said
    assert f"The repository with name '{name}' already exists in the registry with id" in said
    wharf.aws("ecr", "delete-repository", "--repository-name", name)
    said = wharf.aws("ecr", "describe-repositories", "--repository-names", name, refused=True)
    assert "RepositoryNotFoundException" in said


def test_pages_are_followed_by_the_client(wharf):
    prefix = wharf.repository("pages").rsplit("/", 1)[1]
    names = [f"pages/{prefix}/{number}" for number in range(5)]
    for name in names:
        wharf.aws("ecr", "create-repository", "--repository-name", name)
    listed = wharf.aws("ecr", "describe-repositories", "--page-size", "2")["repositories"]
    found = [repository["repositoryName"] for repository in listed]
    assert [name for name in found if name.startswith(f"pages/{prefix}/")] == names
    assert len(found) == len(set(found))


def test_retag_as_the_documentation_says(wharf, push, tmp_path):
    name = wharf.repository("awscli")
    made = images.layout(tmp_path / "made")
    push(made, name, "one")
    image = wharf.aws("ecr", "batch-get-image", "--repository-name", name, "--image-ids", "imageTag=one")["images"][0]
    (tmp_path / "manifest").write_text(image["imageManifest"])
    put = ["ecr", "put-image", "--repository-name", name, "--image-manifest", f"file://{tmp_path / 'manifest'}"]
    assert wharf.aws(*put, "--image-tag", "two")["image"]["imageId"] == {"imageDigest": made.digest, "imageTag": "two"}
    assert "ImageAlreadyExistsException" in wharf.aws(*put, "--image-tag", "two", refused=True)
    detail = wharf.aws("ecr", "describe-images", "--repository-name", name)["imageDetails"][0]
    assert sorted(detail["imageTags"]) == ["one", "two"]


def test_a_layer_is_fetched_with_plain_curl(wharf, push, tmp_path, home):
    name = wharf.repository("awscli")
    made = images.layout(tmp_path / "made", size=300_000)
    push(made, name)
    words = ["ecr", "get-download-url-for-layer", "--repository-name", name, "--layer-digest", made.layers[0]]
    url = wharf.aws(*words)["downloadUrl"]
    content = run(["curl", "-fsS", url], env=environment(home), text=False)
    assert images.digest_of(content) == made.layers[0]
    part = run(["curl", "-fsS", "-r", "100-199", url], env=environment(home), text=False)
    assert part == content[100:200]
    # docker repeats its Basic header after a redirect; the URL must tolerate it.
    run(["curl", "-fsS", "-o", "/dev/null", "-H", "Authorization: Basic eDp5", url], env=environment(home))
    changed = url[:-1] + ("A" if url[-1] != "A" else "B")
    run(["curl", "-fsS", changed], env=environment(home), refused=True)


def test_a_wrong_secret_and_an_unknown_key_are_refused(wharf):
    said = wharf.aws("ecr", "describe-repositories", refused=True, env={"AWS_SECRET_ACCESS_KEY": "x" * 40})
    assert "InvalidSignatureException" in said, said
    said = wharf.aws("ecr", "describe-repositories", refused=True, env={"AWS_ACCESS_KEY_ID": "AKIA" + "Q" * 16})
    assert "UnrecognizedClientException" in said, said
    said = wharf.aws("sts", "get-caller-identity", refused=True, env={"AWS_ACCESS_KEY_ID": "AKIA" + "Q" * 16})
    assert "InvalidClientTokenId" in said, said


def test_an_unsupported_operation_is_refused(wharf):
    said = wharf.aws("ecr", "get-signing-configuration", refused=True)
    assert "GetSigningConfiguration" in said, said


def test_the_printed_environment_changes_only_wharfs_services(wharf):
    assert "AWS_ENDPOINT_URL" not in wharf.env
    hosts = {urllib.parse.urlsplit(value).netloc for name, value in wharf.env.items() if "ENDPOINT_URL" in name}
    assert hosts == {wharf.registry}
    assert {name for name in wharf.env if "ENDPOINT_URL" in name} == {
        f"AWS_ENDPOINT_URL_{service}" for service in ("ECR", "ECR_PUBLIC", "STS", "IAM", "ORGANIZATIONS")
    }


def test_a_second_server_on_the_same_folder_is_refused(wharf):
    words = [wharf.binary, "dev", "--data-dir", wharf.data, "--listen", "127.0.0.1:0"]
    second = subprocess.run(words, capture_output=True, text=True, timeout=30, env=environment(wharf.home))
    assert second.returncode != 0
    assert str(wharf.data) in second.stderr, second.stderr
    assert json.dumps(wharf.aws("sts", "get-caller-identity"))
