"""Layers in a bucket: pushed and pulled by real clients, through the node and by redirects."""

import shutil
import urllib.request
from pathlib import Path

import images
import pytest
from object_store import ObjectStore
from process import environment, run
from server import Wharf
from upstream import Upstream, rule

MAKES = ["versitygw", "seaweedfs"]
LARGE = 20 << 20


@pytest.fixture(scope="module", params=MAKES)
def store(request, short_folder):
    store = ObjectStore(request.param, Path(short_folder) / request.param)
    yield store
    store.stop()


@pytest.fixture(params=["stream", "redirect"])
def server(request, store, tmp_path):
    server = Wharf(tmp_path, store.settings(request.param, request.param))
    server.serve = request.param
    yield server
    server.stop()


def test_skopeo_and_crane_push_and_pull(server, store, tmp_path):
    env = server.logged_in(tmp_path / "client")
    made = images.layout(tmp_path / "made", layers=2, size=LARGE)
    name = server.repository("s3")
    target = f"docker://{server.ref(name)}"
    run(["skopeo", "copy", "--dest-tls-verify=false", made.skopeo, target], env=env)
    run(["skopeo", "copy", "--src-tls-verify=false", target, f"oci:{tmp_path / 'back'}:latest"], env=env)
    for digest in made.layers:
        assert images.digest_of((tmp_path / "back/blobs/sha256" / digest[7:]).read_bytes()) == digest
    other = server.repository("s3")
    run(["crane", "push", "--insecure", made.folder, server.ref(other)], env=env)
    assert run(["crane", "validate", "--insecure", "--remote", server.ref(other)], env=env).startswith("PASS")
    assert store.open_uploads() == []
    kinds = {key.split("/")[0] for key in store.keys(server.serve)}
    assert kinds == {"objects", "store-id"}


def test_ranges_and_redirects(server, tmp_path):
    name = server.repository("s3")
    content = images.noise(3 << 20)
    digest = images.digest_of(content)
    path = f"/v2/{name}/blobs/{digest}"
    status, headers, _ = server.http("POST", f"/v2/{name}/blobs/uploads/", headers={"Content-Length": "0"})
    location = headers["location"].removeprefix(f"http://{server.registry}")
    mark = "&" if "?" in location else "?"
    status, _, _ = server.http("PUT", f"{location}{mark}digest={digest}", content)
    assert status == 201
    status, headers, _ = server.http("HEAD", path)
    assert (status, headers["content-length"]) == (200, str(len(content)))
    status, headers, body = server.http("GET", path, headers={"Range": "bytes=1000-2999"})
    if server.serve == "stream":
        assert (status, body) == (206, content[1000:3000])
        assert server.http("GET", path)[2] == content
        return
    assert status == 307 and headers["docker-content-digest"] == digest
    assert headers["cache-control"] == "no-store"
    request = urllib.request.Request(headers["location"], headers={"Range": "bytes=1000-2999"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert (answer.status, answer.read()) == (206, content[1000:3000])
    # A client that would send its credentials to the object store, too, gets the bytes.
    port = server.registry.rsplit(":", 1)[1]
    status, _, body = server.http("GET", path, headers={"Host": f"localhost:{port}"})
    assert (status, body) == (200, content)


def test_an_image_is_pulled_through_into_the_bucket(server, tmp_path):
    """An object of a bucket can be read only when it is complete."""
    upstream = Upstream("registry", tmp_path / "upstream")
    try:
        made = images.layout(tmp_path / "made", size=LARGE)
        upstream.push(made, "team/app")
        source = f"docker://{server.ref(rule(server, upstream) + '/team/app', 'v1')}"
        env = server.logged_in(tmp_path / "client")
        run(["skopeo", "copy", "--src-tls-verify=false", source, f"oci:{tmp_path / 'back'}:v1"], env=env)
        (digest,) = made.layers
        assert images.digest_of((tmp_path / "back/blobs/sha256" / digest[7:]).read_bytes()) == digest
        assert upstream.requests(f"team/app/blobs/{digest}") == 1
    finally:
        upstream.stop()


def test_docker_pushes_and_pulls(server, engine, tmp_path):
    env = engine | {"DOCKER_CONFIG": str(tmp_path / "client" / ".docker")}
    server.logged_in(tmp_path / "client")
    image = server.ref(server.repository("s3"))
    context = images.build_context(tmp_path / "context", size=LARGE)
    run(["docker", "build", "-t", image, context], env=env | {"DOCKER_BUILDKIT": "0"})
    run(["docker", "push", image], env=env)
    before = run(["docker", "image", "inspect", "--format", "{{.Id}}", image], env=env)
    run(["docker", "image", "rm", "-f", image], env=env)
    run(["docker", "pull", image], env=env)
    assert run(["docker", "image", "inspect", "--format", "{{.Id}}", image], env=env) == before


def test_kill_9_between_the_parts_of_a_layer(store, tmp_path):
    """Each start is another process: what was acknowledged is in the bucket and in the upload's row."""
    prefix = "killed"
    server = Wharf(tmp_path, store.settings(prefix, "stream"))
    name = server.repository("s3")
    content = images.noise(LARGE + 12_345)
    status, headers, _ = server.http("POST", f"/v2/{name}/blobs/uploads/", headers={"Content-Length": "0"})
    path = headers["location"].split(server.registry, 1)[-1]
    at = 0
    for end in (5_000_000, 9_000_000, 9_000_001, len(content)):
        chunk = content[at:end]
        headers = {"Content-Type": "application/octet-stream", "Content-Range": f"{at}-{end - 1}"}
        status, headers, body = server.http("PATCH", path, chunk, headers)
        assert status == 202, body
        path, at = headers["location"].split(server.registry, 1)[-1], end
        server.daemon.kill()
        server = Wharf(tmp_path, store.settings(prefix, "stream"))
    digest = images.digest_of(content)
    mark = "&" if "?" in path else "?"
    status, _, body = server.http("PUT", f"{path}{mark}digest={digest}", headers={"Content-Length": "0"})
    assert status == 201, body
    assert server.http("GET", f"/v2/{name}/blobs/{digest}")[2] == content
    server.stop()
    settings = store.settings(prefix, "stream")
    checked = run([server.binary, "fsck", "--data-dir", server.data], env=environment(server.home, settings))
    assert "1 objects" in checked and "Problems: 0." in checked
    shutil.rmtree(tmp_path / "data")
    refused = run(
        [server.binary, "dev", "--data-dir", tmp_path / "data", "--listen", "127.0.0.1:0"],
        env=environment(server.home, settings | {"WHARF__BLOBS__S3__ENDPOINT": "http://127.0.0.1:1"}),
        refused=True,
    )
    assert "cannot open the bucket" in refused and "endpoint" in refused
