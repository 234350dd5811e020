"""The pull-through cache with real upstream registries and real clients, and the commands of its page."""

import hashlib
import http.client
import json
import re
import threading
from pathlib import Path

import images
import pytest
from containerd import start_containerd
from process import run, wait_until
from server import Wharf
from terraform import gone, refusal
from upstream import LOGIN, Upstream, rule, secret

SERVICE = "pullthroughcache.ecr.amazonaws.com"
PAGE = Path(__file__).parents[2] / "docs" / "pull-through-cache.md"
# `cargo xtask bench cache` measures 200 clients and 256 MiB.
CLIENTS, MIB = 50, 32
# What the clients may cost together. One more copy of the layer for each would be 1,600 MiB.
MORE_MIB = 100


@pytest.fixture(params=["docker-registry", "registry"])
def upstream(request, tmp_path):
    upstream = Upstream(request.param, tmp_path / "upstream")
    yield upstream
    upstream.stop()


@pytest.fixture
def distribution(tmp_path):
    upstream = Upstream("registry", tmp_path / "upstream")
    yield upstream
    upstream.stop()


@pytest.fixture(params=["docker-registry", "registry"])
def private(request, tmp_path):
    upstream = Upstream(request.param, tmp_path / "private", has_login=True)
    yield upstream
    upstream.stop()


def copy(wharf, env, name, folder):
    """Pulls all images of an index with skopeo; returns the digest of the index."""
    source = f"docker://{wharf.ref(name, 'v1')}"
    run(["skopeo", "copy", "--all", "--src-tls-verify=false", source, f"oci:{folder}:v1"], env=env)
    return json.loads((folder / "index.json").read_text())["manifests"][0]["digest"]


def test_an_index_is_pulled_through_and_stays(wharf, env, upstream, tmp_path):
    made = images.layout(tmp_path / "made", architectures=("amd64", "arm64"), layers=2, size=300_000)
    upstream.push(made, "team/app")
    name = f"{rule(wharf, upstream)}/team/app"
    assert copy(wharf, env, name, tmp_path / "first") == made.digest
    for digest in [*made.manifests, *made.layers]:
        assert upstream.requests(f"team/app/{'blobs' if digest in made.layers else 'manifests'}/{digest}") == 1
    upstream.stop()
    assert copy(wharf, env, name, tmp_path / "second") == made.digest


def test_the_other_images_of_an_index_follow(wharf, env, upstream, tmp_path):
    made = images.layout(tmp_path / "made", architectures=("amd64", "arm64"), size=300_000)
    upstream.push(made, "team/app")
    name = f"{rule(wharf, upstream)}/team/app"
    run(["skopeo", "inspect", "--tls-verify=false", f"docker://{wharf.ref(name, 'v1')}"], env=env)

    def is_complete():
        listed = {image["imageDigest"] for image in wharf.client("ecr").list_images(repositoryName=name)["imageIds"]}
        check = wharf.client("ecr").batch_check_layer_availability(repositoryName=name, layerDigests=made.layers)
        there = [layer["layerAvailability"] for layer in check["layers"]] == ["AVAILABLE"] * len(made.layers)
        return set(made.manifests) <= listed and there

    wait_until(is_complete, "the rest of the index", seconds=30)
    upstream.stop()
    assert copy(wharf, env, name, tmp_path / "back") == made.digest


def test_containerd_pulls_through_a_mirror(wharf, distribution, short_folder, tmp_path):
    made = images.layout(tmp_path / "made", layers=2)
    distribution.push(made, "team/app")
    prefix = rule(wharf, distribution)
    # The page's file, with these addresses.
    (text,) = commands("As a mirror of containerd", language="toml")
    text = text.replace("https://registry.example.org/v2/quay", f"http://{wharf.registry}/v2/{prefix}")
    hosts = Path(short_folder) / "certs.d" / distribution.address
    hosts.mkdir(parents=True)
    (hosts / "hosts.toml").write_text(text.replace("https://quay.io", "http://127.0.0.1:1"))
    daemon, ctr, env = start_containerd(short_folder)
    try:
        image = f"{distribution.address}/team/app:v1"
        words = ["images", "pull", "--snapshotter", "native", "--hosts-dir", hosts.parent, "--plain-http"]
        run([*ctr, *words, "--user", f"AWS:{wharf.password}", image], env=env)
        assert made.digest in run([*ctr, "images", "ls", f"name=={image}"], env=env)
    finally:
        daemon.stop()
    listed = wharf.client("ecr").list_images(repositoryName=f"{prefix}/team/app")["imageIds"]
    assert made.digest in [image["imageDigest"] for image in listed]


