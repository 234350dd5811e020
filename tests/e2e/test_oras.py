"""oras: artifacts of any kind, files attached to an image, and copies that include the attachments."""

import json

import images
import pytest
from process import run


@pytest.fixture
def oras(env, tmp_path):
    return lambda *words, **options: run(["oras", *words], env=env, cwd=tmp_path, **options).strip()


def attach(oras, ref, path, kind, content):
    path.write_text(content)
    said = oras("attach", "--plain-http", "--artifact-type", kind, "--format", "json", ref, f"{path.name}:text/plain")
    return json.loads(said)["digest"]


def referrers_of(oras, ref, *more):
    said = json.loads(oras("discover", "--plain-http", "--format", "json", *more, ref))
    return {entry["digest"]: entry["artifactType"] for entry in said.get("referrers") or said.get("manifests") or []}


def test_push_and_pull_an_artifact(oras, wharf, tmp_path):
    name = wharf.repository("oras")
    (tmp_path / "notes.txt").write_text("what an artifact holds")
    kind = "application/vnd.example.notes"
    oras("push", "--plain-http", "--artifact-type", kind, wharf.ref(name, "v1"), "notes.txt:text/plain")
    oras("pull", "--plain-http", "-o", tmp_path / "back", wharf.ref(name, "v1"))
    assert (tmp_path / "back" / "notes.txt").read_text() == "what an artifact holds"
    assert json.loads(oras("manifest", "fetch", "--plain-http", wharf.ref(name, "v1")))["artifactType"] == kind
    assert oras("repo", "tags", "--plain-http", f"{wharf.registry}/{name}") == "v1"


def test_attach_and_discover(oras, wharf, push, tmp_path):
    name = wharf.repository("oras")
    made = images.layout(tmp_path / "made")
    push(made, name)
    ref = wharf.ref(name)
    bill = attach(oras, ref, tmp_path / "bill.txt", "application/vnd.example.bill", "parts")
    seal = attach(oras, ref, tmp_path / "seal.txt", "application/vnd.example.seal", "wax")
    both = {bill: "application/vnd.example.bill", seal: "application/vnd.example.seal"}
    assert referrers_of(oras, ref) == both
    filtered = referrers_of(oras, ref, "--artifact-type", "application/vnd.example.seal")
    assert filtered == {seal: "application/vnd.example.seal"}
    # Referrers of the image are not tags of the repository.
    assert oras("repo", "tags", "--plain-http", f"{wharf.registry}/{name}") == "latest"


def test_a_recursive_copy_takes_referrers_of_referrers(oras, wharf, push, tmp_path):
    source, target = wharf.repository("oras"), wharf.repository("oras")
    made = images.layout(tmp_path / "made", architectures=("amd64", "arm64"))
    push(made, source)
    bill = attach(oras, wharf.ref(source), tmp_path / "bill.txt", "application/vnd.example.bill", "parts")
    seal = attach(oras, wharf.ref(source, bill), tmp_path / "seal.txt", "application/vnd.example.seal", "wax")
    ends = [wharf.ref(source), wharf.ref(target, "copied")]
    oras("cp", "-r", "--from-plain-http", "--to-plain-http", *ends)
    assert list(referrers_of(oras, wharf.ref(target, made.digest), "--depth", "1")) == [bill]
    assert list(referrers_of(oras, wharf.ref(target, bill))) == [seal]
    oras("pull", "--plain-http", "-o", tmp_path / "back", wharf.ref(target, seal))
    assert (tmp_path / "back" / "seal.txt").read_text() == "wax"


def test_blob_commands_and_manifest_delete(oras, wharf, tmp_path):
    name = wharf.repository("oras")
    (tmp_path / "blob").write_bytes(content := images.noise(3000))
    digest = images.digest_of(content)
    at = f"{wharf.registry}/{name}@{digest}"
    oras("blob", "push", "--plain-http", at, "blob")
    oras("blob", "fetch", "--plain-http", "--output", tmp_path / "fetched", at)
    assert (tmp_path / "fetched").read_bytes() == content
    oras("blob", "delete", "--plain-http", "--force", at)
    oras("blob", "fetch", "--plain-http", "--output", tmp_path / "gone", at, refused=True)
    oras("push", "--plain-http", wharf.ref(name, "x"), "blob:text/plain")
    oras("manifest", "delete", "--plain-http", "--force", wharf.ref(name, "x"))
    oras("manifest", "fetch", "--plain-http", wharf.ref(name, "x"), refused=True)
