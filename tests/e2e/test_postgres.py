"""`wharf serve` with its metadata on PostgreSQL: pushed by one process, read by the next."""

import base64
import glob
import os
import shutil
import tomllib
from pathlib import Path

import images
import pytest
from process import Daemon, answers, environment, free_port, run

ACCOUNT = "123456789012"
REGION = "us-east-1"


def as_postgres(*words):
    """PostgreSQL refuses to run as root."""
    whole = list(map(str, words))
    drop = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    return drop + whole if os.geteuid() == 0 else whole


@pytest.fixture(scope="module")
def database(short_folder):
    """The URL of an empty database that listens only on a socket in a folder."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    assert found, "PostgreSQL is not installed: run `cargo xtask install`"
    folder = Path(short_folder)
    env = environment(folder)
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    initdb, postgres, psql = (Path(found[-1]) / name for name in ("initdb", "postgres", "psql"))
    run(as_postgres(initdb, "-D", folder / "db", "-A", "trust", "-U", "wharf", "-E", "UTF8"), env=env)
    ask = [psql, "-h", folder, "-U", "wharf", "-d", "postgres", "-c", "SELECT 1"]
    server = Daemon(
        as_postgres(postgres, "-D", folder / "db", "-k", folder, "-c", "listen_addresses="),
        env=env,
        log=folder / "log",
        ready=answers(ask, env),
    )
    yield f"postgres://wharf@{str(folder).replace('/', '%2F')}/postgres"
    server.stop()


class Serve:
    """A `wharf serve` on a given port."""

    def __init__(self, folder, database, port):
        self.home = folder / "home"
        self.home.mkdir(exist_ok=True)
        self.env = environment(self.home)
        self.address = f"localhost:{port}"
        config = folder / "wharf.toml"
        config.write_text(
            f'data_dir = "{folder / "data"}"\nregion = "{REGION}"\n'
            f'[server]\nlisten = "127.0.0.1:{port}"\n[database]\nurl = "{database}"\n'
            f'[bootstrap]\naccount_id = "{ACCOUNT}"\n'
        )
        self.daemon = Daemon(
            [os.environ["WHARF_BIN"], "serve", "--config", config],
            env=self.env,
            log=folder / "log",
            ready=answers(["curl", "-fsS", f"http://{self.address}/readyz"], self.env),
        )
        (kept,) = (folder / "data").glob("*.toml")
        key = tomllib.loads(kept.read_text())
        self.env |= {
            "AWS_ACCESS_KEY_ID": key["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": key["secret_access_key"],
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL_ECR": f"http://{self.address}",
        }

    def login(self):
        password = run(["aws", "ecr", "get-login-password"], env=self.env).strip()
        basic = base64.b64encode(f"AWS:{password}".encode()).decode()
        (self.home / "auth.json").write_text(f'{{"auths":{{"{self.address}":{{"auth":"{basic}"}}}}}}')
        self.env["REGISTRY_AUTH_FILE"] = str(self.home / "auth.json")


def test_an_image_is_kept_after_a_restart(database, tmp_path):
    made = images.layout(tmp_path / "made")
    first = Serve(tmp_path, database, free_port())
    try:
        create = ["aws", "ecr", "create-repository", "--repository-name", "team/app"]
        run([*create, "--image-tag-mutability", "IMMUTABLE"], env=first.env)
        assert "RepositoryAlreadyExistsException" in run(create, env=first.env, refused=True)
        first.login()
        target = f"docker://{first.address}/team/app:v1"
        run(["skopeo", "copy", "--dest-tls-verify=false", made.skopeo, target], env=first.env)
    finally:
        first.daemon.stop()
    second = Serve(tmp_path, database, free_port())
    try:
        second.login()
        source = f"docker://{second.address}/team/app:v1"
        digest = run(["skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", source], env=second.env)
        assert digest.strip() == made.digest
        copy = tmp_path / "copy"
        run(["skopeo", "copy", "--src-tls-verify=false", source, f"dir:{copy}"], env=second.env)
        other = images.layout(tmp_path / "other")
        moved = run(["skopeo", "copy", "--dest-tls-verify=false", other.skopeo, source], env=second.env, refused=True)
        assert "immutable" in moved
    finally:
        second.daemon.stop()
