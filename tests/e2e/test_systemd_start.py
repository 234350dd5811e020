"""The units in deploy/systemd are started by a systemd, with their confinement, and serve."""

import os
import re
from pathlib import Path

import pytest
from booted import Booted
from process import environment, run, wait_until

UNITS = Path(__file__).parents[2] / "deploy/systemd"
CREDENTIALS = "/run/credentials/wharf.service"
CONFIGURATION = f"""
data_dir = "/var/lib/wharf/data"
[bootstrap]
account_id = "123456789012"
[server]
listen = "0.0.0.0:443"
[server.tls]
certificate = "{CREDENTIALS}/chain.pem"
key = "{CREDENTIALS}/key.pem"
"""


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    folder = tmp_path_factory.mktemp("booted")
    made = ["-keyout", folder / "key.pem", "-out", folder / "chain.pem", "-subj", "/CN=localhost"]
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    run([*words, *made], env=environment(folder))
    files = {f"etc/systemd/system/{unit.name}": unit.read_text() for unit in UNITS.iterdir()}
    files |= {f"etc/wharf/{name}": (folder / name).read_text() for name in ("chain.pem", "key.pem")}
    system = Booted(folder, files | {"etc/wharf/wharf.toml": CONFIGURATION}, [os.environ["WHARF_BIN"]])
    for name in ("wharf.toml", "chain.pem", "key.pem"):
        os.chmod(system.root / "etc/wharf" / name, 0o600)
    yield system
    system.stop()


def ready(system):
    return system.inside("curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", "https://localhost/readyz")


def main_pid(system):
    return system.inside("systemctl", "show", "-P", "MainPID", "wharf.service")


def test_the_service_starts_confined_and_serves(system):
    said = system.inside("systemctl", "start", "wharf.socket", "wharf.service")
    assert said == "", said + system.inside("journalctl", "-n", "50", "--no-pager", "-u", "wharf.service")
    assert system.inside("systemctl", "is-active", "wharf.socket", "wharf.service") == "active\nactive"
    assert ready(system) == "200"
    status = system.inside("cat", f"/proc/{main_pid(system)}/status")
    (user,) = re.findall(r"^Uid:\s+(\d+)", status, re.MULTILINE)
    assert 61184 <= int(user) <= 65519, "a user of its own"
    for line in ("CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"):
        assert line in status
    # The path is inside the mount namespace of the service.
    assert system.inside("ls", "-A", "/var/lib/private/wharf") == "data"


def test_clients_wait_while_the_service_restarts(system):
    system.inside("systemctl", "stop", "wharf.service")
    assert system.inside("systemctl", "is-active", "wharf.socket") == "active"
    before = system.inside("systemctl", "show", "-P", "NRestarts", "wharf.service")
    assert ready(system) == "200", "the socket starts the service"
    system.inside("kill", "-KILL", main_pid(system))
    assert ready(system) == "200", "a client that comes while it is away"
    restarts = lambda: system.inside("systemctl", "show", "-P", "NRestarts", "wharf.service") != before
    wait_until(restarts, "the restart by systemd")
    assert system.inside("systemctl", "is-active", "wharf.service") == "active"


def test_the_service_stops_as_asked(system):
    system.inside("systemctl", "stop", "wharf.socket", "wharf.service")
    shown = system.inside("systemctl", "show", "-P", "Result", "-P", "ExecMainStatus", "wharf.service")
    assert shown.split() == ["success", "0"], shown
    assert system.inside("systemctl", "list-units", "--failed", "--plain", "--no-legend", "wharf*") == ""
