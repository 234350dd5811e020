"""ECR Public with the AWS CLI, crane, podman and docker: logged in, and without credentials."""

import base64
import json
import uuid

import images
import pytest
from process import environment, run
from server import Wharf

REGION = ["--region", "us-east-1"]


class Public:
    """A public repository, and how clients reach it."""

    def __init__(self, wharf):
        self.wharf = wharf
        self.name = f"gallery/{uuid.uuid4().hex[:12]}"
        made = self.api("create-repository", "--repository-name", self.name)["repository"]
        self.uri = made["repositoryUri"]
        self.password = self.api("get-login-password", output=None).strip()

    def api(self, *words, **options):
        return self.wharf.aws("ecr-public", *words, *REGION, **options)

    def ref(self, tag):
        return f"{self.uri}:{tag}"


@pytest.fixture
def public(wharf):
    return Public(wharf)


@pytest.fixture
def logged_in(public, home):
    """The environment of a client with the password of ECR Public."""
    basic = base64.b64encode(f"AWS:{public.password}".encode()).decode()
    (home / ".docker").mkdir()
    auths = {public.wharf.registry: {"auth": basic}}
    (home / ".docker" / "config.json").write_text(json.dumps({"auths": auths}))
    return environment(home)


@pytest.fixture
def stranger(tmp_path):
    """The environment of a client without credentials."""
    folder = tmp_path / "stranger"
    folder.mkdir()
    return environment(folder)


def crane(env, *words, **options):
    return run(["crane", *words, "--insecure"], env=env, **options).strip()


@pytest.fixture
def pushed(public, logged_in, tmp_path):
    """An image of two architectures, tagged v1."""
    made = images.layout(tmp_path / "made", architectures=("amd64", "arm64"), layers=2)
    crane(logged_in, "push", "--index", made.folder, public.ref("v1"))
    return made


def test_the_uri_has_the_alias_and_no_account(public):
    (registry,) = public.api("describe-registries")["registries"]
    (alias,) = registry["aliases"]
    assert alias["status"] == "ACTIVE" and alias["primaryRegistryAlias"] and alias["defaultRegistryAlias"]
    assert public.uri == f"{registry['registryUri']}/{public.name}"
    assert public.uri == f"{public.wharf.registry}/public.ecr.aws/{alias['name']}/{public.name}"
    assert registry["registryArn"].startswith(f"arn:aws:ecr-public::{public.wharf.account}:registry/")


def test_crane_pushes_logged_in_and_pulls_without_credentials(public, pushed, stranger, tmp_path):
    assert crane(stranger, "ls", public.uri).split() == ["v1"]
    assert crane(stranger, "digest", public.ref("v1")) == crane(stranger, "digest", public.ref("v1"))
    assert crane(stranger, "validate", "--remote", public.ref("v1")).startswith("PASS")
    crane(stranger, "pull", "--format", "oci", public.ref("v1"), tmp_path / "back")
    for layer in pushed.layers:
        assert (tmp_path / "back" / "blobs" / "sha256" / layer.removeprefix("sha256:")).exists()
    said = crane(stranger, "tag", public.ref("v1"), "v2", refused=True)
    assert "UNAUTHORIZED" in said or "401" in said or "DENIED" in said, said
    said = crane(stranger, "push", "--index", pushed.folder, public.ref("v2"), refused=True)
    assert "401" in said or "UNAUTHORIZED" in said, said


def test_the_private_registry_does_not_know_it(public, pushed):
    listed = public.wharf.aws("ecr", "describe-repositories")["repositories"]
    assert public.name not in [repository["repositoryName"] for repository in listed]
    status, _, body = public.wharf.http("GET", f"/v2/{public.name}/manifests/v1")
    assert (status, json.loads(body)["errors"][0]["code"]) == (404, "NAME_UNKNOWN")


def test_images_and_tags_are_described(public, pushed, logged_in):
    crane(logged_in, "tag", public.ref("v1"), "v2")
    details = public.api("describe-images", "--repository-name", public.name)["imageDetails"]
    (tagged,) = [detail for detail in details if detail.get("imageTags")]
    assert sorted(tagged["imageTags"]) == ["v1", "v2"]
    tags = public.api("describe-image-tags", "--repository-name", public.name, "--page-size", "1")["imageTagDetails"]
    assert [tag["imageTag"] for tag in tags] == ["v1", "v2"]
    assert {tag["imageDetail"]["imageDigest"] for tag in tags} == {tagged["imageDigest"]}
    ids = ["--image-ids", "imageTag=v2"]
    deleted = public.api("batch-delete-image", "--repository-name", public.name, *ids)["imageIds"]
    assert [image["imageTag"] for image in deleted] == ["v2"]
    said = public.api("delete-repository", "--repository-name", public.name, refused=True)
    assert "RepositoryNotEmptyException" in said
    public.api("delete-repository", "--repository-name", public.name, "--force")


