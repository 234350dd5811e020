"""Clients that read parts of layers: eStargz with the library of stargz-snapshotter, from the registry and through the
cache while the layer arrives; and what caches before the registry need."""

import email
import json
import re
from pathlib import Path

import images
import pytest
from process import environment, run
from upstream import Upstream, rule

PAGE = Path(__file__).parents[2] / "docs" / "lazy-pulling.md"
FILES = 40
FILE_BYTES = 300_000


@pytest.fixture
def layer(tmp_path):
    """An eStargz layer in an image of its own: the folder, the digest of its table of contents, its files."""
    files = {f"content/file-{number}": images.noise(FILE_BYTES) for number in range(FILES)}
    return *images.estargz_layer(tmp_path, files), files


@pytest.fixture
def layout(layer, tmp_path):
    packed, made, _ = layer
    annotations = {"containerd.io/snapshot/stargz/toc.digest": made["toc"]}
    return images.layout_of(tmp_path / "made", packed, made["diffID"], annotations)


def read(wharf, name, layout, layer, tmp_path):
    """Reads three files of the layer by ranges."""
    _, made, files = layer
    (digest,) = layout.layers
    wanted = [f"content/file-{number}" for number in (3, 17, FILES - 1)]
    words = ["estargz", "read", f"http://{wharf.registry}/v2/{name}/blobs/{digest}", made["toc"], *wanted]
    said = json.loads(run(words, env=environment(tmp_path, {"AUTHORIZATION": wharf.basic})))
    assert said["files"] == [images.digest_of(files[name]) for name in wanted]
    return said


def test_stargz_reads_files_of_a_layer_by_ranges(wharf, push, layer, layout, tmp_path):
    name = wharf.repository("lazy")
    push(layout, name)
    said = read(wharf, name, layout, layer, tmp_path)
    assert said["size"] == len(layer[0])
    assert said["requests"] > 10 and said["bytes"] < said["size"] // 3, said


def test_stargz_reads_a_layer_while_it_arrives(wharf, layer, layout, tmp_path):
    upstream = Upstream("registry", tmp_path / "upstream")
    try:
        upstream.push(layout, "team/lazy")
        name = f"{rule(wharf, upstream)}/team/lazy"
        assert wharf.http("GET", f"/v2/{name}/manifests/v1")[0] == 200
        read(wharf, name, layout, layer, tmp_path)
        assert upstream.requests(f"team/lazy/blobs/{layout.layers[0]}") == 1
    finally:
        upstream.stop()


def test_a_layer_of_either_lazy_format_is_not_changed(wharf, push, layer, layout, env, tmp_path):
    """Both formats are ordinary layers with a table at the end; the annotations of the manifest lead to it."""
    # It is compressed anew only while skopeo knows no repository with the layer, so this copy is the first.
    chunked = f"docker://{wharf.ref(wharf.repository('lazy'))}"
    words = ["skopeo", "copy", "--dest-tls-verify=false", "--dest-compress-format", "zstd:chunked"]
    run([*words, layout.skopeo, chunked], env=env)
    name = wharf.repository("lazy")
    push(layout, name)
    source = f"docker://{wharf.ref(name)}"
    for reference, annotation in [(source, "stargz/toc.digest"), (chunked, "zstd-chunked.manifest-checksum")]:
        raw = json.loads(run(["skopeo", "inspect", "--raw", "--tls-verify=false", reference], env=env))
        (descriptor,) = raw["layers"]
        assert any(name.endswith(annotation) for name in descriptor["annotations"]), raw
        path = f"/v2/{reference.split('/', 3)[3].split(':')[0]}/blobs/{descriptor['digest']}"
        status, headers, body = wharf.http("GET", path)
        assert (status, images.digest_of(body)) == (200, descriptor["digest"])
        assert "content-encoding" not in headers
        for wanted, part in [("bytes=-100", body[-100:]), ("bytes=10-19", body[10:20])]:
            status, headers, got = wharf.http("GET", path, headers={"Range": wanted})
            assert (status, got, headers["docker-content-digest"]) == (206, part, descriptor["digest"])


