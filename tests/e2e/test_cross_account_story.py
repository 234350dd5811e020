"""The story of docs/cross-account.md, told by the page itself: its commands are run in their order, in a closed network
whose names are AWS's; those that are to fail must fail with the texts that the page shows."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from closed_network import REGION, in_closed_network
from containerd import start_containerd
from issuer import Issuer
from process import answers, environment

PAGE = Path(__file__).parents[2] / "docs" / "cross-account.md"
SERVICE_ACCOUNT = "system:serviceaccount:flux-system:source-controller"


def blocks():
    """The page's blocks in order: heading, language, whether it is to fail, content."""
    heading = ""
    lines = iter(PAGE.read_text().splitlines())
    for line in lines:
        if line.startswith("#"):
            heading = line.lstrip("# ")
        opened = re.fullmatch(r"```(sh|python|text)( fails)?", line)
        assert opened or not line.startswith("```"), f"a block that nobody runs: {line}"
        if opened:
            content = []
            while (line := next(lines)) != "```":
                content.append(line)
            yield heading, opened[1], bool(opened[2]), "\n".join(content)


class Reader:
    """Somebody at a shell who reads the page: what a block leaves in the environment is there for the next."""

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
            in_closed_network(self.hosts, words),
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


def test_the_page_does_what_it_says(reader):
    page = list(blocks())
    assert len(page) > 20
    refusals = 0
    for at, (heading, language, is_to_fail, content) in enumerate(page):
        if language == "text":
            continue
        status, said = reader.type(language, content)
        told = f"{heading}\n{content}\nexit {status}\n{said}"
        if not is_to_fail:
            assert status == 0, told
            continue
        assert status != 0, f"was to be refused\n{told}"
        assert page[at + 1][1] == "text", f"the page does not show what is said\n{told}"
        for line in page[at + 1][3].splitlines():
            assert line in said, f"not said: {line}\n{told}"
        refusals += 1
    assert refusals >= 7
    # The tokens of pods stand in no log.
    token = Path(reader.env["token"]).read_text()
    assert token not in (Path(reader.hosts).parent / "log").read_text()


def test_the_example_for_terraform_reads_with_the_same_nine_actions():
    nine = re.search(r"reads = \[(.*?)\]", PAGE.read_text(), re.DOTALL)[1]
    example = (PAGE.parent / "examples" / "cross-account.tf").read_text()
    actions = lambda text: sorted(set(re.findall(r'"(ecr:\w+)"', text)))
    assert len(actions(nine)) == 9
    assert actions(nine) == actions(example), json.dumps(actions(example))
