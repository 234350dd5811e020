"""Three nodes behind a load balancer: one dies while clients push, one has a wrong clock, and limits hold for each node."""

import http.client
import os
import re
import signal
import threading
import time
import urllib.request

import images
import pytest
from local_cluster import LocalCluster
from process import run, wait_until

SKEW = 40
# An account's rate of HEAD of a blob; requests of five seconds can come at once.
RATE = 20


@pytest.fixture(scope="module")
def cluster(short_folder):
    settings = {"WHARF__RATES__BATCH_CHECK_LAYER_AVAILABILITY": str(RATE)}
    cluster = LocalCluster(short_folder, "--restart", "--no-standby", "--skew", f"+{SKEW}s", settings=settings)
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def client(cluster, tmp_path_factory):
    return cluster.client(tmp_path_factory.mktemp("client"))


def repository(client, name):
    run(["aws", "ecr", "create-repository", "--repository-name", name], env=client)
    return name


def metric(cluster, node, name):
    """The value of a metric of a node, by its number from 0; nothing while it does not answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{cluster.metrics[node]}/metrics", timeout=5) as answer:
            (value,) = re.findall(rf"^{name} (\S+)$", answer.read().decode(), re.MULTILINE)
            return float(value)
    except OSError:
        return None


class Killer(threading.Thread):
    """Kills the first node that receives bytes of a blob."""

    def __init__(self, cluster):
        super().__init__(daemon=True)
        self.cluster, self.killed, self.ended = cluster, None, threading.Event()
        self.start()

    def run(self):
        while self.killed is None and not self.ended.is_set():
            for node in range(len(self.cluster.nodes)):
                if metric(self.cluster, node, "wharf_http_uploads_in_flight"):
                    os.kill(self.cluster.state()["pids"][f"node-{node + 1}"], signal.SIGKILL)
                    self.killed = node
                    return

    def finish(self):
        self.ended.set()
        self.join()
        return self.killed


@pytest.mark.parametrize("tool", ["skopeo", "crane"])
def test_a_node_that_dies_costs_a_push_one_retry(cluster, client, tmp_path, tool):
    name = repository(client, f"nodes/{tool}")
    made = images.layout(tmp_path / "made", layers=3, size=16 << 20)
    image = f"{cluster.registry}/{name}:v1"
    killer = Killer(cluster)
    words = {
        "skopeo": ["skopeo", "copy", "--dest-tls-verify=false", made.skopeo, f"docker://{image}"],
        "crane": ["crane", "push", "--insecure", made.folder, image],
    }[tool]
    try:
        run(words, env=client)
    except AssertionError:
        # skopeo does not repeat a request whose connection ended. Once more is enough.
        run(words, env=client)
    killed = killer.finish()
    assert killed is not None, "no node received bytes"
    assert run(["crane", "digest", "--insecure", image], env=client).strip() == made.digest
    assert run(["crane", "validate", "--insecure", "--remote", image], env=client).startswith("PASS")
    wait_until(lambda: metric(cluster, killed, "wharf_http_uploads_in_flight") == 0, "the node that was killed")


def test_a_wrong_clock_is_reported(cluster, client):
    values = lambda: [metric(cluster, node, "wharf_clock_skew_seconds") for node in range(3)]
    wait_until(lambda: values()[2] and None not in values(), "the comparison of the clocks")
    right, also_right, wrong = values()
    assert abs(right) < 2 and abs(also_right) < 2 and abs(wrong - SKEW) < 2, values()
    status = [os.environ["WHARF_BIN"], "status", "--config", cluster.folder / "node-1/wharf.toml"]
    assert "The clock" not in run(status, env=client)
    line = r"The clock of this machine is (39|40|41)\.\d s ahead of the database's\."
    assert re.search(line, run(["faketime", "-f", f"+{SKEW}s", *status], env=client))
    log = lambda node: (cluster.folder / f"node-{node + 1}.log").read_text()
    assert "the clock of this node is ahead" in log(2) and "the clock of this node" not in log(0)


def test_a_new_key_seals_nothing_that_a_node_cannot_open(cluster, client, tmp_path):
    """Also if the clock of one node says that the key seals already."""
    name = repository(client, "nodes/keys")
    made = images.layout(tmp_path / "made")
    run(["skopeo", "copy", "--dest-tls-verify=false", made.skopeo, f"docker://{cluster.registry}/{name}:v1"], env=client)
    run([os.environ["WHARF_BIN"], "keys", "rotate"], env=client)
    end, refused, asked = time.monotonic() + 25, [], 0
    nodes = [f"http://127.0.0.1:{port}" for port in cluster.nodes]
    while time.monotonic() < end:
        asked += 1
        basic = token(client | {"AWS_ENDPOINT_URL": nodes[2]})
        refused += [status for status in (pulled(node, name, basic) for node in nodes) if status != 200]
    assert refused == [] and asked > 5, refused


def token(env):
    query = "authorizationData[0].authorizationToken"
    return run(["aws", "ecr", "get-authorization-token", "--query", query, "--output", "text"], env=env).strip()


def pulled(node, name, basic):
    request = urllib.request.Request(f"{node}/v2/{name}/manifests/v1", headers={"Authorization": f"Basic {basic}"})
    request.add_header("Accept", images.MANIFEST)
    try:
        return urllib.request.urlopen(request, timeout=20).status
    except urllib.error.HTTPError as refused:
        return refused.code


def test_each_node_counts_a_rate_for_itself(cluster, client):
    """Through the load balancer, an account has between one and three times its rate."""
    name = repository(client, "nodes/rates")
    basic, counts = token(client), {}

    def ask():
        connection = http.client.HTTPConnection(cluster.registry)
        for _ in range(150):
            path = f"/v2/{name}/blobs/sha256:{'0' * 64}"
            connection.request("HEAD", path, headers={"Authorization": f"Basic {basic}"})
            answer = connection.getresponse()
            answer.read()
            counts[answer.status] = counts.get(answer.status, 0) + 1

    began = time.monotonic()
    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    most = 3 * RATE * (5 + time.monotonic() - began)
    assert set(counts) == {404, 429}, counts
    assert RATE * 5 < counts[404] <= most + 3, (counts, most)
