"""The docker engine, with its own daemon, folders and socket."""

import json
import os

import images
import pytest
from process import run


@pytest.fixture
def docker(engine, wharf, home):
    """The docker command, logged in as ECR's documentation describes."""

    def command(*words, **options):
        env = engine | {"HOME": str(home), "DOCKER_BUILDKIT": options.pop("buildkit", "0")}
        return run(["docker", *words], env=env, **options)

    token = wharf.aws("ecr", "get-login-password", output=None)
    said = command("login", "--username", "AWS", "--password-stdin", wharf.registry, input=token)
    assert "Login Succeeded" in said
    return command


def digest_in(said):
    """The digest that `docker push` and `docker pull` report."""
    return next(word for line in said.splitlines() for word in line.split() if word.startswith("sha256:"))


@pytest.mark.parametrize("buildkit", ["0", "1"], ids=["classic builder", "buildkit"])
def test_build_push_and_pull(docker, wharf, tmp_path, buildkit):
    name = wharf.repository("docker")
    ref = wharf.ref(name, "v1")
    docker("build", "-q", "-t", ref, images.build_context(tmp_path / "context"), buildkit=buildkit)
    image = docker("image", "inspect", "--format", "{{.Id}}", ref)
    digest = digest_in(docker("push", ref))
    by_digest = wharf.ref(name, digest)

    docker("image", "rm", "-f", image.strip())
    assert digest in docker("pull", ref)
    assert docker("image", "inspect", "--format", "{{.Id}}", ref) == image

    docker("image", "rm", "-f", image.strip())
    docker("pull", by_digest)
    assert docker("image", "inspect", "--format", "{{.Id}}", by_digest) == image

    listed = wharf.aws("ecr", "describe-images", "--repository-name", name)["imageDetails"]
    assert [(detail["imageDigest"], detail["imageTags"]) for detail in listed] == [(digest, ["v1"])]


def test_a_large_layer_is_pushed_and_pulled_unchanged(docker, wharf, tmp_path):
    ref = wharf.ref(wharf.repository("docker"))
    docker("build", "-q", "-t", ref, images.build_context(tmp_path / "context", size=48 << 20))
    image = docker("image", "inspect", "--format", "{{.Id}}", ref)
    docker("push", ref)
    docker("image", "rm", "-f", image.strip())
    docker("pull", ref)
    # The engine checks every layer against the digests in the configuration that the image id is made of.
    assert docker("image", "inspect", "--format", "{{.Id}}", ref) == image


def test_a_second_push_sends_nothing_and_a_new_repository_mounts(docker, wharf, tmp_path):
    first, second = wharf.ref(wharf.repository("docker")), wharf.ref(wharf.repository("docker"))
    docker("build", "-q", "-t", first, images.build_context(tmp_path / "context"))
    digest = digest_in(docker("push", first))
    again = docker("push", first)
    assert "Layer already exists" in again
    assert "Pushed" not in again
    docker("tag", first, second)
    said = docker("push", second)
    assert "Mounted from" in said
    assert digest_in(said) == digest


def test_a_multi_architecture_manifest_list(docker, wharf, tmp_path):
    name = wharf.repository("docker")
    refs = {}
    for architecture in ("amd64", "arm64"):
        refs[architecture] = wharf.ref(name, architecture)
        docker("build", "-q", "-t", refs[architecture], images.build_context(tmp_path / architecture))
        docker("push", refs[architecture])
    multi = wharf.ref(name, "multi")
    docker("manifest", "create", "--insecure", multi, *refs.values())
    docker("manifest", "annotate", "--arch", "arm64", multi, refs["arm64"])
    docker("manifest", "push", "--insecure", multi)
    listed = json.loads(docker("manifest", "inspect", "--insecure", multi))
    assert sorted(entry["platform"]["architecture"] for entry in listed["manifests"]) == ["amd64", "arm64"]
    docker("pull", multi)
    ids = [docker("image", "inspect", "--format", "{{.Id}}", ref) for ref in (multi, refs["amd64"])]
    assert ids[0] == ids[1]


def test_wrong_password_and_missing_repository(docker, wharf, tmp_path):
    said = docker(
        "login", "--username", "AWS", "--password-stdin", wharf.registry, input="not-a-token", refused=True
    )
    assert "Login Succeeded" not in said
    ref = wharf.ref("docker/never-created")
    docker("build", "-q", "-t", ref, images.build_context(tmp_path / "context"))
    # The failed login must not have changed the valid one.
    ecr = wharf.client("ecr")
    ecr.put_account_setting(name="WHARF_CREATE_ON_PUSH", value="DISABLED")
    try:
        said = docker("push", ref, refused=True)
    finally:
        ecr.put_account_setting(name="WHARF_CREATE_ON_PUSH", value="ENABLED")
    assert "The repository with name 'docker/never-created' does not exist in the registry with id" in said


def test_without_login_nothing_is_pulled(docker, engine, wharf, tmp_path):
    ref = wharf.ref(wharf.repository("docker"))
    docker("build", "-q", "-t", ref, images.build_context(tmp_path / "context"))
    docker("push", ref)
    docker("image", "rm", "-f", ref)
    docker("logout", wharf.registry)
    said = docker("pull", ref, refused=True)
    assert "no basic auth credentials" in said or "unauthorized" in said.lower(), said


def test_a_push_to_a_new_name_just_works(docker, wharf, tmp_path):
    ref = wharf.ref(f"new/docker-{os.urandom(4).hex()}", "v1")
    docker("build", "-q", "-t", ref, images.build_context(tmp_path / "context"))
    digest = digest_in(docker("push", ref))
    docker("image", "rm", "-f", ref)
    assert digest in docker("pull", ref)


@pytest.mark.parametrize("form", ["oci", "v2s2"])
def test_an_image_of_either_format(docker, wharf, push, tmp_path, form):
    name = wharf.repository("docker")
    push(images.layout(tmp_path / "made"), name, form=form)
    (stored,) = wharf.client("ecr").describe_images(repositoryName=name)["imageDetails"]
    assert digest_in(docker("pull", wharf.ref(name))) == stored["imageDigest"]
    docker("image", "rm", "-f", wharf.ref(name))
    docker("pull", wharf.ref(name, stored["imageDigest"]))
