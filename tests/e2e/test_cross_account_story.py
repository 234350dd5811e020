"""Runs the commands of docs/cross-account.md in order. Commands that are marked to fail must fail with the texts on the
page. The first part needs only `wharf dev`; the rest runs in a closed network with AWS's names."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from closed_network import REGION, in_closed_network
from containerd import start_containerd
from issuer import Issuer
from process import Daemon, answers, environment

PAGE = Path(__file__).parents[2] / "docs" / "cross-account.md"
SERVICE_ACCOUNT = "system:serviceaccount:flux-system:source-controller"


def blocks():
    """The page's blocks in order: heading, language, flag (`fails`, `server`), content."""
    heading = ""
    lines = iter(PAGE.read_text().splitlines())
    for line in lines:
        if line.startswith("#"):
            heading = line.lstrip("# ")
        opened = re.fullmatch(r"```(sh|python|text)( fails| server)?", line)
        assert opened or not line.startswith("```"), f"the test does not run this block: {line}"
        if opened:
            content = []
            while (line := next(lines)) != "```":
                content.append(line)
            yield heading, opened[1], (opened[2] or "").strip(), "\n".join(content)


class Reader:
    """The shell of a reader of the page: each block has the environment of the previous one."""

    def __init__(self, folder, hosts, env):
        self.folder, self.hosts, self.env = folder, hosts, env

    def type(self, language, content):
        kept = self.folder / "environment"
        program = self.folder / "block"
        if language == "python":
            program.write_text(content)
            words = ["python", program]
        else:
            program.write_text(f"set -euo pipefail\n{content}\nset -a\nprovider=${{provider-}}\nset +a\nenv -0 > {kept}\n")
            words = ["bash", program]
        done = subprocess.run(
            in_closed_network(self.hosts, words) if self.hosts else words,
            env=self.env,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=180,
        )
        if language == "sh" and done.returncode == 0:
            self.env = dict(pair.split("=", 1) for pair in kept.read_text().split("\0") if pair)
        return done.returncode, f"{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def docker_host(network, short_folder):
    """A docker daemon in the network."""
    host = f"unix://{short_folder}/docker.sock"
    words = ["dockerd", "-H", host, "--data-root", f"{short_folder}/data", "--exec-root", f"{short_folder}/exec"]
    words += ["--pidfile", f"{short_folder}/docker.pid", "--bridge=none", "--iptables=false", "--ip6tables=false"]
    env = environment(short_folder, {"DOCKER_HOST": host})
    ready = answers(["docker", "version"], env)
    daemon = network.daemon(*words, credentials={}, log=f"{short_folder}/docker.log", ready=ready)
    yield host
    daemon.stop()


@pytest.fixture(scope="module")
def containerd_address(short_folder):
    folder = Path(short_folder) / "containerd"
    folder.mkdir()
    daemon, ctr, _ = start_containerd(folder)
    yield ctr[-1]
    daemon.stop()


@pytest.fixture(scope="module")
def reader(network, tmp_path_factory, docker_host, containerd_address):
    folder = tmp_path_factory.mktemp("story")
    home = folder / "home"
    home.mkdir()
    issuer = Issuer(folder, environment(home))
    token = folder / "token"
    token.write_text(issuer.token(SERVICE_ACCOUNT))
    programs = folder / "bin"
    programs.mkdir()
    (programs / "wharf").symlink_to(os.environ["WHARF_BIN"])
    given = network.environment(network.administrator)
    given |= {
        "HOME": str(home),
        "PATH": f"{programs}:{given['PATH']}",
        "AWS_ENDPOINT_URL": f"https://api.ecr.{REGION}.amazonaws.com",
        "domain": "amazonaws.com",
        "issuer": issuer.url,
        "issuer_ca": str(issuer.ca),
        "token": str(token),
        "DOCKER_HOST": docker_host,
        "CONTAINERD_ADDRESS": containerd_address,
        "CONTAINERD_SNAPSHOTTER": "native",
    }
    yield Reader(folder, network.hosts, given)
    issuer.stop()


def told(reader, part):
    """Runs the commands of a part of the page; returns the number of commands that must fail."""
    refusals = 0
    for at, (heading, language, kind, content) in enumerate(part):
        if language == "text":
            continue
        status, said = reader.type(language, content)
        shown = f"{heading}\n{content}\nexit {status}\n{said}"
        if kind != "fails":
            assert status == 0, shown
            continue
        assert status != 0, f"was to be refused\n{shown}"
        assert part[at + 1][1] == "text", f"the page does not show what is said\n{shown}"
        for line in part[at + 1][3].splitlines():
            assert line in said, f"not said: {line}\n{shown}"
        refusals += 1
    return refusals


def is_of_laptop(block):
    return block[0] == "On a laptop"


@pytest.fixture
def laptop(tmp_path, docker_host):
    """An empty folder, and the page's server on a free port."""
    (_, _, kind, content), *rest = filter(is_of_laptop, blocks())
    assert kind == "server"
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "wharf").symlink_to(os.environ["WHARF_BIN"])
    env = environment(tmp_path, {"WHARF__SERVER__LISTEN": "127.0.0.1:0", "DOCKER_HOST": docker_host})
    env["PATH"] = f"{programs}:{env['PATH']}"
    (tmp_path / ".aws").mkdir()
    endpoint = tmp_path / ".wharf" / "endpoint"
    log = tmp_path / "log"
    words = ["sh", "-c", f"cd {tmp_path} && exec {content}"]
    server = Daemon(words, env=env, log=log, ready=lambda: endpoint.exists() and endpoint.read_text().strip())
    yield Reader(tmp_path, None, env), rest
    server.stop()


def test_the_commands_for_a_laptop_work(laptop):
    reader, part = laptop
    assert told(reader, part) == 0
    assert (reader.folder / "image" / "manifest.json").exists()
    lines = "\n".join(content for _, language, _, content in part if language == "sh").splitlines()
    commands = 1 + sum(line[:1].isalpha() and line.split()[0] != "done" for line in lines)
    assert 5 < commands < 10, commands


def test_the_commands_of_the_page_work(reader):
    page = [block for block in blocks() if not is_of_laptop(block)]
    assert len(page) > 20
    assert told(reader, page) >= 7
    # The tokens of pods are in no log.
    token = Path(reader.env["token"]).read_text()
    assert token not in (Path(reader.hosts).parent / "log").read_text()


def test_the_terraform_example_allows_the_same_nine_actions():
    nine = re.search(r"reads = \[(.*?)\]", PAGE.read_text(), re.DOTALL)[1]
    example = (PAGE.parent / "examples" / "cross-account.tf").read_text()
    actions = lambda text: sorted(set(re.findall(r'"(ecr:\w+)"', text)))
    assert len(actions(nine)) == 9
    assert actions(nine) == actions(example), json.dumps(actions(example))
