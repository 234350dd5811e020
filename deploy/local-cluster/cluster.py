#!/usr/bin/env python3
"""Starts Wharf scaled out on one machine, to try it and to test it: PostgreSQL with a synchronous standby, an S3 server,
three nodes, and a load balancer that gives each request to another node. Everything listens on 127.0.0.1, and stops with
this program. Needs Debian's postgresql and haproxy, and versitygw or SeaweedFS (weed) on PATH.

  deploy/local-cluster/cluster.py --wharf target/release/wharf --folder /tmp/wharf-cluster
  . /tmp/wharf-cluster/env                 # in another terminal

SIGUSR1 kills the primary of PostgreSQL and promotes its standby; a new standby takes the place of the old primary.
"""

import argparse
import glob
import hashlib
import hmac
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ACCOUNT, REGION, BUCKET = "123456789012", "us-east-1", "layers"
KEY, SECRET = "AKIALOCALCLUSTER0000", secrets.token_hex(20)
STORE_KEY, STORE_SECRET = "AKIDCLUSTER", secrets.token_hex(20)

HAPROXY = """
global
    maxconn 4000
defaults
    mode http
    # Layers take minutes; Wharf has its own limits for slow and idle clients.
    timeout connect 5s
    timeout client 10m
    timeout server 10m
    # A node waits for a database that restarts (database.failover_seconds), and so do its answers to /readyz.
    timeout check 20s
    option redispatch
    retries 3
    # Another node gets a request that no node has seen, and a GET or HEAD that a node did not answer.
    retry-on conn-failure empty-response
    option forwardfor
frontend registry
    bind 127.0.0.1:{port}
    http-request set-header X-Forwarded-Proto http
    # A node that ends may have carried out the others: a part of an upload must not be appended twice.
    http-request disable-l7-retry unless METH_GET
    default_backend nodes
backend nodes
    balance roundrobin
    option httpchk GET /readyz
    http-check send hdr Host localhost
    default-server inter 500ms fall 2 rise 1
{servers}
"""

