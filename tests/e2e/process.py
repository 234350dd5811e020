"""Runs clients and daemons without the caller's environment. A failure shows the output of the program. A daemon is
ended by its process ID."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

# What `cargo xtask install` fills.
TOOLS = Path(os.environ.get("WHARF_TOOLS", os.path.expanduser("~/.cache/wharf-tools")))
# Debian's folders come right after the installed tools, so other clients on PATH are not used.
PATH = os.pathsep.join(
    [
        str(TOOLS / "bin"),
        str(TOOLS / "venv/bin"),
        "/usr/sbin",
        "/usr/bin",
        "/sbin",
        "/bin",
    ]
)


def client(name):
    """The path of a client. A missing client fails the test; the test is never skipped."""
    found = shutil.which(name, path=PATH)
    if found is None:
        pytest.fail(f"{name} is not installed: run `cargo xtask install`", pytrace=False)
    return found


def environment(home, extra=None):
    """A client's whole environment: its own home, and only the given certificate and AWS settings."""
    base = {"PATH": PATH, "HOME": str(home), "TMPDIR": str(home), "LANG": "C.UTF-8", "XDG_RUNTIME_DIR": str(home)}
    return base | (extra or {})


def free_port():
    """A port of this machine on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(words, *, env, input=None, refused=False, exit_code=0, timeout=180, text=True, cwd=None):
    """Runs a client to its end and returns its standard output. `refused=True` demands that it fails, and returns
    everything that it said. `exit_code` is the code of success."""
    words = [client(words[0]), *map(str, words[1:])] if "/" not in str(words[0]) else list(map(str, words))
    done = subprocess.run(words, env=env, input=input, capture_output=True, timeout=timeout, text=text, cwd=cwd)
    said = f"$ {' '.join(words)}\nexit {done.returncode}\n{done.stdout}\n{done.stderr}"
    if refused:
        assert done.returncode != 0, f"was to be refused but succeeded\n{said}"
        return f"{done.stdout}\n{done.stderr}"
    assert done.returncode == exit_code, said
    return done.stdout


def wait_until(ready, what, *, process=None, seconds=60):
    """Polls until `ready()` is true. Fails after a time limit or when the process has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = ready()
        if value:
            return value
        if process is not None and process.poll() is not None:
            raise AssertionError(f"{what}: the process ended with {process.returncode}")
        time.sleep(0.02)
    raise AssertionError(f"{what}: not ready after {seconds} seconds")


class Daemon:
    """A daemon with its output in a file. It is ended by its process ID, with SIGTERM and then SIGKILL."""

    def __init__(self, words, *, env, log, ready, cwd=None):
        self.log = log
        self.process = subprocess.Popen(
            [client(words[0]) if "/" not in str(words[0]) else str(words[0]), *map(str, words[1:])],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=open(log, "ab"),
            stderr=subprocess.STDOUT,
            cwd=cwd,
        )
        try:
            wait_until(ready, words[0], process=self.process)
        except AssertionError as error:
            self.stop()
            tail = "\n".join(open(log, errors="replace").read().splitlines()[-40:])
            raise AssertionError(f"{error}; its log ends:\n{tail}") from None

    def kill(self):
        """Ends it without a warning."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def answers(words, env):
    """A readiness check: does this command succeed?"""
    words = [client(words[0]), *map(str, words[1:])]
    return lambda: subprocess.run(words, env=env, capture_output=True, timeout=30).returncode == 0
