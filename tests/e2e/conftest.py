"""Fixtures for all tests: one server for the whole run, a home folder, and docker credentials in it."""

import shutil
import tempfile

import pytest
from closed_network import ClosedNetwork
from cross_account import Node, ServiceAccount
from docker_engine import start_engine
from issuer import Issuer
from process import environment, run
from server import Wharf


def pytest_collection_modifyitems(config, items):
    """Tests that build large programs run only if the filter has the word of their file: `cargo xtask e2e sdk`."""
    if "sdk" in config.option.keyword:
        return
    left_out = [item for item in items if item.get_closest_marker("on_request")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def wharf(tmp_path_factory):
    server = Wharf(tmp_path_factory.mktemp("wharf"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def network(tmp_path_factory):
    network = ClosedNetwork(tmp_path_factory.mktemp("closed"), tmp_path_factory.mktemp("home"))
    yield network
    network.stop()


@pytest.fixture
def new_node(network, tmp_path):
    """Creates nodes of the account that runs images, each with its own role."""
    nodes = []

    def new():
        folder = tmp_path / f"node-{len(nodes)}"
        folder.mkdir()
        nodes.append(Node(network, folder))
        return nodes[-1]

    yield new
    for node in nodes:
        node.stop()


@pytest.fixture(scope="session")
def issuer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("issuer")
    issuer = Issuer(folder, environment(folder))
    yield issuer
    issuer.stop()


@pytest.fixture
def service_account(network, issuer, tmp_path):
    return ServiceAccount(network, tmp_path, issuer)


@pytest.fixture(scope="module")
def short_folder():
    """A folder whose path is short enough for Unix sockets; the paths of pytest are too long."""
    folder = tempfile.mkdtemp(prefix="wh-", dir="/tmp")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def engine(short_folder):
    """The environment of clients of docker's daemon."""
    daemon, env = start_engine(short_folder)
    yield env
    daemon.stop()


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def env(wharf, home):
    """A client's environment with the server's credentials in the docker configuration."""
    return wharf.logged_in(home)


@pytest.fixture
def push(wharf, env):
    """Pushes a layout with skopeo, for tests whose client needs an existing image."""

    def push_layout(layout, name, tag=None, form="oci"):
        target = f"docker://{wharf.ref(name, tag or layout.tag)}"
        words = ["skopeo", "copy", "--all", "--format", form, "--dest-tls-verify=false", layout.skopeo, target]
        run(words, env=env)
        return layout.digest

    return push_layout
