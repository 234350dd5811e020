"""Docker pulls images of Docker Hub through the cache by `registry-mirrors`, with the commands of the page."""

import json
import re
from pathlib import Path

import images
import pytest
from docker_engine import start_engine
from process import environment, run
from server import Wharf
from test_docker import digest_in
from upstream import Upstream

PAGE = Path(__file__).parents[2] / "docs" / "pull-through-cache.md"
SECTION = "As a mirror of docker"
ACCOUNT = "123456789012"


def blocks(language):
    (section,) = [text for text in re.split(r"^## ", PAGE.read_text(), flags=re.M) if text.startswith(SECTION)]
    return re.findall(rf"```{language}\n(.*?)```", section, re.S)


@pytest.fixture
def hub(tmp_path):
    """A registry in the place of Docker Hub."""
    hub = Upstream("registry", tmp_path / "hub")
    yield hub
    hub.stop()


@pytest.fixture
def server(tmp_path):
    """A server with the mirror of the page. Its registry is at `localhost`, the mirror at the address."""
    (settings,) = blocks("toml")
    assert '"mirror.example.org"' in settings
    mirror = re.findall(r"^(\w+) = (.*)$", settings.replace("mirror.example.org", "127.0.0.1"), re.M)
    table = "{" + ", ".join(f"{name} = {value}" for name, value in mirror) + "}"
    # The first start makes the account, which the setting names.
    first = Wharf(tmp_path / "server")
    first.stop()
    table = table.replace(ACCOUNT, first.account)
    server = Wharf(tmp_path / "server", {"WHARF__PULL_THROUGH__MIRRORS": f"[{table}]"})
    assert server.registry.startswith("localhost:") and server.account == first.account
    yield server
    server.stop()


def test_docker_pulls_from_its_registry_mirror(server, hub, short_folder, tmp_path):
    made = images.layout(tmp_path / "made", layers=2)
    hub.push(made, "library/alpine", "3.20")
    rule = {"ecrRepositoryPrefix": "docker-hub", "upstreamRegistryUrl": hub.address}
    server.client("ecr").create_pull_through_cache_rule(**rule)
    (commands,) = blocks("sh")
    run(["sh", "-euc", commands.replace(ACCOUNT, server.account)], env=environment(server.home, server.env), cwd=tmp_path)
    mirror = server.registry.replace("localhost", "127.0.0.1")
    (daemon_json,) = blocks("json")
    (url,) = json.loads(daemon_json)["registry-mirrors"]
    url = url.replace("https://mirror.example.org", f"http://{mirror}")
    daemon, env = start_engine(short_folder, "--registry-mirror", url)
    try:
        # docker has a login for Docker Hub, and sends it to the mirror if it is asked to.
        login = {"auths": {"https://index.docker.io/v1/": {"auth": "aHVidXNlcjpzZWNyZXQ="}}}
        (tmp_path / "config.json").write_text(json.dumps(login))
        for more in ({}, {"DOCKER_CONFIG": str(tmp_path)}):
            assert digest_in(run(["docker", "pull", "alpine:3.20"], env=env | more)) == made.digest
            run(["docker", "image", "rm", "-f", "alpine:3.20"], env=env)
    finally:
        daemon.stop()
    assert hub.requests("library/alpine/manifests/") == 1
    listed = server.client("ecr").list_images(repositoryName="docker-hub/library/alpine")["imageIds"]
    assert made.digest in [image["imageDigest"] for image in listed]