NODE = """
data_dir = "{folder}/data"
master_key_file = "{root}/master.key"
region = "{region}"
[server]
listen = "127.0.0.1:{port}"
public_host = "127.0.0.1"
public_port = {public}
trusted_proxies = ["127.0.0.1/32"]
[metrics]
listen = "127.0.0.1:{metrics}"
[bootstrap]
account_id = "{account}"
access_key_id = "{key}"
secret_access_key_file = "{root}/first-secret"
[database]
url = "{database}"
[blobs]
url = "s3://{bucket}/prod"
[blobs.s3]
endpoint = "{store}"
public_endpoint = "{public_store}"
region = "us-east-1"
access_key_id = "{store_key}"
secret_access_key_file = "{root}/s3-secret"
serve = "{serve}"
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wharf", default="wharf", help="the binary [wharf]")
    parser.add_argument("--folder", type=Path, required=True, help="a new folder with a short path")
    parser.add_argument("--port", type=int, default=0, help="the port of the load balancer [a free one]")
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--store", choices=["versitygw", "seaweedfs"], default="versitygw")
    parser.add_argument("--serve", choices=["stream", "redirect"], default="stream")
    parser.add_argument("--no-standby", action="store_true", help="PostgreSQL alone")
    parser.add_argument("--restart", action="store_true", help="start again what ends, as systemd and Kubernetes do")
    parser.add_argument("--links", type=json.loads, default={}, help="ports of the servers, and of a test's proxies before them")
    parser.add_argument("--skew", metavar="OFFSET", help="the clock of the last node, such as +40s; needs Debian's faketime")
    options = parser.parse_args()
    # SIGTERM ends the program as Ctrl-C does, so the other processes end too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    cluster = Cluster(options)
    signal.signal(signal.SIGUSR1, lambda *_: cluster.ask_for_failover())
    try:
        cluster.start()
        cluster.watch()
    except KeyboardInterrupt:
        pass
    finally:
        cluster.stop()


class Cluster:
    def __init__(self, options):
        self.options, self.root = options, options.folder.resolve()
        self.root.mkdir(parents=True)
        self.root.chmod(0o755)
        self.processes, self.commands, self.metrics = {}, {}, []
        self.port = options.port or free_port()
        self.vacuum = None
        self.asked, self.failovers = 0, 0

    def start(self):
        for name, content in [
            ("master.key", secrets.token_hex(32)),
            ("first-secret", SECRET),
            ("s3-secret", STORE_SECRET),
        ]:
            private(self.root / name, content)
        self.postgres()
        self.store = getattr(self, self.options.store)()
        self.bucket(self.store)
        self.nodes = [self.node(number) for number in range(1, self.options.nodes + 1)]
        for port in self.nodes:
            wait(lambda port=port: answers(f"http://127.0.0.1:{port}/readyz"), "a node", self)
        self.balancer(self.nodes)
        wait(lambda: answers(f"http://127.0.0.1:{self.port}/readyz"), "the load balancer", self)
        self.tell()

    def run(self, name, words, env=None, user=None):
        """Starts a process whose output goes to NAME.log."""
        env = {"PATH": os.environ["PATH"], "HOME": str(self.root), "LANG": "C.UTF-8"} | (env or {})
        self.commands[name] = (as_user(user, words), env)
        self.spawn(name)

    def spawn(self, name):
        words, env = self.commands[name]
        with open(self.root / f"{name}.log", "ab") as log:
            self.processes[name] = subprocess.Popen(
                words, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def postgres(self):
        """Starts a primary and a synchronous standby; clients find the one that can write."""
        self.tools = Path(sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1])
        self.user = "postgres" if os.geteuid() == 0 else None
        folder = self.root / "postgres"
        folder.mkdir()
        if self.user:
            shutil.chown(folder, self.user, self.user)
        self.databases = self.options.links.get("postgres") or [free_port(), free_port()]
        self.primary, self.standby = "primary", None if self.options.no_standby else "standby"
        init = [self.tools / "initdb", "-D", folder / "primary", "-A", "trust", "-U", "wharf", "-E", "UTF8"]
        call(as_user(self.user, init))
        self.postgres_server("primary")
        if self.standby:
            self.follow()

    def postgres_port(self, name):
        return self.databases[["primary", "standby"].index(name)]

    def postgres_server(self, name):
        folder, port = self.root / "postgres", self.postgres_port(name)
        words = [self.tools / "postgres", "-D", folder / name, "-p", port, "-k", folder]
        words += ["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200"]
        # A commit waits for a standby that lost its primary for a moment: it looks for it often.
        words += ["-c", "wal_retrieve_retry_interval=200ms"]
        self.run(f"postgres-{name}", words, user=self.user)
        ask = [self.tools / "pg_isready", "-q", "-h", "127.0.0.1", "-p", port, "-U", "wharf", "-d", "postgres"]
        wait(lambda: subprocess.run(list(map(str, ask))).returncode == 0, f"PostgreSQL {name}", self)

    def follow(self):
        """Makes the standby, as a copy of the primary."""
        port, data = self.postgres_port(self.primary), self.root / "postgres" / self.standby
        base = [self.tools / "pg_basebackup", "-h", "127.0.0.1", "-p", port, "-U", "wharf", "-D", data]
        call(as_user(self.user, [*base, "-R", "-X", "stream", "-C", "-S", "standby", "-c", "fast"]))
        # When it is promoted it has no standby of its own yet, and waits for none.
        with open(data / "postgresql.auto.conf", "a") as settings:
            settings.write("synchronous_standby_names = ''\n")
        self.postgres_server(self.standby)
        # From here on a commit is acknowledged when both have it.
        psql = [self.tools / "psql", "-h", "127.0.0.1", "-p", port, "-U", "wharf", "-d", "postgres", "-qc"]
        call([*psql, "ALTER SYSTEM SET synchronous_standby_names = '*'"])
        call([*psql, "SELECT pg_reload_conf()"])

    def promotion(self):
        """The command that promotes the standby."""
        words = [self.tools / "pg_ctl", "promote", "-w", "-D", self.root / "postgres" / (self.standby or "")]
        return as_user(self.user, words) if self.standby else []

    def ask_for_failover(self):
        self.asked += 1

    def fail_over(self):
        name = f"postgres-{self.primary}"
        end_with_children(self.processes.pop(name))
        call(self.promotion())
        self.primary, self.standby = self.standby, self.primary
        self.write_state()
        shutil.rmtree(self.root / "postgres" / self.standby)
        self.follow()
        self.failovers += 1
        self.write_state()

    def versitygw(self):
        (self.root / "store/data").mkdir(parents=True)
        (self.root / "store/meta").mkdir()
        port = self.options.links.get("store") or free_port()
        words = ["versitygw", "--port", f"127.0.0.1:{port}", "--region", "us-east-1", "posix"]
        words += ["--sidecar", self.root / "store/meta", self.root / "store/data"]
        self.run("store", words, {"ROOT_ACCESS_KEY": STORE_KEY, "ROOT_SECRET_KEY": STORE_SECRET})
        return port

    def seaweedfs(self):
        identity = {"name": "admin", "credentials": [{"accessKey": STORE_KEY, "secretKey": STORE_SECRET}]}
        identity["actions"] = ["Admin", "Read", "Write", "List", "Tagging"]
        private(self.root / "weed.json", json.dumps({"identities": [identity]}))
        (self.root / "store").mkdir()
        port = self.options.links.get("store") or free_port()
        words = ["weed", "-logtostderr=true", "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
        words += [f"-dir={self.root / 'store'}", "-filer", "-s3", f"-s3.port={port}"]
        master = free_port()
        words += [f"-master.port={master}", *(f"-{part}.port={free_port()}" for part in ("volume", "filer"))]
        words += [f"-{part}.port.grpc={free_port()}" for part in ("master", "volume", "filer", "s3")]
        # These listen on fixed ports, which only one server of a machine gets.
        words += ["-s3.port.iceberg=0", "-s3.port.lance=0"]
        words += [f"-s3.config={self.root / 'weed.json'}", "-master.volumeSizeLimitMB=64", "-volume.max=60"]
        self.run("store", words)
        # Deleted objects take space until they are vacuumed, which the server does every quarter of an hour by itself.
        self.vacuum = f"http://127.0.0.1:{master}/vol/vacuum?garbageThreshold=0.1"
        return port

    def bucket(self, port):
        wait(lambda: create_bucket(f"127.0.0.1:{port}"), "the S3 server", self)

    def node(self, number):
        # A test can reach the servers through a proxy of each node.
        links = self.options.links.get("nodes", [])
        to = links[number - 1] if links else {"postgres": self.databases, "store": self.store}
        hosts = ",".join(f"127.0.0.1:{port}" for port in to["postgres"][: 2 if self.standby else 1])
        database = f"postgres://wharf@{hosts}/postgres?target_session_attrs=read-write"
        folder = self.root / f"node-{number}"
        folder.mkdir()
        port, metrics = free_port(), free_port()
        settings = NODE.format(
            folder=folder, root=self.root, region=REGION, port=port, public=self.port, metrics=metrics,
            account=ACCOUNT, key=KEY, database=database, bucket=BUCKET, store=f"http://127.0.0.1:{to['store']}",
            public_store=f"http://localhost:{self.store}", store_key=STORE_KEY, serve=self.options.serve,
        )  # fmt: skip
        private(folder / "wharf.toml", settings)
        env = {name: value for name, value in os.environ.items() if name.startswith("WHARF__")}
        if self.options.skew and number == self.options.nodes:
            # Timers must not see it: they use a clock that nobody sets.
            (library,) = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
            env |= {"LD_PRELOAD": library, "FAKETIME": self.options.skew, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        self.run(f"node-{number}", [self.options.wharf, "serve", "--config", folder / "wharf.toml"], env)
        self.metrics.append(metrics)
        return port

    def balancer(self, ports):
        servers = "\n".join(f"    server node-{n} 127.0.0.1:{port} check" for n, port in enumerate(ports, 1))
        (self.root / "haproxy.cfg").write_text(HAPROXY.format(port=self.port, servers=servers))
        self.run("balancer", [shutil.which("haproxy") or "/usr/sbin/haproxy", "-f", self.root / "haproxy.cfg"])

    def tell(self):
        """Writes the environment for clients, and what a test needs: processes, ports, the command of a failover."""
        endpoint = f"http://127.0.0.1:{self.port}"
        lines = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": REGION}
        lines |= {"AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": endpoint, "WHARF_REGISTRY": endpoint[7:]}
        self.state = {"nodes": self.nodes, "metrics": self.metrics, "store": self.store, "environment": lines}
        self.state["vacuum"] = self.vacuum
        self.write_state()
        private(self.root / "env", "".join(f"export {name}='{value}'\n" for name, value in lines.items()))
        print(f"ready: {endpoint}; the environment for clients: . {self.root / 'env'}", flush=True)

    def write_state(self):
        self.state["pids"] = {name: process.pid for name, process in self.processes.items()}
        self.state |= {"promote": self.promotion(), "primary": f"postgres-{self.primary}", "failovers": self.failovers}
        private(self.root / "state.json.next", json.dumps(self.state))
        (self.root / "state.json.next").rename(self.root / "state.json")

    def watch(self):
        """Reports processes that end, until this program is ended."""
        reported = set()
        while True:
            if self.asked > self.failovers:
                self.fail_over()
            for name, process in self.processes.items():
                if process.poll() is not None and process not in reported:
                    reported.add(process)
                    print(f"{name} ended with {process.returncode}: {self.root / name}.log", flush=True)
                    if self.options.restart:
                        self.spawn(name)
                        self.write_state()
            time.sleep(0.05 if self.options.restart else 0.5)

    def stop(self):
        """Ends the processes in the order in which they need each other."""
        for name in ["balancer", *(name for name in self.processes if name.startswith("node-"))]:
            self.end(name, signal.SIGTERM, 60)
        for name in reversed(list(self.processes)):
            # SIGINT is PostgreSQL's fast stop, which does not wait for connections. SeaweedFS does not end by itself.
            if name.startswith("postgres"):
                self.end(name, signal.SIGINT, 20)
            else:
                self.end(name, signal.SIGTERM, 3)

    def end(self, name, how, seconds):
        process = self.processes.get(name)
        if process is None or process.poll() is not None:
            return
        process.send_signal(how)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def end_with_children(process):
    """Ends a server and its children at once, as a machine that fails."""
    process.send_signal(signal.SIGSTOP)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for pid in [*map(int, children), process.pid]:
        os.kill(pid, signal.SIGKILL)
    process.wait()


def as_user(user, words):
    """PostgreSQL refuses to run as root."""
    drop = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
    return [*drop, *map(str, words)]


def call(words):
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, cwd="/")
    if done.returncode != 0:
        sys.exit(f"$ {' '.join(map(str, words))}\n{done.stdout}{done.stderr}")


def private(path, content):
    path.write_text(content)
    path.chmod(0o600)


def create_bucket(host):
    """CreateBucket, signed with AWS Signature Version 4; false while the server does not answer."""
    now, empty = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()), hashlib.sha256().hexdigest()
    scope = f"{now[:8]}/us-east-1/s3/aws4_request"
    headers = {"host": host, "x-amz-content-sha256": empty, "x-amz-date": now}
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = hashlib.sha256(f"PUT\n/{BUCKET}\n\n{lines}\n{names}\n{empty}".encode()).hexdigest()
    key = f"AWS4{STORE_SECRET}".encode()
    for part in [*scope.split("/"), f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{canonical}"]:
        key = hmac.digest(key, part.encode(), "sha256")
    signed = f"AWS4-HMAC-SHA256 Credential={STORE_KEY}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
    request = urllib.request.Request(f"http://{host}/{BUCKET}", method="PUT", headers=headers | {"Authorization": signed})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def wait(ready, what, cluster, seconds=60):
    end = time.monotonic() + seconds
    while not ready():
        ended = [name for name, process in cluster.processes.items() if process.poll() is not None]
        if ended or time.monotonic() > end:
            sys.exit(f"{what} is not ready{': ' + ', '.join(ended) + ' ended' if ended else ''}; see {cluster.root}")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