def test_an_upstream_with_a_login_is_pulled_with_its_secret(wharf, env, private, tmp_path):
    made = images.layout(tmp_path / "made", layers=2, size=300_000)
    private.push(made, "team/app")
    ecr, arn = wharf.client("ecr"), secret(wharf)
    prefix = rule(wharf, private)
    said = ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix=prefix)
    assert said["isValid"] is False and "denied access (401)" in said["failure"]
    ecr.update_pull_through_cache_rule(ecrRepositoryPrefix=prefix, credentialArn=arn)
    assert ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix=prefix)["isValid"] is True
    assert copy(wharf, env, f"{prefix}/team/app", tmp_path / "first") == made.digest
    # The rule follows a new value of its secret.
    wrong = json.dumps({"username": LOGIN[0], "accessToken": "wrong"})
    wharf.client("secretsmanager").put_secret_value(SecretId=arn, SecretString=wrong)
    said = ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix=prefix)
    assert said["isValid"] is False and "denied access (401)" in said["failure"]
    assert copy(wharf, env, f"{prefix}/team/app", tmp_path / "second") == made.digest


def test_a_rule_names_a_secret_that_can_be_used(wharf, private):
    ecr, secrets = wharf.client("ecr"), wharf.client("secretsmanager")
    asked = {"ecrRepositoryPrefix": "unused", "upstreamRegistryUrl": private.address}
    arn = secret(wharf)
    absent = arn[:-6] + "absent"
    assert gone(ecr.create_pull_through_cache_rule, **asked, credentialArn=absent) == "SecretNotFoundException"
    secrets.put_secret_value(SecretId=arn, SecretString="no JSON")
    code, said = refusal(ecr.create_pull_through_cache_rule, **asked, credentialArn=arn)
    assert code == "UnableToAccessSecretException" and "username and accessToken" in said
    secrets.put_secret_value(SecretId=arn, SecretString=json.dumps({"username": "a", "accessToken": "b"}))
    role = f"arn:aws:iam::{wharf.account}:role/aws-service-role/{SERVICE}/AWSServiceRoleForECRPullThroughCache"
    action = {"Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    denied = {"Effect": "Deny", "Principal": {"AWS": role}} | action
    policy = json.dumps({"Version": "2012-10-17", "Statement": [denied]})
    secrets.put_resource_policy(SecretId=arn, ResourcePolicy=policy)
    code, said = refusal(ecr.create_pull_through_cache_rule, **asked, credentialArn=arn)
    assert code == "UnableToAccessSecretException" and "explicit deny" in said
    secrets.delete_resource_policy(SecretId=arn)
    prefix = rule(wharf, private, credentialArn=arn)
    secrets.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
    said = ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix=prefix)
    assert said["isValid"] is False and "was not found" in said["failure"]
    docker_hub = {"ecrRepositoryPrefix": "hub", "upstreamRegistryUrl": "registry-1.docker.io"}
    code, said = refusal(ecr.create_pull_through_cache_rule, **docker_hub)
    assert code == "UnsupportedUpstreamRegistryException" and "requires authentication" in said


def commands(*headings, language="sh"):
    """The shell commands of sections of the page, or what they have in another language."""
    sections = re.split(r"^## ", PAGE.read_text(), flags=re.M)
    chosen = [section for heading in headings for section in sections if section.startswith(f"{heading}\n")]
    assert len(chosen) == len(headings)
    return [block for section in chosen for block in re.findall(rf"```{language}\n(.*?)```", section, re.S)]


def test_the_commands_of_the_page(wharf, env, distribution, tmp_path):
    made = images.layout(tmp_path / "made")
    distribution.push(made, "prometheus/node-exporter", "v1.8.0")
    lines = [line for block in commands("Create a rule", "Pull") for line in block.splitlines() if line]
    aws = [line for line in lines if line.startswith("aws ")]
    answers = [wharf.aws(*line.replace("quay.io", distribution.address).split()[1:]) for line in aws]
    assert answers[0]["ecrRepositoryPrefix"] == "quay" and answers[1]["isValid"] is True
    refresh = [line for line in lines if line.startswith("wharf ")]
    (pull,) = [line for line in lines if line.startswith("docker pull ")]
    image = pull.removeprefix("docker pull ").replace("$REGISTRY", wharf.registry)
    said = run(["skopeo", "inspect", "--tls-verify=false", f"docker://{image}"], env=env)
    assert json.loads(said)["Digest"] == made.digest
    (refreshed,) = [run([wharf.binary, *line.split()[1:]], env=env | wharf.env) for line in refresh]
    assert refreshed.startswith("1 tags")
    wharf.client("ecr").delete_pull_through_cache_rule(ecrRepositoryPrefix="quay")


