"""Wharf's own image: made without a container engine, pushed to Wharf, pulled back, and run in its own root folder by
its own user."""

import json
import os
import shutil
import socket
import tarfile
import threading
from pathlib import Path

import pytest
from process import Daemon, answers, client, environment, free_port, run

ACCOUNT = "123456789012"


def xtask(*words):
    """`cargo xtask image`, with cargo's own environment."""
    xtask = os.environ.get("WHARF_XTASK")
    assert xtask, "WHARF_XTASK must name xtask: run the suite with `cargo xtask e2e`"
    return run([xtask, "image", *words], env=dict(os.environ), timeout=600).splitlines()[-1]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The layout of an image with a static binary of this checkout, and its digest."""
    folder = tmp_path_factory.mktemp("image") / "layout"
    said = xtask("--profile", "dev", "--output", folder)
    return folder, said.split()[-1]


def blob(folder, digest):
    return folder / "blobs" / digest.replace(":", "/")


def manifest(folder, digest):
    return json.loads(blob(folder, digest).read_text())


def configuration(folder, digest):
    return json.loads(blob(folder, manifest(folder, digest)["config"]["digest"]).read_text())


@pytest.fixture(scope="module")
def binary(made, tmp_path_factory):
    """The binary in the image."""
    folder, digest = made
    (layer,) = manifest(folder, digest)["layers"]
    out = tmp_path_factory.mktemp("binary")
    with tarfile.open(blob(folder, layer["digest"])) as tar:
        tar.extract("wharf", out)
    return out / "wharf"


def test_the_same_binary_gives_the_same_digest(made, binary, tmp_path):
    again = xtask("--wharf", binary, "--output", tmp_path / "again", "--archive", tmp_path / "image.tar")
    assert again.split()[-1] == made[1]
    archived = ["skopeo", "inspect", "--format", "{{.Digest}}", f"oci-archive:{tmp_path / 'image.tar'}"]
    assert run(archived, env=environment(tmp_path)).strip() == made[1]


def test_an_index_has_an_image_for_each_architecture(wharf, env, binary, tmp_path):
    content = bytearray(binary.read_bytes())
    content[18:20] = (183).to_bytes(2, "little")  # The ELF machine AArch64.
    (tmp_path / "arm64").write_bytes(content)
    said = xtask("--wharf", tmp_path / "arm64", "--wharf", binary, "--output", tmp_path / "layout")
    name = wharf.repository("image")
    words = ["skopeo", "copy", "--all", "--dest-tls-verify=false", f"oci:{tmp_path / 'layout'}"]
    run([*words, f"docker://{wharf.ref(name)}"], env=env)
    index = json.loads(run(["crane", "manifest", "--insecure", wharf.ref(name, said.split()[-1])], env=env))
    assert [entry["platform"]["architecture"] for entry in index["manifests"]] == ["amd64", "arm64"]


def test_a_dynamic_binary_is_refused(tmp_path):
    words = [os.environ["WHARF_XTASK"], "image", "--wharf", "/bin/true", "--output", tmp_path / "layout"]
    assert "not a static binary" in run(words, env=dict(os.environ), refused=True)


@pytest.fixture(scope="module")
def pulled(wharf, made, tmp_path_factory):
    """The root folder of the image after it was pushed to Wharf and pulled back, and its configuration."""
    folder, digest = made
    path = tmp_path_factory.mktemp("pulled")
    env = wharf.logged_in(path)
    ref = f"docker://{wharf.ref(wharf.repository('image'), 'v1')}"
    run(["skopeo", "copy", "--dest-tls-verify=false", f"oci:{folder}", ref], env=env)
    assert run(["crane", "validate", "--insecure", "--remote", ref[9:]], env=env).startswith("PASS")
    run(["skopeo", "copy", "--src-tls-verify=false", ref, f"oci:{path / 'back'}:v1"], env=env)
    assert manifest(path / "back", digest) == manifest(folder, digest)
    run(["umoci", "unpack", "--image", f"{path / 'back'}:v1", path / "bundle"], env=env)
    yield path / "bundle/rootfs", configuration(path / "back", digest)["config"]
    shutil.rmtree(path, ignore_errors=True)


def inside(root, config, words, settings=None):
    """A command in the image's root folder as its user; the environment is the given one."""
    user = ["--userspec", config["User"], "--groups="]
    set_to = [f"{name}={value}" for name, value in (settings or {}).items()]
    return [client("env"), "-i", *set_to, client("chroot"), *user, root, *words]


