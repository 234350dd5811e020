"""`wharf migrate-store`: a deployment moves to PostgreSQL and a bucket and back, while it serves pulls."""

import json
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

import images
import pytest
from cluster import Cluster
from object_store import BUCKET, KEY, ObjectStore
from process import Daemon, answers, environment, free_port, run
from server import Wharf

# What belongs to one database, and is not copied.
OWN_SETTINGS = ("backup-holds", "blob-store", "archive-store", "read-only", "store-move")


@pytest.fixture(scope="module")
def database(short_folder):
    server = Cluster(f"{short_folder}/pg")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def store(short_folder):
    store = ObjectStore("versitygw", Path(short_folder) / "s3")
    yield store
    store.stop()


@pytest.fixture
def servers():
    """What is to be stopped, the last first."""
    started = []
    yield started
    for one in reversed(started):
        one.stop()


def configuration(folder, database=None, bucket=None, store=None):
    """A configuration file of `wharf serve`, with its port."""
    folder.mkdir()
    port = free_port()
    text = f'data_dir = "{folder}/data"\n[server]\nlisten = "127.0.0.1:{port}"\n'
    if database:
        text += f'[database]\nurl = "{database}"\n'
    if bucket:
        secret = store.settings("", "stream")["WHARF__BLOBS__S3__SECRET_ACCESS_KEY_FILE"]
        text += f'[blobs]\nurl = "s3://{BUCKET}/{bucket}"\n[blobs.s3]\nendpoint = "{store.endpoint}"\n'
        text += f'access_key_id = "{KEY}"\nsecret_access_key_file = "{secret}"\n'
    path = folder / "wharf.toml"
    path.write_text(text)
    return path, f"127.0.0.1:{port}"


class Puller(threading.Thread):
    """Pulls a manifest and a layer again and again."""

    def __init__(self, server, name, made):
        super().__init__(daemon=True)
        self.server, self.paths = server, [f"manifests/{made.digest}", f"blobs/{made.layers[0]}"]
        self.name, self.ended, self.pulled, self.failed = name, threading.Event(), 0, []
        self.start()

    def run(self):
        while not self.ended.is_set():
            for path in self.paths:
                status, _, body = self.server.http("GET", f"/v2/{self.name}/{path}")
                if status == 200 and images.digest_of(body) in path:
                    self.pulled += 1
                else:
                    self.failed.append((status, body[:200]))
            time.sleep(0.05)

    def finish(self):
        self.ended.set()
        self.join()
        return self.pulled, self.failed


def migrate(server, *words, refused=False, fault=None):
    """Runs the command as the administrator of the server; the result."""
    env = environment(server.home, server.env)
    words = [server.binary, "migrate-store", *words]
    if fault:
        done = subprocess.run([*map(str, words), "--fault", fault], env=env, capture_output=True, text=True, timeout=120)
        assert done.returncode < 0, f"it was to be killed\n{done.stderr}"
        return done.stderr
    said = run(words, env=env, refused=refused)
    return said if refused or "--json" not in words else json.loads(said)