def test_the_commands_for_a_login(wharf, env, private, tmp_path):
    made = images.layout(tmp_path / "made")
    private.push(made, "library/app")
    (script,) = commands("Log in to the upstream registry")
    for name, value in [
        ("registry-1.docker.io", private.address),
        ('"username":"reader"', f'"username":"{LOGIN[0]}"'),
        ("dckr_pat_example", LOGIN[1]),
    ]:
        assert name in script
        script = script.replace(name, value)
    said = run(["sh", "-euc", script], env=env | wharf.env)
    assert '"isValid": true' in said
    image = f"docker://{wharf.ref('docker-hub/library/app', 'v1')}"
    assert json.loads(run(["skopeo", "inspect", "--tls-verify=false", image], env=env))["Digest"] == made.digest
    wharf.client("ecr").delete_pull_through_cache_rule(ecrRepositoryPrefix="docker-hub")
    absent = {"SecretId": "ecr-pullthroughcache/docker-hub", "ForceDeleteWithoutRecovery": True}
    wharf.client("secretsmanager").delete_secret(**absent)
    wharf.client("ecr").delete_repository(repositoryName="docker-hub/library/app", force=True)


def test_the_commands_for_ecr(wharf, env):
    """AWS is not called: the rule is only written."""
    (script,) = commands("ECR of AWS, or of another deployment")
    made = json.loads(run(["sh", "-euc", script], env=env | wharf.env))
    assert made["upstreamRegistry"] == "ecr"
    wharf.client("ecr").delete_pull_through_cache_rule(ecrRepositoryPrefix="aws")
    absent = {"SecretId": "ecr-pullthroughcache/aws", "ForceDeleteWithoutRecovery": True}
    wharf.client("secretsmanager").delete_secret(**absent)


def test_the_operator_allows_upstream_registries(distribution, tmp_path):
    made, other = (images.layout(tmp_path / name, tag=name) for name in ("v1", "v2"))
    distribution.push(made, "team/app", "v1")
    distribution.push(other, "team/app", "v2")
    server = Wharf(tmp_path / "before")
    try:
        name = f"{rule(server, distribution)}/team/app"
        assert server.http("GET", f"/v2/{name}/manifests/v1")[0] == 200
    finally:
        server.stop()
    settings = {"WHARF__PULL_THROUGH__ALLOW_UPSTREAMS": '["*.example.org", "quay.io"]'}
    server = Wharf(tmp_path / "after", settings=settings, data=server.data)
    try:
        asked = {"ecrRepositoryPrefix": "other", "upstreamRegistryUrl": distribution.address}
        code, said = refusal(server.client("ecr").create_pull_through_cache_rule, **asked)
        assert code == "UnsupportedUpstreamRegistryException"
        assert f"the operator of this deployment does not allow {distribution.address}" in said
        # The rule is older than the setting: what it stored is served, and nothing is fetched.
        assert server.http("GET", f"/v2/{name}/manifests/v1")[0] == 200
        status, _, body = server.http("GET", f"/v2/{name}/manifests/v2")
        (error,) = json.loads(body)["errors"]
        assert (status, error["code"]) == (403, "DENIED")
        assert f"does not allow the upstream registry {distribution.address}" in error["message"]
        assert distribution.requests("team/app/manifests/v2") == 0
        asked = {"ecrRepositoryPrefix": "quay", "upstreamRegistryUrl": "quay.io"}
        server.client("ecr").create_pull_through_cache_rule(**asked)
    finally:
        server.stop()


def test_many_clients_pull_one_new_image(wharf, distribution, tmp_path):
    made = images.layout(tmp_path / "made", size=MIB << 20)
    distribution.push(made, "team/app")
    name = f"{rule(wharf, distribution)}/team/app"
    (layer,) = made.layers
    (config,) = made.configs
    begin, digests = threading.Barrier(CLIENTS), []
    process = Path(f"/proc/{wharf.daemon.process.pid}")

    def memory(field):
        return int(re.search(rf"{field}:\s+(\d+) kB", (process / "status").read_text()).group(1)) // 1024

    # The peak of what was before is forgotten.
    (process / "clear_refs").write_text("5")
    before = memory("VmRSS")

    def get(connection, path):
        connection.request("GET", f"/v2/{name}/{path}", headers={"Authorization": wharf.basic})
        answer, hashed = connection.getresponse(), hashlib.sha256()
        while part := answer.read(1 << 20):
            hashed.update(part)
        return f"sha256:{hashed.hexdigest()}"

    def pull():
        connection = http.client.HTTPConnection(wharf.registry, timeout=300)
        begin.wait()
        digests.append([get(connection, path) for path in ("manifests/v1", f"blobs/{config}", f"blobs/{layer}")])

    threads = [threading.Thread(target=pull) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert digests == [[made.digest, config, layer]] * CLIENTS
    for path in ("manifests/v1", f"blobs/{config}", f"blobs/{layer}"):
        assert distribution.requests(f"team/app/{path}") == 1, path
    added = memory("VmHWM") - before
    print(f"{added} MiB more memory at the peak")
    assert added < MORE_MIB, "the layer is not held in memory for each client"
