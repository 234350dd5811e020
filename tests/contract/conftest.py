"""One server for the whole run, started like in the end-to-end suite, and botocore's model of its API."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "e2e"))

from api import Api  # noqa: E402
from clients import Cloud  # noqa: E402
from server import Wharf  # noqa: E402


@pytest.fixture(scope="session")
def wharf(tmp_path_factory):
    server = Wharf(tmp_path_factory.mktemp("wharf"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def api(wharf):
    return Api(wharf.env)


@pytest.fixture(scope="session")
def cloud(wharf):
    return Cloud(wharf.env)
