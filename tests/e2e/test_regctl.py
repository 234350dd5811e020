"""regctl, a strict reader of the specification: copies with referrers, tag deletion, repositories listed."""

import json

import images
import pytest
from process import run


@pytest.fixture
def regctl(env, wharf):
    def command(*words, **options):
        return run(["regctl", *words], env=env, **options).strip()

    command("registry", "set", "--tls", "disabled", wharf.registry)
    return command


def test_import_inspect_and_export(regctl, wharf, tmp_path):
    name = wharf.repository("regctl")
    made = images.layout(tmp_path / "made", architectures=("amd64", "arm64"), layers=2)
    regctl("image", "copy", f"ocidir://{made.folder}:latest", wharf.ref(name, "v1"))
    assert regctl("image", "digest", wharf.ref(name, "v1")) == made.digest
    platforms = json.loads(regctl("manifest", "get", "--format", "raw-body", wharf.ref(name, "v1")))["manifests"]
    assert [entry["platform"]["architecture"] for entry in platforms] == ["amd64", "arm64"]
    regctl("image", "copy", wharf.ref(name, made.digest), f"ocidir://{tmp_path / 'back'}:v1")
    for digest in [made.digest, *made.manifests, *made.layers]:
        assert (tmp_path / "back" / "blobs" / "sha256" / digest.removeprefix("sha256:")).exists()


def test_deleting_a_tag_leaves_the_image_and_its_other_tags(regctl, wharf, push, tmp_path):
    name = wharf.repository("regctl")
    made = images.layout(tmp_path / "made")
    for tag in ("one", "two"):
        push(made, name, tag)
    regctl("tag", "delete", wharf.ref(name, "one"))
    assert regctl("tag", "ls", f"{wharf.registry}/{name}").split() == ["two"]
    assert regctl("image", "digest", wharf.ref(name, made.digest)) == made.digest
    regctl("manifest", "delete", wharf.ref(name, made.digest))
    assert regctl("tag", "ls", f"{wharf.registry}/{name}").split() == []


def test_artifacts_and_a_copy_with_referrers(regctl, wharf, push, tmp_path):
    source, target = wharf.repository("regctl"), wharf.repository("regctl")
    made = images.layout(tmp_path / "made")
    push(made, source)
    kind = "application/vnd.example.bill"
    words = ["artifact", "put", "--artifact-type", kind, "--subject", wharf.ref(source), "--annotation", "part=bolt"]
    regctl(*words, input="content")
    regctl("image", "copy", "--referrers", wharf.ref(source), wharf.ref(target))
    listed = json.loads(regctl("artifact", "list", "--format", "{{json .}}", wharf.ref(target)))
    entries = listed.get("descriptors") or listed.get("Descriptors")
    assert [(entry["artifactType"], entry["annotations"]["part"]) for entry in entries] == [(kind, "bolt")]
    assert regctl("artifact", "get", "--subject", wharf.ref(target), "--filter-artifact-type", kind) == "content"


def test_tags_come_in_pages(regctl, wharf, push, tmp_path):
    name = wharf.repository("regctl")
    push(images.layout(tmp_path / "made"), name, "t0")
    for number in range(1, 6):
        regctl("image", "copy", wharf.ref(name, "t0"), wharf.ref(name, f"t{number}"))
    page = regctl("tag", "ls", "--limit", "2", "--last", "t1", f"{wharf.registry}/{name}")
    assert page.split() == ["t2", "t3"]
    assert name in regctl("repo", "ls", wharf.registry).split()
