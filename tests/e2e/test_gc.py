"""Collection of garbage beside real clients: what crane deletes gives its space back, and what shares its layers stays."""

import base64
import json

import images
import pytest
from process import environment, run
from server import Wharf

SETTINGS = {
    # Longer than a push takes, so that no client must push a layer again.
    "WHARF__COLLECTION__GRACE_SECONDS": "5",
    "WHARF__COLLECTION__DELAY_SECONDS": "0",
    "WHARF__COLLECTION__INTERVAL_SECONDS": "1",
}


@pytest.fixture
def server(tmp_path):
    server = Wharf(tmp_path / "server", settings=SETTINGS)
    yield server
    server.stop()


@pytest.fixture
def crane(server):
    docker = server.home / ".docker"
    docker.mkdir(exist_ok=True)
    auth = base64.b64encode(f"AWS:{server.password}".encode()).decode()
    (docker / "config.json").write_text(json.dumps({"auths": {server.registry: {"auth": auth}}}))
    return lambda *words: run(["crane", *words, "--insecure"], env=environment(server.home)).strip()


def stored(server):
    files = (server.data / "blobs" / "objects").rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


def test_a_deleted_image_gives_its_space_back(server, crane, tmp_path):
    wharf = lambda *words: run([server.binary, *words], env=environment(server.home, server.env))
    name = server.repository("gc")
    made = images.layout(tmp_path / "made")
    crane("push", made.folder, server.ref(name, "base"))
    (tmp_path / "layer.tar.gz").write_bytes(images._layer(400_000)[1])
    crane("append", "-b", server.ref(name, "base"), "-f", tmp_path / "layer.tar.gz", "-t", server.ref(name, "more"))
    before = stored(server)
    crane("delete", server.ref(name, crane("digest", server.ref(name, "more"))))
    freed = json.loads(wharf("gc", "run", "--timeout", "60", "--json"))
    assert freed["FreedBytes"] >= 400_000 and freed["FreedObjects"] == 2, freed
    assert stored(server) == before - freed["FreedBytes"]
    assert crane("validate", "--remote", server.ref(name, "base")).startswith("PASS")
    layers = json.loads(crane("manifest", server.ref(name, "base")))["layers"]
    assert f"/{name} in " in wharf("gc", "why", layers[0]["digest"])
    usage = json.loads(wharf("usage", "--json"))
    assert usage["Registries"][0]["PhysicalBytes"] == usage["PhysicalBytes"]
