"""skopeo: copies between the server, layouts and folders; the content stays the same, byte for byte."""

import json

import images
import pytest
from process import run


def test_an_index_is_pushed_and_pulled_unchanged(wharf, env, push, tmp_path):
    name = wharf.repository("skopeo")
    made = images.layout(tmp_path / "made", architectures=("amd64", "arm64"), layers=3)
    push(made, name)
    back = f"oci:{tmp_path / 'back'}:latest"
    run(["skopeo", "copy", "--all", "--src-tls-verify=false", f"docker://{wharf.ref(name)}", back], env=env)
    index = json.loads((tmp_path / "back" / "index.json").read_text())
    assert index["manifests"][0]["digest"] == made.digest
    for digest in [made.digest, *made.manifests, *made.layers]:
        blob = f"blobs/sha256/{digest.removeprefix('sha256:')}"
        assert (tmp_path / "back" / blob).read_bytes() == (made.folder / blob).read_bytes()


def test_copy_between_repositories_keeps_the_digest(wharf, env, push, tmp_path):
    source, target = wharf.repository("skopeo"), wharf.repository("skopeo")
    made = images.layout(tmp_path / "made", architectures=("amd64", "arm64"))
    push(made, source)
    ends = [f"docker://{wharf.ref(source)}", f"docker://{wharf.ref(target, 'copied')}"]
    run(["skopeo", "copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false", *ends], env=env)
    raw = run(["skopeo", "inspect", "--raw", "--tls-verify=false", ends[1]], env=env)
    assert images.digest_of(raw.encode()) == made.digest


def test_pull_by_digest_into_a_folder(wharf, env, push, tmp_path):
    name = wharf.repository("skopeo")
    made = images.layout(tmp_path / "made")
    push(made, name)
    run(
        ["skopeo", "copy", "--src-tls-verify=false", f"docker://{wharf.ref(name, made.digest)}", f"dir:{tmp_path / 'dir'}"],
        env=env,
    )
    assert images.digest_of((tmp_path / "dir" / "manifest.json").read_bytes()) == made.digest


def test_docker_schema_2_keeps_its_media_type(wharf, env, tmp_path):
    name = wharf.repository("skopeo")
    made = images.layout(tmp_path / "made")
    target = f"docker://{wharf.ref(name, 'v2s2')}"
    run(["skopeo", "copy", "--format", "v2s2", "--dest-tls-verify=false", made.skopeo, target], env=env)
    raw = json.loads(run(["skopeo", "inspect", "--raw", "--tls-verify=false", target], env=env))
    assert raw["mediaType"] == "application/vnd.docker.distribution.manifest.v2+json"


def test_list_tags_and_delete(wharf, env, push, tmp_path):
    name = wharf.repository("skopeo")
    made = images.layout(tmp_path / "made")
    other = images.layout(tmp_path / "other")
    push(made, name, "b")
    push(made, name, "a")
    push(other, name, "kept")
    listed = json.loads(run(["skopeo", "list-tags", "--tls-verify=false", f"docker://{wharf.registry}/{name}"], env=env))
    assert listed["Tags"] == ["a", "b", "kept"]
    # skopeo resolves the tag and deletes the manifest by digest, so both tags are deleted.
    run(["skopeo", "delete", "--tls-verify=false", f"docker://{wharf.ref(name, 'a')}"], env=env)
    listed = json.loads(run(["skopeo", "list-tags", "--tls-verify=false", f"docker://{wharf.registry}/{name}"], env=env))
    assert listed["Tags"] == ["kept"]
    run(["skopeo", "inspect", "--tls-verify=false", f"docker://{wharf.ref(name, 'b')}"], env=env, refused=True)


def test_wrong_credentials_are_refused(wharf, home, push, tmp_path, env):
    name = wharf.repository("skopeo")
    push(images.layout(tmp_path / "made"), name)
    inspect = ["skopeo", "inspect", "--tls-verify=false", f"docker://{wharf.ref(name)}"]
    said = run([*inspect, "--creds", "AWS:not-a-token"], env=env, refused=True)
    assert "denied" in said.lower() or "unauthorized" in said.lower() or "invalid" in said.lower(), said
    (home / "auth.json").write_text("{}")
    # Without credentials skopeo answers a Basic challenge with an empty name and password.
    said = run([*inspect, "--no-creds"], env=env, refused=True)
    assert "denied" in said.lower() or "unauthorized" in said.lower() or "authentication" in said.lower(), said


@pytest.mark.parametrize("tool", ["skopeo", "podman"])
def test_a_wrong_password_has_a_clear_error(tool, wharf, env, tmp_path):
    said = run(
        [tool, "login", "--tls-verify=false", "--authfile", str(tmp_path / "auth.json"), "--username", "AWS",
         "--password-stdin", wharf.registry],
        env=env, input="not-a-token", refused=True,
    )
    assert "invalid username/password" in said


def test_a_push_to_a_new_name_follows_its_template(wharf, env, push, tmp_path):
    ecr, prefix = wharf.client("ecr"), "templated-skopeo"
    ecr.create_repository_creation_template(
        prefix=prefix, appliedFor=["CREATE_ON_PUSH"], imageTagMutability="IMMUTABLE"
    )
    name = f"{prefix}/app"
    made = images.layout(tmp_path / "made", layers=2)
    push(made, name)
    (created,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
    assert created["imageTagMutability"] == "IMMUTABLE"
    ecr.delete_repository_creation_template(prefix=prefix)


def test_without_the_setting_a_new_name_is_refused(wharf, env, tmp_path):
    ecr = wharf.client("ecr")
    made = images.layout(tmp_path / "made")
    ecr.put_account_setting(name="WHARF_CREATE_ON_PUSH", value="DISABLED")
    try:
        target = f"docker://{wharf.ref('new/skopeo-refused')}"
        said = run(
            ["skopeo", "copy", "--all", "--dest-tls-verify=false", made.skopeo, target], env=env, refused=True
        )
    finally:
        ecr.put_account_setting(name="WHARF_CREATE_ON_PUSH", value="ENABLED")
    assert "does not exist in the registry" in said or "name unknown" in said, said