def test_catalog_data_and_its_logo(public, tmp_path):
    logo = tmp_path / "logo.png"
    logo.write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 1000)
    catalog = {"description": "d", "architectures": ["x86-64"], "operatingSystems": ["Linux"], "aboutText": "# about"}
    boto3 = public.wharf.client("ecr-public", region="us-east-1")
    whole = catalog | {"logoImageBlob": logo.read_bytes()}
    shown = boto3.put_repository_catalog_data(repositoryName=public.name, catalogData=whole)["catalogData"]
    assert {key: shown[key] for key in catalog} == catalog
    assert public.api("get-repository-catalog-data", "--repository-name", public.name)["catalogData"] == shown
    status, headers, body = public.wharf.http("GET", shown["logoUrl"].split(public.wharf.registry)[1])
    assert (status, headers["content-type"], body) == (200, "image/png", logo.read_bytes())


def test_another_region_has_no_public_registries(public):
    said = public.wharf.aws("ecr-public", "describe-registries", "--region", "eu-west-1", refused=True)
    assert "UnsupportedCommandException" in said, said


@pytest.fixture
def podman(home, short_folder):
    base = ["podman", "--root", f"{home}/storage", "--runroot", f"{short_folder}/podman", "--storage-driver", "vfs"]
    base += ["--cgroup-manager", "cgroupfs", "--events-backend", "file"]
    return lambda *words, **options: run([*base, *words], env=environment(home), **options)


def test_podman_pulls_without_credentials_and_pushes_logged_in(public, podman, tmp_path):
    podman("build", "-t", public.ref("podman"), images.build_context(tmp_path / "context"))
    assert podman("push", "--tls-verify=false", public.ref("podman"), refused=True)
    words = ["login", "--tls-verify=false", "-u", "AWS", "--password-stdin", public.wharf.registry]
    podman(*words, input=public.password)
    podman("push", "--tls-verify=false", public.ref("podman"))
    podman("logout", public.wharf.registry)
    podman("rmi", "--all", "--force")
    podman("pull", "--tls-verify=false", public.ref("podman"))


@pytest.fixture(scope="module")
def own_host(tmp_path_factory):
    """A server at which `localhost` is the host of public registries, and `127.0.0.1` that of private ones."""
    hosts = {"WHARF__SERVER__ECR_PUBLIC_HOST": "localhost", "WHARF__SERVER__PUBLIC_HOST": "127.0.0.1"}
    server = Wharf(tmp_path_factory.mktemp("own-host"), hosts)
    yield server
    server.stop()


@pytest.fixture
def docker(engine, home):
    env = engine | {"HOME": str(home), "DOCKER_BUILDKIT": "0"}
    return lambda *words, **options: run(["docker", *words], env=env, **options)


def log_in(docker, server, password):
    said = docker("login", "--username", "AWS", "--password-stdin", server, input=password)
    assert "Login Succeeded" in said


def test_docker_gets_a_token_for_its_password_and_for_nothing(own_host, docker, tmp_path):
    public = Public(own_host)
    host = public.uri.split("/")[0]
    assert host.startswith("localhost:") and own_host.registry.startswith("127.0.0.1:")
    ref = public.ref("docker")
    docker("build", "-q", "-t", ref, images.build_context(tmp_path / "context"))
    assert "denied" in docker("push", ref, refused=True)
    log_in(docker, host, public.password)
    docker("push", ref)
    docker("logout", host)
    docker("image", "rm", "-f", ref)
    docker("pull", ref)
    # The password of private registries is not one here.
    said = docker("login", "-u", "AWS", "--password-stdin", host, input=own_host.password, refused=True)
    assert "Login Succeeded" not in said


def test_crane_gets_a_token_for_its_password_and_for_nothing(own_host, stranger, home, tmp_path):
    public = Public(own_host)
    made = images.layout(tmp_path / "made")
    auths = {public.uri.split("/")[0]: {"auth": base64.b64encode(f"AWS:{public.password}".encode()).decode()}}
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").write_text(json.dumps({"auths": auths}))
    crane(environment(home), "push", "--index", made.folder, public.ref("v1"))
    assert crane(stranger, "ls", public.uri).split() == ["v1"]
    assert crane(stranger, "validate", "--remote", public.ref("v1")).startswith("PASS")
    assert "DENIED" in crane(stranger, "push", "--index", made.folder, public.ref("v2"), refused=True)


def test_docker_pulls_by_path_after_any_login(public, docker, tmp_path):
    ref, host = public.ref("docker"), public.wharf.registry
    docker("build", "-q", "-t", ref, images.build_context(tmp_path / "context"))
    log_in(docker, host, public.password)
    docker("push", ref)
    log_in(docker, host, public.wharf.password)
    docker("image", "rm", "-f", ref)
    docker("pull", ref)
    assert docker("push", ref, refused=True)
