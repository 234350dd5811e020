"""Registries of others, which images are pulled through or imported from: Debian's docker-registry and distribution 3."""

import http.client
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
"""


class Upstream:
    """A running registry without authentication."""

    def __init__(self, program, folder):
        folder.mkdir(parents=True)
        self.address = f"127.0.0.1:{free_port()}"
        config = folder / "config.yml"
        config.write_text(CONFIG.format(folder=folder, address=self.address))
        self.storage = folder / "storage"
        self.env = environment(folder)
        self.log = folder / "log"
        words = [program, "serve", config]
        self.daemon = Daemon(words, env=self.env, log=self.log, ready=self.answers)

    def answers(self):
        try:
            connection = http.client.HTTPConnection(self.address, timeout=5)
            connection.request("GET", "/v2/")
            return connection.getresponse().status == 200
        except OSError:
            return False

    def push(self, layout, name, tag="v1"):
        run(
            ["skopeo", "copy", "--all", "--dest-tls-verify=false", layout.skopeo, f"docker://{self.address}/{name}:{tag}"],
            env=self.env,
        )

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