@pytest.fixture(scope="module")
def served(pulled, tmp_path_factory):
    """The image's own command on a free port, without any file of this machine."""
    root, config = pulled
    port = free_port()
    settings = {
        "WHARF__SERVER__LISTEN": f"127.0.0.1:{port}",
        "WHARF__BOOTSTRAP__ACCOUNT_ID": ACCOUNT,
    }
    folder = tmp_path_factory.mktemp("served")
    daemon = Daemon(
        inside(root, config, config["Entrypoint"] + config["Cmd"], settings),
        env=environment(folder),
        log=folder / "log",
        ready=answers(["curl", "-fsS", f"http://127.0.0.1:{port}/readyz"], environment(folder)),
    )
    yield root, config, settings, port, daemon
    daemon.stop()


def test_the_image_runs_as_its_own_user(served):
    root, config, _, _, daemon = served
    assert config["User"] == "65532:65532"
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    assert "Uid:\t65532\t65532\t65532\t65532" in status and "Groups:\t \n" in status
    assert os.stat(root / "var/lib/wharf/data/wharf.db").st_uid == 65532
    assert not (root / "bin").exists() and not (root / "lib").exists()


def test_the_health_check_of_the_image_passes(served):
    root, config, settings, port, _ = served
    kind, *check = config["Healthcheck"]["Test"]
    assert kind == "CMD"
    assert run(inside(root, config, check, settings), env=environment(root)) == "ready\n"
    elsewhere = settings | {"WHARF__SERVER__LISTEN": f"127.0.0.1:{free_port()}"}
    assert "no answer" in run(inside(root, config, check, elsewhere), env=environment(root), refused=True)


def test_names_are_resolved_by_dns_and_by_hosts(served):
    """The binary is static: nothing of glibc is loaded when it resolves a name."""
    root, config, _, port, _ = served
    found = (root / "var/lib/wharf/data/first-credentials.toml").read_text()
    keys = dict(line.split(" = ") for line in found.splitlines() if " = " in line)
    settings = {
        "AWS_ACCESS_KEY_ID": keys["access_key_id"].strip('"'),
        "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"].strip('"'),
    }

    def accounts(name):
        words = ["/wharf", "account", "list", "--endpoint", f"http://{name}:{port}"]
        return run(inside(root, config, words, settings), env=environment(root))

    (root / "etc/hosts").write_text("127.0.0.1 by-file.test\n")
    assert ACCOUNT in accounts("by-file.test")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.42.53", 53))
        (root / "etc/resolv.conf").write_text("nameserver 127.0.42.53\n")
        asked = []
        threading.Thread(target=answer_names, args=(server, asked), daemon=True).start()
        assert ACCOUNT in accounts("by-dns.test")
        assert b"\x06by-dns\x04test\x00" in asked[0]


def answer_names(server, asked):
    """Answers each question for an IPv4 address with 127.0.0.1, and others with no record (RFC 1035 §4.1)."""
    server.settimeout(30)
    while True:
        try:
            question, client = server.recvfrom(512)
        except OSError:
            return
        asked.append(question)
        end = question.index(b"\0", 12) + 5
        is_address = question[end - 4 : end - 2] == b"\0\1"
        head = question[:2] + b"\x81\x80\0\1" + (b"\0\1" if is_address else b"\0\0") + b"\0\0\0\0"
        record = b"\xc0\x0c\0\1\0\1\0\0\0\x0a\0\4\x7f\0\0\1" if is_address else b""
        server.sendto(head + question[12:end] + record, client)


def test_the_image_has_the_certificate_authorities(pulled):
    root, _ = pulled
    bundle = (root / "etc/ssl/certs/ca-certificates.crt").read_bytes()
    assert bundle == Path("/etc/ssl/certs/ca-certificates.crt").read_bytes()
    assert b"BEGIN CERTIFICATE" in bundle
