"""The cluster of deploy/local-cluster: three nodes, PostgreSQL with a standby, an S3 server and a load balancer."""

import base64
import json
import os
from pathlib import Path

from process import Daemon, environment, run

SCRIPT = Path(__file__).parents[2] / "deploy/local-cluster/cluster.py"


class LocalCluster:
    """A running cluster, used by what it prints for its users. The folder's path must be short."""

    def __init__(self, folder, *options, settings=None):
        self.folder, log = Path(folder) / "cluster", Path(folder) / "cluster.log"
        # PostgreSQL runs as another user if this is root.
        os.chmod(folder, 0o755)
        words = ["python3", SCRIPT, "--wharf", os.environ["WHARF_BIN"], "--folder", self.folder, *options]
        ready = lambda: log.exists() and "ready: " in log.read_text()
        self.daemon = Daemon(words, env=environment(folder, settings), log=log, ready=ready)
        state = self.state()
        self.pids, self.nodes, self.promote = state["pids"], state["nodes"], state["promote"]
        self.metrics = state["metrics"]
        self.registry = state["environment"]["WHARF_REGISTRY"]
        self.variables = state["environment"]

    def state(self):
        return json.loads((self.folder / "state.json").read_text())

    def client(self, home):
        """A client's environment, with the administrator's keys and the credentials of docker."""
        env = environment(home, self.variables)
        password = run(["aws", "ecr", "get-login-password"], env=env).strip()
        auth = base64.b64encode(f"AWS:{password}".encode()).decode()
        (Path(home) / "auth.json").write_text(json.dumps({"auths": {self.registry: {"auth": auth}}}))
        return env | {"REGISTRY_AUTH_FILE": str(Path(home) / "auth.json"), "DOCKER_CONFIG": str(home)}

    def sql(self, text):
        """What PostgreSQL answers to a statement."""
        folder = self.folder / "postgres"
        port = next(folder.glob("primary/postmaster.pid")).read_text().splitlines()[3]
        words = ["psql", "-h", "127.0.0.1", "-p", port, "-U", "wharf", "-d", "postgres", "-Atc", text]
        return run(words, env=environment(self.folder)).strip()

    def stop(self):
        self.daemon.stop()
