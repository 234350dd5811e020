"""A closed network in which AWS's host names lead to a server with a certificate that clients trust, for tools that
accept no other names. The names come from a hosts file that only the test's own processes see. There are three
accounts: the management account, one that owns images, and one that runs them."""

import json
import os
import tomllib
from functools import cache
from pathlib import Path

from process import Daemon, answers, environment, run

REGION = "eu-central-1"
MANAGEMENT, SHARED, STAGING = "210987654321", "111122223333", "444455556666"
# The account that owns the images in docs/cross-account.md; the page creates it.
STORY = "121212121212"


def registry(account):
    return f"{account}.dkr.ecr.{REGION}.amazonaws.com"


NAMES = [
    *map(registry, [MANAGEMENT, SHARED, STAGING, STORY]),
    f"api.ecr.{REGION}.amazonaws.com",
    f"ecr.{REGION}.amazonaws.com",
    f"sts.{REGION}.amazonaws.com",
    "sts.amazonaws.com",
    "iam.amazonaws.com",
]

CONFIGURATION = """
data_dir = "{folder}/data"
region = "{region}"

[server]
listen = "{address}:443"
public_suffix = "amazonaws.com"

[server.tls]
certificate = "{folder}/certificate.pem"
key = "{folder}/key.pem"

[outbound]
allow_networks = ["127.0.0.1/32"]

[bootstrap]
account_id = "{management}"

[[accounts]]
id = "{shared}"
name = "shared-tooling"

[[accounts]]
id = "{staging}"
name = "staging"
"""


def in_closed_network(hosts, words):
    """A command with `hosts` as its /etc/hosts, in its own mount namespace."""
    script = 'mount --make-rprivate / && mount --bind "$1" /etc/hosts && shift && exec "$@"'
    return ["unshare", "-m", "sh", "-c", script, "sh", str(hosts), *map(str, words)]


def make_certificate(folder, env):
    """A certificate authority and a certificate for AWS's names, created with openssl."""
    ca = ["-x509", "-days", "2", "-subj", "/CN=Closed network CA", "-keyout", "ca.key", "-out", "ca.pem"]
    new = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    run([*new, *ca, "-addext", "basicConstraints=critical,CA:TRUE"], env=env, cwd=folder)
    run([*new, "-subj", "/CN=wharf", "-keyout", "key.pem", "-out", "request.pem"], env=env, cwd=folder)
    (folder / "names").write_text("subjectAltName=" + ",".join(f"DNS:{name}" for name in NAMES))
    sign = ["openssl", "x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"]
    run([*sign, "-days", "2", "-extfile", "names", "-out", "certificate.pem"], env=env, cwd=folder)


def key(access_key_id, secret_access_key, session_token=None):
    """The environment variables of an access key."""
    pair = {"AWS_ACCESS_KEY_ID": access_key_id, "AWS_SECRET_ACCESS_KEY": secret_access_key}
    return pair | ({"AWS_SESSION_TOKEN": session_token} if session_token else {})


class ClosedNetwork:
    def __init__(self, folder, home):
        self.folder, self.home = folder, home
        self.ca = folder / "ca.pem"
        env = environment(home)
        make_certificate(folder, env)
        # An otherwise unused loopback address, so port 443 is free.
        noise = os.urandom(2)
        address = f"127.{77 + os.getpid() % 100}.{noise[0]}.{1 + noise[1] % 250}"
        self.hosts = folder / "hosts"
        self.hosts.write_text(f"127.0.0.1 localhost\n{address} {' '.join(NAMES)}\n")
        accounts = {"management": MANAGEMENT, "shared": SHARED, "staging": STAGING}
        config = folder / "wharf.toml"
        config.write_text(CONFIGURATION.format(folder=folder, address=address, region=REGION, **accounts))
        self.binary = Path(os.environ["WHARF_BIN"])
        run([self.binary, "config", "check", config], env=env)
        ready = ["curl", "-fsS", "--cacert", self.ca, f"https://{registry(MANAGEMENT)}/readyz"]
        self.server = Daemon(
            [self.binary, "serve", "--config", config],
            env=env,
            log=folder / "log",
            ready=answers(in_closed_network(self.hosts, ready), env),
        )
        (kept,) = (folder / "data").glob("*.toml")
        kept = tomllib.loads(kept.read_text())
        self.administrator = key(kept["access_key_id"], kept["secret_access_key"])

    def environment(self, credentials):
        """A client's environment: the network's certificate authority, the Region, and `credentials`."""
        # The first is for Go's programs, the second for the AWS CLI. AWS_CA_BUNDLE would do for most of both, but the
        # SDK refuses it where a program brings an HTTP client of its own, as Flux does.
        trust = {"SSL_CERT_FILE": str(self.ca), "REQUESTS_CA_BUNDLE": str(self.ca)}
        return environment(self.home, trust | {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION} | credentials)

    def run(self, *words, credentials=None, env=None, **options):
        """Runs a client as the management account's administrator, or with other credentials."""
        whole = self.environment(self.administrator if credentials is None else credentials) | (env or {})
        return run(in_closed_network(self.hosts, words), env=whole, **options)

    def daemon(self, *words, credentials, **options):
        """Starts a daemon in the network."""
        return Daemon(in_closed_network(self.hosts, words), env=self.environment(credentials), **options)

    def aws(self, account, *words, **options):
        """The AWS CLI's output for an account's administrator."""
        said = self.run("aws", *words, "--output", "json", credentials=self.entered(account), **options)
        return json.loads(said) if said.strip() and not options.get("refused") else said

    @cache  # noqa: B019 (one network a run)
    def entered(self, account):
        """Credentials of the role with which an account is created, for the management account."""
        if account == MANAGEMENT:
            return self.administrator
        arn = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
        words = ["sts", "assume-role", "--role-arn", arn, "--role-session-name", "operator"]
        made = self.aws(MANAGEMENT, *words)["Credentials"]
        return key(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])

    @cache  # noqa: B019
    def password(self, account):
        """The docker password of an account's administrator."""
        return self.run("aws", "ecr", "get-login-password", credentials=self.entered(account)).strip()

    def stop(self):
        self.server.stop()