def rows(path):
    """All rows of a database of SQLite, as they are moved."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        found = {}
        for table in sorted(set(tables) - {"schema_migration", "sqlite_sequence"}):
            columns = sorted(row[1] for row in database.execute(f"PRAGMA table_info({table})"))
            listed = ", ".join(f'"{column}"' for column in columns)
            found[table] = sorted(database.execute(f"SELECT {listed} FROM {table}").fetchall(), key=repr)
        found["setting"] = [row for row in found["setting"] if row[0] not in OWN_SETTINGS]
        sequence = database.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchone()
    return found, sequence


def source(tmp_path):
    """A server of the store that moves. `wharf env` does not name Secrets Manager."""
    server = Wharf(tmp_path / "source")
    server.env["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = server.env["AWS_ENDPOINT_URL_ECR"]
    return server


def filled(server, tmp_path):
    """Pushes images, and makes rows of other kinds with sealed values: the repository and the image."""
    name = server.repository("moved")
    env = server.logged_in(tmp_path / "client")
    made = images.layout(tmp_path / "made", layers=3, size=300_000)
    for tag in ("v1", "v2"):
        target = f"docker://{server.ref(name, tag)}"
        run(["skopeo", "copy", "--dest-tls-verify=false", made.skopeo, target], env=env)
    server.aws("secretsmanager", "create-secret", "--name", "ecr-pullthroughcache/word", "--secret-string", "sealed and opened")
    server.aws("iam", "create-user", "--user-name", "someone")
    server.aws("ecr", "set-repository-policy", "--repository-name", name, "--policy-text", POLICY)
    server.aws("ecr", "batch-delete-image", "--repository-name", name, "--image-ids", "imageTag=v2")
    return name, made


POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}]}
)


def test_a_store_moves_to_postgresql_and_s3_and_back(database, store, servers, tmp_path):
    server = source(tmp_path)
    servers.append(server)
    name, made = filled(server, tmp_path)
    scaled, address = configuration(tmp_path / "scaled", database.url(), "moved", store)
    puller = Puller(server, name, made)
    there = ["--from", server.data, "--to", scaled]
    # Killed while it copies layers.
    migrate(server, *there, fault="append-durable:2")
    unfinished = run([server.binary, "serve", "--config", scaled], env=environment(server.home), refused=True)
    assert "wharf migrate-store again" in unfinished

    # Changes are refused in each dialect, in words that say why, and pulls are not.
    status, headers, body = server.http("POST", f"/v2/{name}/blobs/uploads/", headers={"Content-Length": "0"})
    assert status == 503 and headers["retry-after"] and b"read-only while its data is moved" in body
    for words in (
        ["ecr", "create-repository", "--repository-name", "other"],
        ["iam", "create-user", "--user-name", "other"],
        ["secretsmanager", "create-secret", "--name", "ecr-pullthroughcache/other", "--secret-string", "x"],
    ):
        assert "read-only while its data is moved" in server.aws(*words, refused=True, env={"AWS_MAX_ATTEMPTS": "1"})
    server.stop()
    servers.remove(server)
    server = source(tmp_path)
    servers.append(server)
    assert server.http("POST", f"/v2/{name}/blobs/uploads/", headers={"Content-Length": "0"})[0] == 503
    pulled, _ = puller.finish()
    assert pulled > 10
    puller = Puller(server, name, made)

    moved = migrate(server, *there, "--verify", "all", "--json")
    assert moved["CopiedObjects"] < moved["Objects"] == moved["ReadAgain"], moved
    assert moved["Check"]["Findings"] == [] and moved["Rows"] > 50, moved
    assert "not empty" in migrate(server, *there, refused=True)

    # Back, before anything changes: the rows are the same.
    back = tmp_path / "back"
    returned = migrate(server, "--from", scaled, "--to", back, "--json")
    assert returned["Rows"] == moved["Rows"] and returned["Objects"] == moved["Objects"]
    assert rows(back / "wharf.db") == rows(server.data / "wharf.db")
    pulled, failed = puller.finish()
    assert pulled > 10 and failed == []

    # The bucket and the database in use: everything is there, what is sealed can be opened, and new rows have new IDs.
    assert "writable" in migrate(server, "release", "--at", scaled)
    env = server.env | {key: f"http://{address}" for key in server.env if key.startswith("AWS_ENDPOINT_URL")}
    node = Daemon(
        [server.binary, "serve", "--config", scaled],
        env=environment(server.home),
        log=tmp_path / "node.log",
        ready=answers(["curl", "-fsS", f"http://{address}/readyz"], environment(server.home)),
    )
    servers.append(node)
    aws = lambda *words: json.loads(run(["aws", *words, "--output", "json"], env=environment(server.home, env)) or "{}")
    assert aws("secretsmanager", "get-secret-value", "--secret-id", "ecr-pullthroughcache/word")["SecretString"] == "sealed and opened"
    assert {one.get("imageTag") for one in aws("ecr", "list-images", "--repository-name", name)["imageIds"]} == {"v1"}
    aws("iam", "create-user", "--user-name", "other")
    aws("ecr", "create-repository", "--repository-name", "other")
    password = run(["aws", "ecr", "get-login-password"], env=environment(server.home, env)).strip()
    login = ["--dest-tls-verify=false", "--dest-creds", f"AWS:{password}"]
    new = images.layout(tmp_path / "new", size=100_000)
    target = f"docker://{address}/other:v1"
    run(["skopeo", "copy", *login, new.skopeo, target], env=environment(server.home))
    pull = ["--src-tls-verify=false", "--src-creds", f"AWS:{password}", f"docker://{address}/{name}:v1"]
    run(["skopeo", "copy", *pull, f"dir:{tmp_path / 'copy'}"], env=environment(server.home))
    checked = run([server.binary, "fsck", "--config", scaled], env=environment(server.home))
    assert "Problems: 0." in checked

    # The folder, too.
    assert "Problems: 0." in run([server.binary, "fsck", "--data-dir", back], env=environment(server.home))
    # The source stays as it was.
    assert server.http("POST", f"/v2/{name}/blobs/uploads/", headers={"Content-Length": "0"})[0] == 503


def test_layers_alone_and_rows_alone(database, store, servers, tmp_path):
    server = source(tmp_path)
    servers.append(server)
    name, made = filled(server, tmp_path)
    # The rows stay in the folder's database.
    bucket, _ = configuration(tmp_path / "bucket", None, "alone", store)
    text = bucket.read_text().replace(f"{tmp_path}/bucket/data", str(server.data))
    bucket.write_text(text)
    other, _ = configuration(tmp_path / "other", None, "alone", store)
    moved = migrate(server, "--from", server.data, "--to", bucket, "--json")
    assert (moved["MovesRows"], moved["MovesLayers"], moved["Rows"]) == (False, True, 0)
    server.stop()
    servers.remove(server)
    # The folder is not the store of this database any more.
    refused = run(
        [server.binary, "dev", "--data-dir", server.data, "--listen", "127.0.0.1:0"],
        env=environment(server.home),
        refused=True,
    )
    assert "store ID" in refused
    assert "writable" in migrate(server, "release", "--at", bucket)
    server = Wharf(tmp_path / "source", settings=store.settings("alone", "stream"))
    servers.append(server)
    assert server.http("GET", f"/v2/{name}/blobs/{made.layers[0]}")[0] == 200
    server.repository("new")
    refused = migrate(server, "--from", server.data, "--to", other, refused=True)
    assert "belongs to another database" in refused
    migrate(server, "release", "--at", server.data)

    # The layers stay in the bucket.
    database.sql("CREATE DATABASE rows")
    url = database.url().replace("/postgres", "/rows")
    rows_alone, _ = configuration(tmp_path / "rows", url, "alone", store)
    moved = migrate(server, "--from", bucket, "--to", rows_alone, "--json")
    assert (moved["MovesRows"], moved["MovesLayers"], moved["CopiedObjects"]) == (True, False, 0)
    assert "Problems: 0." in run([server.binary, "fsck", "--config", rows_alone], env=environment(server.home))
    # The bucket belongs to the new database.
    server.stop()
    servers.remove(server)
    refused = run([server.binary, "fsck", "--repair", "--config", bucket], env=environment(server.home), refused=True)
    assert "store ID" in refused
