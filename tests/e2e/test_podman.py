"""podman: login, build, push, pull, and an index for two architectures."""

import json

import images
import pytest
from process import environment, run


@pytest.fixture
def podman(wharf, home, short_folder):
    env = environment(home)
    base = ["podman", "--root", f"{home}/storage", "--runroot", f"{short_folder}/podman", "--storage-driver", "vfs"]
    base += ["--cgroup-manager", "cgroupfs", "--events-backend", "file"]

    def command(*words, **options):
        return run([*base, *words], env=env, **options)

    command("login", "--tls-verify=false", "-u", "AWS", "--password-stdin", wharf.registry, input=wharf.password)
    return command


def test_build_push_and_pull(podman, wharf, tmp_path):
    name = wharf.repository("podman")
    ref = wharf.ref(name)
    podman("build", "-t", ref, images.build_context(tmp_path / "context"))
    image = podman("image", "inspect", "--format", "{{.Id}}", ref)
    podman("push", "--tls-verify=false", "--digestfile", tmp_path / "digest", ref)
    digest = (tmp_path / "digest").read_text().strip()
    for pulled in (ref, wharf.ref(name, digest)):
        podman("rmi", "--all", "--force")
        podman("pull", "--tls-verify=false", pulled)
        assert podman("image", "inspect", "--format", "{{.Id}}", pulled) == image


def test_an_index_for_two_architectures(podman, wharf, env, tmp_path):
    ref = wharf.ref(wharf.repository("podman"), "multi")
    podman("manifest", "create", "multi")
    for architecture in ("amd64", "arm64"):
        context = images.build_context(tmp_path / architecture)
        podman("build", "--platform", f"linux/{architecture}", "--manifest", "multi", context)
    podman("manifest", "push", "--all", "--tls-verify=false", "multi", f"docker://{ref}")
    podman("rmi", "--all", "--force")
    index = json.loads(run(["skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{ref}"], env=env))
    assert sorted(entry["platform"]["architecture"] for entry in index["manifests"]) == ["amd64", "arm64"]
    podman("pull", "--tls-verify=false", "--arch", "arm64", ref)
    assert podman("image", "inspect", "--format", "{{.Architecture}}", ref).strip() == "arm64"


def test_a_wrong_password_is_refused(podman, wharf):
    words = ["login", "--tls-verify=false", "-u", "AWS", "-p", "wrong", wharf.registry]
    assert "Login Succeeded" not in podman(*words, refused=True)
