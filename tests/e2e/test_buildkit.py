"""BuildKit: an index with attestations, and the build cache in the registry."""

import json

import images
import pytest
from process import Daemon, answers, environment, run


@pytest.fixture(scope="module")
def daemon_env(short_folder, wharf):
    config = f"{short_folder}/buildkitd.toml"
    with open(config, "w") as file:
        file.write(f'[registry."{wharf.registry}"]\nhttp = true\n')
        file.write('[worker.oci]\nsnapshotter = "native"\n[worker.containerd]\nenabled = false\n')
    address = f"unix://{short_folder}/buildkit.sock"
    env = environment(short_folder, {"BUILDKIT_HOST": address})
    words = ["buildkitd", "--config", config, "--root", f"{short_folder}/root", "--addr", address]
    daemon = Daemon(words, env=env, log=f"{short_folder}/log", ready=answers(["buildctl", "debug", "workers"], env))
    yield env
    daemon.stop()


@pytest.fixture
def build(daemon_env, env, home):
    """Builds a folder's Dockerfile; the credentials are those of the docker configuration."""

    def command(context, *words):
        base = ["buildctl", "build", "--progress=plain", "--frontend", "dockerfile.v0"]
        base += ["--local", f"context={context}", "--local", f"dockerfile={context}"]
        words = [*base, *words]
        return run(["sh", "-c", '"$@" 2>&1', "sh", *words], env=env | daemon_env | {"HOME": str(home)})

    return command


def test_an_index_with_attestations(build, wharf, env, tmp_path):
    name = wharf.repository("buildkit")
    ref = wharf.ref(name)
    context = images.build_context(tmp_path / "context")
    platforms = ["--opt", "platform=linux/amd64,linux/arm64", "--opt", "attest:provenance=mode=max"]
    build(context, *platforms, "--output", f"type=image,name={ref},push=true,oci-mediatypes=true")
    index = json.loads(run(["skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{ref}"], env=env))
    kinds = [entry.get("annotations", {}).get("vnd.docker.reference.type", "image") for entry in index["manifests"]]
    assert sorted(kinds) == ["attestation-manifest", "attestation-manifest", "image", "image"]
    assert run(["crane", "validate", "--insecure", "--remote", ref], env=env).startswith("PASS")


@pytest.mark.parametrize("manifest", ["true", "false"], ids=["as an image", "as an index"])
def test_the_cache_is_exported_and_imported(build, daemon_env, wharf, env, tmp_path, manifest):
    cache = wharf.ref(wharf.repository("buildkit"), "cache")
    context = images.build_context(tmp_path / "context")
    to = f"type=registry,ref={cache},mode=max,image-manifest={manifest},oci-mediatypes=true"
    first = build(context, "--export-cache", to, "--output", f"type=tar,dest={tmp_path / 'first.tar'}")
    assert "CACHED" not in first
    run(["buildctl", "prune", "--all"], env=daemon_env)
    words = ["--import-cache", f"type=registry,ref={cache}", "--output", f"type=tar,dest={tmp_path / 'second.tar'}"]
    second = build(context, *words)
    # A step whose result came from the cache says so, or unpacks the layer that it fetched instead of running.
    for step in ("[1/2] COPY", "[2/2] COPY"):
        number = next(line.split()[0] for line in second.splitlines() if step in line)
        said = [line for line in second.splitlines() if line.startswith(f"{number} ")]
        assert any("CACHED" in line or "extracting sha256:" in line for line in said), second
