"""`wharf serve` with its metadata on PostgreSQL: pushed by one process, read by the next."""

import base64
import os
import subprocess
import tomllib

import images
import pytest
from cluster import Cluster
from process import Daemon, answers, client, environment, free_port, run

ACCOUNT = "123456789012"
REGION = "us-east-1"


@pytest.fixture(scope="module")
def database(short_folder):
    """The URL of an empty database."""
    server = Cluster(f"{short_folder}/pg")
    yield server.url()
    server.stop()


class Serve:
    """A `wharf serve` on a given port."""

    def __init__(self, folder, database, port, settings=""):
        self.home = folder / "home"
        self.home.mkdir(exist_ok=True)
        self.env = environment(self.home)
        self.address = f"localhost:{port}"
        config = folder / "wharf.toml"
        config.write_text(
            f'data_dir = "{folder / "data"}"\nregion = "{REGION}"\n'
            f'[server]\nlisten = "127.0.0.1:{port}"\n[database]\nurl = "{database}"\n{settings}'
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

    def try_aws(self, words):
        """What the command said if it failed, or nothing."""
        done = subprocess.run([client(words[0]), *words[1:]], env=self.env, capture_output=True, text=True, timeout=120)
        return done.stderr if done.returncode else None

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
