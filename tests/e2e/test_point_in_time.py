"""The procedure of docs/operations.md for PostgreSQL with a versioned bucket: everything as it was at a moment."""

import datetime
import json
import os
import shutil
import time
from pathlib import Path

import images
import pytest
from cluster import Cluster
from object_store import BUCKET, ObjectStore
from process import free_port, run, wait_until
from test_postgres import Serve

# The bytes of what is deleted go soon, but not before the manifest of an upload arrives.
COLLECTION = "[collection]\ngrace_seconds = 8\ndelay_seconds = 0\ninterval_seconds = 1\n"


@pytest.fixture
def store(short_folder):
    store = ObjectStore("versitygw", Path(short_folder) / "versions", is_versioned=True)
    yield store
    store.stop()


def push(node, folder, tag):
    made = images.layout(folder, size=200_000)
    target = f"docker://{node.address}/team/app:{tag}"
    run(["skopeo", "copy", "--dest-tls-verify=false", made.skopeo, target], env=node.env)
    return made


def tags(node):
    listed = run(["aws", "ecr", "list-images", "--repository-name", "team/app"], env=node.env)
    return {one.get("imageTag") for one in json.loads(listed)["imageIds"]}


def made_at(marker):
    """When this delete marker of versitygw was made: its LastModified is that of the object, but its version ID is a ULID."""
    digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    milliseconds = 0
    for digit in marker["VersionId"][:10]:
        milliseconds = milliseconds * 32 + digits.index(digit)
    return datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.UTC)


def restore_objects(store, moment):
    """Removes the delete markers that are newer than the moment."""
    said = store.aws("s3api", "list-object-versions", "--bucket", BUCKET, "--prefix", "prod/")
    removed = 0
    for marker in json.loads(said).get("DeleteMarkers") or []:
        if made_at(marker) > moment:
            where = ["--bucket", BUCKET, "--key", marker["Key"], "--version-id", marker["VersionId"]]
            store.aws("s3api", "delete-object", *where)
            removed += 1
    return removed


def test_rows_and_layers_of_a_moment_come_back(short_folder, store, tmp_path):
    folder = Path(short_folder)
    archive = folder / "wal"
    archive.mkdir()
    Cluster.own(archive)
    archiving = ["archive_mode=on", f"archive_command=test ! -f {archive}/%f && cp %p {archive}/%f"]
    database = Cluster(folder / "before", archiving)
    secret = store.settings("prod", "stream")["WHARF__BLOBS__S3__SECRET_ACCESS_KEY_FILE"]
    bucket = (
        f'[blobs]\nurl = "s3://{BUCKET}/prod"\n[blobs.s3]\nendpoint = "{store.endpoint}"\n'
        f'access_key_id = "AKIDE2E"\nsecret_access_key_file = "{secret}"\n{COLLECTION}'
    )
    port = free_port()
    node = Serve(tmp_path, database.url(), port, bucket)
    try:
        run(["aws", "ecr", "create-repository", "--repository-name", "team/app"], env=node.env)
        node.login()
        old = push(node, tmp_path / "old", "old")
        base = database.folder / "base"
        source = ["-h", "127.0.0.1", "-p", database.port, "-U", "wharf"]
        database.program("pg_basebackup", *source, "-D", base, "-X", "none", "-c", "fast")
        kept = push(node, tmp_path / "kept", "kept")
        # The clocks of PostgreSQL and of the S3 server, whose times are whole seconds.
        time.sleep(2)
        moment = database.sql("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00'")
        time.sleep(2)
        push(node, tmp_path / "later", "later")
        images_of = ["--repository-name", "team/app", "--image-ids", "imageTag=old", "imageTag=kept"]
        run(["aws", "ecr", "batch-delete-image", *images_of], env=node.env)
        wait_until(lambda: len([key for key in store.keys("prod") if key.startswith("objects/")]) == 2, "the removal")
        segment = database.sql("SELECT pg_walfile_name(pg_switch_wal())")
        wait_until(lambda: database.sql("SELECT last_archived_wal FROM pg_stat_archiver") >= segment, "the archive")
    finally:
        node.daemon.stop()
    database.kill()
    shutil.rmtree(database.data)

    after = Cluster(folder / "after", ["archive_mode=off"], restored_from=(base, archive, moment))
    try:
        wait_until(lambda: after.sql("SELECT pg_is_in_recovery()") == "f", "the end of the recovery")
        assert restore_objects(store, datetime.datetime.fromisoformat(moment)) >= 4
        config = tmp_path / "wharf.toml"
        config.write_text(config.read_text().replace(database.url(), after.url()))
        # The objects of the image that came later are no part of it: no row names them.
        fsck = lambda *words: [os.environ["WHARF_BIN"], "fsck", "--config", config, *words]
        found = run(fsck("--repair", "--json"), env=node.env, exit_code=3)
        kinds = {finding["Kind"] for finding in json.loads(found)["Findings"]}
        assert kinds == {"UNKNOWN_FILE"}, found
        assert "Problems: 0." in run(fsck(), env=node.env)
        node = Serve(tmp_path, after.url(), port, bucket)
        try:
            node.login()
            assert tags(node) == {"old", "kept"}
            for made, tag in ((old, "old"), (kept, "kept")):
                source = f"docker://{node.address}/team/app:{tag}"
                run(["skopeo", "copy", "--src-tls-verify=false", source, f"dir:{tmp_path / tag}-copy"], env=node.env)
                inspect = ["skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", source]
                assert run(inspect, env=node.env).strip() == made.digest
            push(node, tmp_path / "new", "later")
            assert tags(node) == {"old", "kept", "later"}
        finally:
            node.daemon.stop()
    finally:
        after.stop()
