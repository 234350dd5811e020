"""crane (go-containerregistry): copy, list, digest, mutate, delete."""

import json

import images
import pytest
from process import run


@pytest.fixture
def crane(env):
    return lambda *words, **options: run(["crane", *words, "--insecure"], env=env, **options).strip()


def test_push_a_layout_and_pull_it_back(crane, wharf, tmp_path):
    name = wharf.repository("crane")
    made = images.layout(tmp_path / "made", architectures=("amd64", "arm64"), layers=2)
    crane("push", "--index", made.folder, wharf.ref(name, "v1"))
    top = json.loads((made.folder / "index.json").read_text())["manifests"][0]["digest"]
    # crane pushes the layout's own index, whose one entry is the image index.
    assert top in crane("manifest", wharf.ref(name, "v1"))
    crane("pull", "--format", "oci", wharf.ref(name, made.digest), tmp_path / "back")
    for digest in [*made.manifests, *made.layers]:
        assert (tmp_path / "back" / "blobs" / "sha256" / digest.removeprefix("sha256:")).exists()


def test_copy_digest_and_list(crane, wharf, push, tmp_path):
    source, target = wharf.repository("crane"), wharf.repository("crane")
    made = images.layout(tmp_path / "made", architectures=("amd64", "arm64"))
    push(made, source)
    crane("copy", wharf.ref(source), wharf.ref(target, "z"))
    crane("tag", wharf.ref(target, "z"), "a")
    assert crane("digest", wharf.ref(target, "a")) == made.digest
    assert crane("digest", "--platform", "linux/arm64", wharf.ref(target, "a")) == made.manifests[1]
    assert crane("ls", f"{wharf.registry}/{target}").split() == ["a", "z"]
    assert crane("validate", "--remote", wharf.ref(target, "a")).startswith("PASS")
    assert target in crane("catalog", wharf.registry).split()


def test_append_makes_an_image_with_a_new_layer(crane, wharf, push, tmp_path):
    name = wharf.repository("crane")
    push(images.layout(tmp_path / "made"), name)
    (tmp_path / "layer.tar.gz").write_bytes(images._layer(5000)[1])
    crane("append", "-b", wharf.ref(name), "-f", tmp_path / "layer.tar.gz", "-t", wharf.ref(name, "more"))
    assert len(json.loads(crane("manifest", wharf.ref(name, "more")))["layers"]) == 2


def test_delete_by_digest_and_by_tag(crane, wharf, push, tmp_path):
    name = wharf.repository("crane")
    made = images.layout(tmp_path / "made")
    push(made, name, "one")
    crane("tag", wharf.ref(name, "one"), "two")
    crane("delete", wharf.ref(name, "one"))
    assert crane("ls", f"{wharf.registry}/{name}").split() == ["two"]
    crane("delete", wharf.ref(name, made.digest))
    said = crane_error(crane, "digest", wharf.ref(name, "two"))
    assert "MANIFEST_UNKNOWN" in said or "404" in said, said


def crane_error(crane, *words):
    return crane(*words, refused=True)


def test_copies_to_a_new_name_create_its_repository(crane, wharf, push, tmp_path):
    source = wharf.repository("crane")
    made = images.layout(tmp_path / "made", architectures=("amd64", "arm64"))
    push(made, source)
    target = f"new/crane-{made.digest[-8:]}"
    crane("copy", wharf.ref(source), wharf.ref(target, "v1"))
    assert crane("digest", wharf.ref(target, "v1")) == made.digest
