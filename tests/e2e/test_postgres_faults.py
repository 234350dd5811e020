"""PostgreSQL that restarts, fails over, wants TLS, or is behind pgbouncer."""

import json
import threading
import time

import images
import pytest
from cluster import Cluster, Pooler
from process import free_port, run
from test_postgres import Serve


@pytest.fixture
def servers():
    """What is to be stopped, the last first."""
    started = []
    yield started
    for one in reversed(started):
        one.stop()


class Node(Serve):
    def stop(self):
        self.daemon.stop()


class Tagger(threading.Thread):
    """Pushes manifests with a new tag each, one after another, and remembers which were acknowledged."""

    def __init__(self, node, made):
        super().__init__(daemon=True)
        self.node, self.made = node, made
        self.ended, self.acknowledged, self.refused, self.longest = threading.Event(), [], [], 0
        self.start()

    def run(self):
        while not self.ended.is_set():
            tag, began = f"t{len(self.acknowledged) + len(self.refused)}", time.monotonic()
            words = ["aws", "ecr", "put-image", "--repository-name", "team/app", "--image-tag", tag]
            said = self.node.try_aws([*words, "--image-manifest", self.made])
            (self.acknowledged if said is None else self.refused).append((tag, said))
            self.longest = max(self.longest, time.monotonic() - began)

    def finish(self):
        self.ended.set()
        self.join()


def serve(folder, url, servers, settings=""):
    node = Node(folder, url, free_port(), settings)
    servers.append(node)
    return node


def pushed(node, tmp_path):
    """Pushes an image and returns its manifest."""
    run(["aws", "ecr", "create-repository", "--repository-name", "team/app"], env=node.env)
    node.login()
    made = images.layout(tmp_path / "made")
    target = f"docker://{node.address}/team/app:v1"
    run(["skopeo", "copy", "--dest-tls-verify=false", made.skopeo, target], env=node.env)
    got = ["aws", "ecr", "batch-get-image", "--repository-name", "team/app", "--image-ids", "imageTag=v1"]
    return json.loads(run(got, env=node.env))["images"][0]["imageManifest"]


def tags(node):
    listed = run(["aws", "ecr", "list-images", "--repository-name", "team/app"], env=node.env)
    return {one.get("imageTag") for one in json.loads(listed)["imageIds"]}


def test_nothing_is_lost_in_restarts(short_folder, tmp_path, servers):
    database = Cluster(f"{short_folder}/restarts")
    servers.append(database)
    node = serve(tmp_path, database.url(), servers)
    tagger = Tagger(node, pushed(node, tmp_path))
    for _ in range(3):
        time.sleep(2)
        database.kill()
        database.start()
    time.sleep(2)
    tagger.finish()
    print(f"{len(tagger.acknowledged)} acknowledged over 3 restarts, the longest call took {tagger.longest:.1f} s")
    assert tagger.refused == []
    assert len(tagger.acknowledged) >= 4
    assert {tag for tag, _ in tagger.acknowledged} <= tags(node)


def test_a_standby_takes_over(short_folder, tmp_path, servers):
    primary = Cluster(f"{short_folder}/primary", ["wal_level=replica", "max_wal_senders=4"])
    servers.append(primary)
    standby = Cluster(f"{short_folder}/standby", copied_from=primary)
    servers.append(standby)
    primary.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
    primary.sql("SELECT pg_reload_conf()")
    node = serve(tmp_path, primary.url(standby), servers)
    tagger = Tagger(node, pushed(node, tmp_path))
    time.sleep(3)
    primary.kill()
    standby.promote()
    began, before = time.monotonic(), len(tagger.acknowledged)
    while len(tagger.acknowledged) < before + 3 and time.monotonic() < began + 60:
        time.sleep(0.1)
    took = time.monotonic() - began
    tagger.finish()
    print(f"{len(tagger.acknowledged)} acknowledged; 3 of them came within {took:.1f} s of the failover")
    assert tagger.refused == []
    assert len(tagger.acknowledged) >= before + 3
    assert {tag for tag, _ in tagger.acknowledged} <= tags(node)


