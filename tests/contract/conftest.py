"""One server for the whole run, started like in the end-to-end suite, or several nodes behind a load balancer
(WHARF_CONTRACT_NODES), and botocore's model of its API."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "e2e"))

from api import Api  # noqa: E402
from clients import Cloud  # noqa: E402
from local_cluster import LocalCluster  # noqa: E402
from server import Wharf  # noqa: E402


class Nodes:
    """Nodes with what the tests use of a server."""

    def __init__(self, number):
        # PostgreSQL's sockets need a short path.
        self.folder = tempfile.mkdtemp(prefix="wh-", dir="/tmp")
        self.cluster = LocalCluster(self.folder, "--no-standby", "--nodes", number)
        of_services = dict.fromkeys(("AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL_STS"), self.cluster.variables["AWS_ENDPOINT_URL"])
        self.env = self.cluster.variables | of_services

    def stop(self):
        self.cluster.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def wharf(tmp_path_factory):
    nodes = os.environ.get("WHARF_CONTRACT_NODES")
    server = Nodes(nodes) if nodes else Wharf(tmp_path_factory.mktemp("wharf"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def api(wharf):
    return Api(wharf.env)


@pytest.fixture(scope="session")
def cloud(wharf):
    return Cloud(wharf.env)