def test_what_a_cache_before_the_registry_needs(wharf, push, layout, tmp_path):
    """Spegel, Dragonfly and HTTP caches rely on these headers."""
    name = wharf.repository("lazy")
    push(layout, name)
    (digest,) = layout.layers
    for path in (f"/v2/{name}/blobs/{digest}", f"/v2/{name}/manifests/{layout.digest}"):
        for method in ("GET", "HEAD"):
            status, headers, _ = wharf.http(method, path)
            tag = headers["etag"]
            assert (status, tag) == (200, f'"{path.rsplit("/", 1)[1]}"')
            assert headers["cache-control"] == "private, max-age=31536000, immutable"
            status, headers, body = wharf.http(method, path, headers={"If-None-Match": tag})
            assert (status, headers["etag"], body) == (304, tag, b"")


def test_parts_and_conditions_of_the_page(wharf, push, layer, layout):
    """The table of docs/lazy-pulling.md."""
    name, content = wharf.repository("lazy"), layer[0]
    push(layout, name, "v1")
    (digest,) = layout.layers
    path, size = f"/v2/{name}/blobs/{digest}", len(content)

    def get(headers, method="GET", at=path):
        return wharf.http(method, at, headers=headers)

    assert get({}, at=f"/v2/{name}/manifests/v1")[1]["cache-control"] == "private, no-cache"
    status, headers, body = get({}, "HEAD")
    assert (status, headers["content-length"], headers["accept-ranges"], body) == (200, str(size), "bytes", b"")
    assert headers["docker-content-digest"] == digest and "content-encoding" not in headers
    for wanted, start, end in [("10-19", 10, 20), ("10-", 10, size), ("-100", size - 100, size)]:
        status, headers, body = get({"Range": f"bytes={wanted}"})
        assert (status, body) == (206, content[start:end])
        assert headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
    status, headers, body = get({"Range": "bytes=0-9,100-199,-5"})
    assert status == 206 and headers["content-type"].startswith("multipart/byteranges; boundary=")
    parts = email.message_from_bytes(b"Content-Type: " + headers["content-type"].encode() + b"\r\n\r\n" + body)
    found = [(part["Content-Range"], part.get_payload(decode=True)) for part in parts.get_payload()]
    places = [(0, 10), (100, 200), (size - 5, size)]
    assert found == [(f"bytes {start}-{end - 1}/{size}", content[start:end]) for start, end in places]
    most = ",".join(f"{2 * at}-{2 * at}" for at in range(1024))
    assert get({"Range": f"bytes={most}"})[0] == 206
    for whole in (f"bytes={most},5000-5000", "bytes=0-9,5-20"):
        status, _, body = get({"Range": whole})
        assert (status, body) == (200, content)
    status, headers, _ = get({"Range": f"bytes={size}-"})
    assert (status, headers["content-range"]) == (416, f"bytes */{size}")
    assert get({"Range": "bytes=0-9", "If-Range": f'"{digest}"'})[0] == 206
    status, _, body = get({"Range": "bytes=0-9", "If-Range": '"another"'})
    assert (status, body) == (200, content)


def test_the_commands_of_the_page(wharf, layout, env, tmp_path):
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.S)
    assert blocks and all(block.startswith("skopeo copy ") for block in blocks)
    wharf.aws("ecr", "create-repository", "--repository-name", "team/chunked")
    try:
        for block in blocks:
            words = block.replace("$REGISTRY", wharf.registry).replace("oci:layout:v1", layout.skopeo).split()
            run([*words[:2], "--dest-tls-verify=false", *words[2:]], env=env)
        raw = json.loads(wharf.http("GET", "/v2/team/chunked/manifests/v1")[2])
        assert any(name.endswith("zstd-chunked.manifest-position") for name in raw["layers"][0]["annotations"]), raw
    finally:
        wharf.aws("ecr", "delete-repository", "--repository-name", "team/chunked", "--force")
