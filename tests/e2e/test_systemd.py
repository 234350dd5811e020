"""The units in deploy/systemd: valid, confined, and with a filter that allows what the server does."""

import os
import re
from pathlib import Path

import images
import pytest
from process import run, wait_until
from server import Wharf

UNITS = Path(__file__).parents[2] / "deploy/systemd"
# Calls that the filter refuses and that the server does without: jemalloc's threads choose a processor, and SQLite calls
# fchown as root only.
DISPENSABLE = {"sched_setaffinity", "fchown"}


@pytest.fixture
def units(tmp_path):
    """The units with the tested binary in the place of /usr/bin/wharf."""
    folder = tmp_path / "units"
    folder.mkdir()
    for unit in UNITS.iterdir():
        (folder / unit.name).write_text(unit.read_text().replace("/usr/bin/wharf", os.environ["WHARF_BIN"]))
    return folder


def test_the_units_are_valid(units, env):
    assert run(["systemd-analyze", "verify", *sorted(units.iterdir())], env=env) == ""


def test_the_exposure_is_at_most_two(units, env):
    words = ["systemd-analyze", "security", "--offline=true"]
    said = run([*words, "--threshold=20", units / "wharf.service"], env=env)
    assert float(re.search(r"Overall exposure level for wharf.service: ([0-9.]+)", said).group(1)) <= 2.0
    run([*words, "--threshold=5", units / "wharf.service"], env=env, refused=True)


def allowed(env):
    """The system calls that SystemCallFilter= of the unit allows."""
    filters = re.findall(r"^SystemCallFilter=(~?)(.*)$", (UNITS / "wharf.service").read_text(), re.MULTILINE)
    assert [refuses for refuses, _ in filters] == ["", "~"]

    def calls(names):
        said = run(["systemd-analyze", "syscall-filter", *names], env=env)
        words = set(re.findall(r"^    ([a-z@][\w@-]*)$", said, re.MULTILINE))
        groups = {word for word in words if word.startswith("@")}
        return words - groups | (calls(sorted(groups)) if groups else set())

    (_, first), (_, second) = filters
    return calls(first.split()) - calls(second.split())


def test_the_filter_allows_the_system_calls_of_the_server(env, tmp_path):
    """strace shows the calls from the start to the stop, with a push and a pull between them."""
    trace = tmp_path / "trace"
    # With -D the server, not strace, is the process that gets the signals.
    server = Wharf(tmp_path, under=["strace", "-D", "-f", "-q", "-o", trace])
    try:
        client = server.logged_in(tmp_path / "client")
        ref = f"docker://{server.ref(server.repository('systemd'))}"
        made = images.layout(tmp_path / "made", size=3 << 20)
        run(["skopeo", "copy", "--dest-tls-verify=false", made.skopeo, ref], env=client)
        run(["skopeo", "copy", "--src-tls-verify=false", ref, f"oci:{tmp_path / 'back'}"], env=client)
    finally:
        server.stop()
    pid = server.daemon.process.pid
    # strace pads a short process ID with spaces.
    end = re.compile(rf"^{pid} +\+\+\+ exited with 0 \+\+\+$", re.MULTILINE)
    wait_until(lambda: end.search(trace.read_text()), "the end of the trace")
    used = set(re.findall(r"^\d+ +(\w+)\(", trace.read_text(), re.MULTILINE))
    assert {"listen", "fsync", "epoll_wait"} <= used
    assert used - allowed(env) <= DISPENSABLE
