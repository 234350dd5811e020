"""Backups to a bucket, encrypted and not: made while the server runs, listed, pruned and restored."""

import json
from pathlib import Path

import images
import pytest
from object_store import BUCKET, KEY, ObjectStore
from process import environment, run
from server import Wharf

# More than a part of a multipart upload.
LARGE = 20 << 20


@pytest.fixture(scope="module", params=["versitygw", "seaweedfs"])
def store(request, short_folder):
    store = ObjectStore(request.param, Path(short_folder) / f"backup-{request.param}")
    yield store
    store.stop()


@pytest.mark.parametrize("is_encrypted", [False, True], ids=["plain", "encrypted"])
def test_a_backup_in_a_bucket_restores(store, is_encrypted, tmp_path):
    server = Wharf(tmp_path / "source")
    prefix = "encrypted" if is_encrypted else "plain"
    place = f"s3://{BUCKET}/backups/{prefix}"
    secret = store.settings(prefix, "stream")["WHARF__BLOBS__S3__SECRET_ACCESS_KEY_FILE"]
    config = tmp_path / "backup.toml"
    config.write_text(
        f'[blobs.s3]\nendpoint = "{store.endpoint}"\naccess_key_id = "{KEY}"\nsecret_access_key_file = "{secret}"\n'
    )
    key = tmp_path / "backup.key"
    key.write_text("0123456789abcdef" * 4)
    key.chmod(0o600)
    where = [place, "--s3-config", config, *(["--encryption-key-file", key] if is_encrypted else [])]
    wharf = lambda *words, **options: run(
        [server.binary, *words], env=environment(server.home, server.env), **options
    )
    try:
        name = server.repository("kept")
        env = server.logged_in(tmp_path / "client")
        made = images.layout(tmp_path / "made", layers=2, size=LARGE)
        target = f"docker://{server.ref(name, 'v1')}"
        run(["skopeo", "copy", "--dest-tls-verify=false", made.skopeo, target], env=env)
        first = json.loads(wharf("backup", *where, "--with-master-key", "--json"))
        assert first["CopiedObjects"] == first["Objects"] == 3
        other = images.layout(tmp_path / "other")
        run(["skopeo", "copy", "--dest-tls-verify=false", other.skopeo, f"{target}-other"], env=env)
        second = json.loads(wharf("backup", *where, "--with-master-key", "--json"))
        assert (second["Objects"], second["CopiedObjects"]) == (5, 2)
        listed = json.loads(wharf("backup", "list", *where, "--json"))
        assert [one["Snapshot"] for one in listed] == [first["Snapshot"], second["Snapshot"]]
        if is_encrypted:
            assert "is encrypted" in wharf("backup", "list", place, "--s3-config", config, refused=True)
            key.write_text("f" * 64)
            assert "is not the one" in wharf("backup", "list", *where, refused=True)
            key.write_text("0123456789abcdef" * 4)
        assert "Removed 1 snapshots, and 0 objects" in wharf("backup", "prune", "--keep", "1", *where)
    finally:
        server.stop()

    new = tmp_path / "new" / "data"
    restored = json.loads(wharf("restore", *where, "--data-dir", new, "--json"))
    assert restored["Objects"] == 5 and restored["Check"]["Findings"] == [], restored
    assert "Problems: 0." in wharf("fsck", "--data-dir", new)
    server = Wharf(tmp_path / "new")
    try:
        for digest in made.layers + other.layers:
            status, _, body = server.http("GET", f"/v2/{name}/blobs/{digest}")
            assert status == 200 and images.digest_of(body) == digest
    finally:
        server.stop()

    # A changed object is named, and no database is made.
    objects = [key for key in store.keys(f"backups/{prefix}") if key.startswith("objects/")]
    assert len(objects) == 5
    store.aws("s3", "rm", f"{place}/{objects[0]}")
    missing = wharf("restore", *where, "--data-dir", tmp_path / "none", refused=True)
    assert "its bytes are missing" in missing and not (tmp_path / "none" / "wharf.db").exists()
