"""Registries of others, which images are pulled through or imported from: Debian's docker-registry and distribution 3."""

import http.client
import json
import uuid

from process import Daemon, environment, free_port, run

CONFIG = """\
version: 0.1
log: {{accesslog: {{disabled: false}}}}
storage:
  filesystem: {{rootdirectory: {folder}/storage}}
  cache: {{blobdescriptor: inmemory}}
  delete: {{enabled: true}}
http: {{addr: "{address}"}}
{auth}"""
AUTH = "auth: {{htpasswd: {{realm: upstream, path: {file}}}}}\n"
LOGIN = ("reader", "correct horse")
# The password of LOGIN, as `htpasswd -B` writes it.
HASHED = "$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2"


class Upstream:
    """A running registry; with a login, it wants LOGIN for every request."""

    def __init__(self, program, folder, has_login=False):
        folder.mkdir(parents=True)
        self.address = f"127.0.0.1:{free_port()}"
        config = folder / "config.yml"
        self.has_login, auth = has_login, ""
        if has_login:
            file = folder / "htpasswd"
            file.write_text(f"{LOGIN[0]}:{HASHED}\n")
            auth = AUTH.format(file=file)
        config.write_text(CONFIG.format(folder=folder, address=self.address, auth=auth))
        self.storage = folder / "storage"
        self.env = environment(folder)
        self.log = folder / "log"
        words = [program, "serve", config]
        self.daemon = Daemon(words, env=self.env, log=self.log, ready=self.answers)

    def answers(self):
        try:
            connection = http.client.HTTPConnection(self.address, timeout=5)
            connection.request("GET", "/v2/")
            return connection.getresponse().status == (401 if self.has_login else 200)
        except OSError:
            return False

    def push(self, layout, name, tag="v1"):
        words = ["skopeo", "copy", "--all", "--dest-tls-verify=false"]
        if self.has_login:
            words += ["--dest-creds", ":".join(LOGIN)]
        run([*words, layout.skopeo, f"docker://{self.address}/{name}:{tag}"], env=self.env)

    def requests(self, text):
        """How often the log has a request for this text."""
        return sum(f'"GET /v2/{text}' in line for line in self.log.read_text().splitlines())

    def stop(self):
        self.daemon.stop()


def rule(wharf, upstream, **options):
    """Creates a rule for an upstream registry; returns its prefix."""
    prefix = f"up-{uuid.uuid4().hex[:12]}"
    wharf.client("ecr").create_pull_through_cache_rule(
        ecrRepositoryPrefix=prefix, upstreamRegistryUrl=upstream.address, **options
    )
    return prefix


def secret(wharf, login=LOGIN):
    """Stores a user name and password; returns the ARN of the secret."""
    name = f"ecr-pullthroughcache/{uuid.uuid4().hex[:12]}"
    value = json.dumps({"username": login[0], "accessToken": login[1]})
    return wharf.client("secretsmanager").create_secret(Name=name, SecretString=value)["ARN"]