def test_behind_pgbouncer(short_folder, tmp_path, servers):
    database = Cluster(f"{short_folder}/pooled")
    servers.append(database)
    pooler = Pooler(f"{short_folder}/p", database)
    servers.append(pooler)
    node = serve(tmp_path, pooler.url(), servers, "transaction_pooler = true\n")
    manifest = pushed(node, tmp_path)
    for tag in ("a", "b"):
        words = ["aws", "ecr", "put-image", "--repository-name", "team/app", "--image-tag", tag]
        run([*words, "--image-manifest", manifest], env=node.env)
    assert tags(node) == {"v1", "a", "b"}
    target = f"docker://{node.address}/team/app:v1"
    run(["skopeo", "copy", "--src-tls-verify=false", target, f"dir:{tmp_path / 'copy'}"], env=node.env)


def certificate(folder, name, signed_by=None, subject=None):
    """A certificate and its key, signed by itself or by another one."""
    key, request, made = (folder / f"{name}.{end}" for end in ("key", "csr", "crt"))
    env = {"PATH": "/usr/bin:/bin"}
    words = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key]
    subject = subject or name
    words += ["-subj", f"/CN={subject}"]
    if signed_by is None:
        run([*words, "-x509", "-days", "2", "-out", made], env=env)
        return made, key
    run([*words, "-addext", f"subjectAltName=DNS:{subject}", "-out", request], env=env)
    authority = ["-CA", signed_by[0], "-CAkey", signed_by[1], "-CAcreateserial"]
    run(["openssl", "x509", "-req", "-in", request, *authority, "-copy_extensions", "copy", "-out", made], env=env)
    return made, key


def test_tls_is_verified(short_folder, tmp_path, servers):
    authority, other = certificate(tmp_path, "authority"), certificate(tmp_path, "other")
    database = Cluster(f"{short_folder}/tls")
    servers.append(database)
    crt, key = certificate(tmp_path, "server", authority, "localhost")
    for source, name in ((crt, "server.crt"), (key, "server.key"), (authority[0], "root.crt")):
        (database.data / name).write_bytes(source.read_bytes())
        (database.data / name).chmod(0o600)
        database.own(database.data / name)
    rules = "local all all trust\nhostssl all all 127.0.0.1/32 cert\n"
    (database.data / "pg_hba.conf").write_text(rules)
    database.stop()
    database.settings = ["ssl=on", "ssl_ca_file=root.crt"]
    database.start()
    own = certificate(tmp_path, "wharf", authority)
    client = [f"sslcert={own[0]}", f"sslkey={own[1]}"]
    trusted = f"sslrootcert={authority[0]}"

    def url(host, *parameters):
        return database.url(host=host, parameters=parameters)

    for index, (refused, said) in enumerate(
        [
            (url("localhost", "sslmode=disable"), "no encryption"),
            (url("localhost", "sslmode=verify-full", trusted), "certificate"),
            (url("localhost", "sslmode=verify-full", f"sslrootcert={other[0]}", *client), "UnknownIssuer"),
            (url("localhost", "sslmode=verify-ca", f"sslrootcert={other[0]}", *client), "UnknownIssuer"),
            (url("127.0.0.1", "sslmode=verify-full", trusted, *client), "not valid for name"),
            (url("localhost", "sslmode=verify-all"), "sslmode must be"),
        ]
    ):
        folder = tmp_path / f"refused-{index}"
        folder.mkdir()
        with pytest.raises(AssertionError) as failure:
            serve(folder, refused, servers)
        assert said in str(failure.value), refused
    for index, accepted in enumerate(
        [
            url("localhost", "sslmode=verify-full", trusted, *client),
            url("127.0.0.1", "sslmode=verify-ca", trusted, *client),
            url("127.0.0.1", "sslmode=require", *client),
            url("127.0.0.1", *client),
        ]
    ):
        node = serve(tmp_path / "data", accepted, servers) if index else first(tmp_path, accepted, servers)
        node.stop()
    assert int(database.sql("SELECT count(*) FROM account")) >= 1


def first(tmp_path, url, servers):
    (tmp_path / "data").mkdir()
    return serve(tmp_path / "data", url, servers)
