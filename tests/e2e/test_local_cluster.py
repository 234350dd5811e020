"""deploy/local-cluster: clients use three nodes through a load balancer, while nodes stop and the database fails over."""

import os
import shutil
import signal
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import images
import pytest
from local_cluster import LocalCluster
from process import run, wait_until


@pytest.fixture(scope="module")
def cluster(short_folder):
    cluster = LocalCluster(short_folder)
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def client(cluster, tmp_path_factory):
    return cluster.client(tmp_path_factory.mktemp("client"))


def repository(client, name):
    run(["aws", "ecr", "create-repository", "--repository-name", name], env=client)
    return name


def push(cluster, client, made, ref):
    run(["skopeo", "copy", "--dest-tls-verify=false", made.skopeo, f"docker://{cluster.registry}/{ref}"], env=client)


def requests(cluster, operation):
    """How many requests of an operation each node answered, from its log."""
    logs = [cluster.folder / f"node-{n}.log" for n in range(1, len(cluster.nodes) + 1)]
    return [log.read_text().count(f'"operation":"{operation}"') for log in logs]


def test_skopeo_pushes_and_pulls_through_all_nodes(cluster, client, tmp_path):
    name = repository(client, "cluster/skopeo")
    made = images.layout(tmp_path / "made", layers=3, size=12 << 20)
    push(cluster, client, made, f"{name}:v1")
    words = ["skopeo", "copy", "--src-tls-verify=false", f"docker://{cluster.registry}/{name}:v1"]
    run([*words, f"oci:{tmp_path / 'back'}:v1"], env=client)
    for digest in made.layers:
        assert images.digest_of((tmp_path / "back/blobs" / digest.replace(":", "/")).read_bytes()) == digest
    assert run(["crane", "validate", "--insecure", "--remote", f"{cluster.registry}/{name}:v1"], env=client)
    # The load balancer gave the parts of the uploads to all nodes.
    assert all(requests(cluster, "append_upload")), requests(cluster, "append_upload")


def test_a_stopped_node_fails_no_request(cluster, client, tmp_path):
    """A node that gets SIGTERM drains; the load balancer uses the others meanwhile."""
    name = repository(client, "cluster/rolling")
    push(cluster, client, images.layout(tmp_path / "made"), f"{name}:v1")
    failures, counts, stop = [], {"pull": 0, "push": 0}, threading.Event()

    def pull():
        run(["crane", "manifest", "--insecure", f"{cluster.registry}/{name}:v1"], env=client)

    def push_another():
        made = images.layout(tmp_path / f"made-{counts['push']}", layers=3, size=1 << 20)
        push(cluster, client, made, f"{name}:another")

    def repeat(kind, act):
        while not stop.is_set():
            try:
                act()
                counts[kind] += 1
            except AssertionError as error:
                failures.append(str(error))

    threads = [threading.Thread(target=repeat, args=work) for work in (("pull", pull), ("push", push_another))]
    for thread in threads:
        thread.start()
    time.sleep(2)
    os.kill(cluster.pids["node-3"], signal.SIGTERM)
    wait_until(lambda: "node-3 ended with 0" in cluster.daemon.log.read_text(), "the end of the node")
    time.sleep(3)
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == [] and counts["pull"] > 10 and counts["push"] > 3, counts


def test_a_revoked_permission_is_refused_by_every_node(cluster, client, tmp_path):
    name = repository(client, "cluster/revoked")
    push(cluster, client, images.layout(tmp_path / "made"), f"{name}:v1")
    look = ["crane", "digest", "--insecure", f"{cluster.registry}/{name}:v1"]
    for _ in range(6):
        run(look, env=client)
    denied = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"ecr:BatchGetImage"}]}'
    run(["aws", "ecr", "set-repository-policy", "--repository-name", name, "--policy-text", denied], env=client)
    for _ in range(6):
        assert "403" in run(look, env=client, refused=True)


def test_a_promoted_standby_has_what_was_acknowledged(cluster, client, tmp_path):
    assert cluster.sql("SELECT sync_state FROM pg_stat_replication") == "sync", "an acknowledgement waits for the standby"
    name = repository(client, "cluster/failover")
    before = images.layout(tmp_path / "before")
    push(cluster, client, before, f"{name}:before")
    os.kill(cluster.pids["postgres-primary"], signal.SIGQUIT)
    wait_until(lambda: "postgres-primary ended" in cluster.daemon.log.read_text(), "the end of the primary")
    run(cluster.promote, env=client, cwd="/")

    def is_ready():
        try:
            return urllib.request.urlopen(f"http://{cluster.registry}/readyz", timeout=10).status == 200
        except OSError:
            return False

    wait_until(is_ready, "a node that found the new primary")
    look = ["crane", "digest", "--insecure", f"{cluster.registry}/{name}:before"]
    assert run(look, env=client).strip() == before.digest
    after = images.layout(tmp_path / "after")
    push(cluster, client, after, f"{name}:after")
    assert run([*look[:3], look[3].replace("before", "after")], env=client).strip() == after.digest


def test_seaweedfs_with_redirects(tmp_path_factory):
    folder = Path(tempfile.mkdtemp(prefix="wh-", dir="/tmp"))
    cluster = LocalCluster(folder, "--store", "seaweedfs", "--serve", "redirect", "--nodes", "2")
    try:
        home = tmp_path_factory.mktemp("client")
        client = cluster.client(home)
        name = repository(client, "cluster/seaweedfs")
        made = images.layout(home / "made", size=9 << 20)
        push(cluster, client, made, f"{name}:v1")
        image = f"{cluster.registry}/{name}:v1"
        assert run(["crane", "validate", "--insecure", "--remote", image], env=client).startswith("PASS")
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
