"""Pulls by tag of an image in one format by clients of the other: what HEAD says about a tag can be pulled by digest."""

import hashlib

import images
import pytest
from process import run

OCI = images.MANIFEST
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
LISTS = [images.INDEX, "application/vnd.docker.distribution.manifest.list.v2+json"]
FORMS = {"oci": OCI, "v2s2": DOCKER}


@pytest.fixture(params=FORMS)
def stored(request, wharf, push, tmp_path):
    """A repository with an image, its digest and its media type."""
    name = wharf.repository("conversion")
    push(images.layout(tmp_path / "made"), name, form=request.param)
    (detail,) = wharf.client("ecr").describe_images(repositoryName=name)["imageDetails"]
    assert detail["imageManifestMediaType"] == FORMS[request.param]
    return name, detail["imageDigest"], detail["imageManifestMediaType"]


def digest_of(body):
    return "sha256:" + hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize(
    "accepted",
    [[OCI, DOCKER], [DOCKER, OCI], [OCI, LISTS[0]], [DOCKER, LISTS[1]], [*LISTS, OCI, DOCKER, "*/*;q=0.1"]],
    ids=["OCI first", "Docker first", "OCI only", "Docker only", "like containerd"],
)
def test_the_digest_of_a_tag_can_be_pulled(wharf, stored, accepted):
    name, digest, media_type = stored
    headers = {"Accept": ", ".join(accepted)}
    status, head, _ = wharf.http("HEAD", f"/v2/{name}/manifests/latest", headers=headers)
    assert (status, head["docker-content-digest"], head["content-type"]) == (200, digest, media_type)
    status, found, body = wharf.http("GET", f"/v2/{name}/manifests/{digest}", headers=headers)
    assert (status, digest_of(body), found["content-type"]) == (200, digest, media_type)
    assert head["content-length"] == str(len(body))
    # By tag a client that accepts one format gets this format; the header agrees with the bytes.
    status, found, body = wharf.http("GET", f"/v2/{name}/manifests/latest", headers=headers)
    wanted = media_type if media_type in accepted else next(kind for kind in accepted if kind in (OCI, DOCKER))
    assert (status, found["content-type"]) == (200, wanted)
    assert found["docker-content-digest"] == digest_of(body)
    assert (digest_of(body) == digest) == (media_type in accepted)


def test_crane_asks_for_the_digest_and_pulls_it(wharf, env, stored, tmp_path):
    name, digest, _ = stored
    assert run(["crane", "digest", wharf.ref(name), "--insecure"], env=env).strip() == digest
    run(["crane", "validate", "--remote", wharf.ref(name, digest), "--insecure"], env=env)


def test_regctl_and_oras_resolve_a_tag_and_pull_the_digest(wharf, env, stored, tmp_path):
    name, digest, media_type = stored
    run(["oras", "copy", "--from-plain-http", "--to-oci-layout", wharf.ref(name), f"{tmp_path}/layout:latest"], env=env)
    assert (tmp_path / "layout" / "blobs" / "sha256" / digest.removeprefix("sha256:")).exists()
    run(["regctl", "registry", "set", "--tls", "disabled", wharf.registry], env=env)
    assert run(["regctl", "manifest", "head", wharf.ref(name)], env=env).strip() == digest
    assert f'"{media_type}"' in run(["regctl", "manifest", "get", "--format", "raw-body", wharf.ref(name, digest)], env=env)
