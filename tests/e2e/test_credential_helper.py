"""Unmodified AWS helpers in a closed network: AWS's own host names lead to the server, which has a certificate that
they trust. The names come from a hosts file that only the test's own processes see."""

import json
import os
import tomllib
from pathlib import Path

import images
import pytest
from process import Daemon, answers, environment, run

REGION = "eu-central-1"
ACCOUNT = "210987654321"
REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
NAMES = [
    REGISTRY,
    f"api.ecr.{REGION}.amazonaws.com",
    f"ecr.{REGION}.amazonaws.com",
    f"sts.{REGION}.amazonaws.com",
    "sts.amazonaws.com",
]


def in_closed_network(hosts, words):
    """A command that sees `hosts` as its /etc/hosts, in a mount namespace of its own."""
    script = 'mount --make-rprivate / && mount --bind "$1" /etc/hosts && shift && exec "$@"'
    return ["unshare", "-m", "sh", "-c", script, "sh", str(hosts), *map(str, words)]


def make_certificate(folder, env):
    """A certificate authority and a certificate for AWS's names, made by openssl."""
    ca = ["-x509", "-days", "2", "-subj", "/CN=Closed network CA", "-keyout", "ca.key", "-out", "ca.pem"]
    new = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    run([*new, *ca, "-addext", "basicConstraints=critical,CA:TRUE"], env=env, cwd=folder)
    run([*new, "-subj", "/CN=wharf", "-keyout", "key.pem", "-out", "request.pem"], env=env, cwd=folder)
    (folder / "names").write_text("subjectAltName=" + ",".join(f"DNS:{name}" for name in NAMES))
    sign = ["openssl", "x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"]
    run([*sign, "-days", "2", "-extfile", "names", "-out", "certificate.pem"], env=env, cwd=folder)


class ClosedNetwork:
    def __init__(self, folder, home):
        self.folder, self.home = folder, home
        env = environment(home)
        make_certificate(folder, env)
        # An address of the loopback network that nothing else uses, so that port 443 is free.
        noise = os.urandom(2)
        self.address = f"127.{77 + os.getpid() % 100}.{noise[0]}.{1 + noise[1] % 250}"
        self.hosts = folder / "hosts"
        self.hosts.write_text(f"127.0.0.1 localhost\n{self.address} {' '.join(NAMES)}\n")
        config = folder / "wharf.toml"
        config.write_text(
            f'data_dir = "{folder / "data"}"\nregion = "{REGION}"\n\n'
            f'[server]\nlisten = "{self.address}:443"\npublic_suffix = "amazonaws.com"\n\n'
            f'[server.tls]\ncertificate = "{folder / "certificate.pem"}"\nkey = "{folder / "key.pem"}"\n\n'
            f'[bootstrap]\naccount_id = "{ACCOUNT}"\n'
        )
        binary = Path(os.environ["WHARF_BIN"])
        run([binary, "config", "check", config], env=env)
        ready = ["curl", "-fsS", "--cacert", folder / "ca.pem", f"https://{REGISTRY}/readyz"]
        self.daemon = Daemon(
            [binary, "serve", "--config", config],
            env=env,
            log=folder / "log",
            ready=answers(in_closed_network(self.hosts, ready), env),
        )
        (kept,) = (folder / "data").glob("*.toml")
        self.key = tomllib.loads(kept.read_text())

    def run(self, *words, env=None, **options):
        trust = {"SSL_CERT_FILE": str(self.folder / "ca.pem"), "AWS_CA_BUNDLE": str(self.folder / "ca.pem")}
        key = {
            "AWS_ACCESS_KEY_ID": self.key["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": self.key["secret_access_key"],
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }
        whole = environment(self.home, trust | key | (env or {}))
        return run(in_closed_network(self.hosts, words), env=whole, **options)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    network = ClosedNetwork(tmp_path_factory.mktemp("closed"), home)
    yield network
    network.daemon.stop()


def test_the_aws_cli_without_an_endpoint_override(network):
    me = json.loads(network.run("aws", "sts", "get-caller-identity", "--output", "json"))
    assert me["Account"] == ACCOUNT
    words = ["aws", "ecr", "create-repository", "--output", "json", "--repository-name"]
    made = json.loads(network.run(*words, "closed/cli"))["repository"]
    assert made["repositoryUri"] == f"{REGISTRY}/closed/cli"
    granted = json.loads(network.run("aws", "ecr", "get-authorization-token", "--output", "json"))
    assert granted["authorizationData"][0]["proxyEndpoint"] == f"https://{REGISTRY}"


def test_the_credential_helper_gives_a_password(network):
    said = json.loads(network.run("docker-credential-ecr-login", "get", input=REGISTRY))
    assert said["Username"] == "AWS" and len(said["Secret"]) > 20
    assert said["ServerURL"] == REGISTRY


def test_clients_push_and_pull_with_the_credential_helper(network, tmp_path):
    network.run("aws", "ecr", "create-repository", "--repository-name", "closed/helper")
    (network.home / ".docker").mkdir(exist_ok=True)
    helper = json.dumps({"credHelpers": {REGISTRY: "ecr-login"}})
    (network.home / ".docker" / "config.json").write_text(helper)
    (network.home / "auth.json").write_text(helper)
    made = images.layout(tmp_path / "made")
    target = f"{REGISTRY}/closed/helper:v1"
    auth = {"REGISTRY_AUTH_FILE": str(network.home / "auth.json")}
    network.run("skopeo", "copy", made.skopeo, f"docker://{target}", env=auth)
    assert network.run("crane", "digest", target).strip() == made.digest
    assert network.run("oras", "repo", "tags", f"{REGISTRY}/closed/helper").strip() == "v1"


def test_a_wrong_secret_gets_no_password(network, tmp_path):
    # A home of its own: the helper keeps tokens that it got before.
    wrong = {"AWS_SECRET_ACCESS_KEY": "x" * 40, "HOME": str(tmp_path)}
    said = network.run("docker-credential-ecr-login", "get", input=REGISTRY, env=wrong, refused=True)
    assert "credentials not found" in said
