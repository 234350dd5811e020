"""stargz-snapshotter with containerd: an image is there after a few parts of its layer, and a file is read when it is
opened. It mounts file systems with FUSE, so it needs root."""

import json
import re
from pathlib import Path

import images
import pytest
from containerd import start_containerd
from process import Daemon, environment, run, wait_until

FILES, FILE_BYTES = 60, 300_000
PAGE = Path(__file__).parents[2] / "docs" / "lazy-pulling.md"


@pytest.fixture
def files():
    return {f"content/file-{number}": images.noise(FILE_BYTES) for number in range(FILES)}


@pytest.fixture
def layout(files, tmp_path):
    """An image whose layer is eStargz."""
    packed, made = images.estargz_layer(tmp_path, files)
    annotations = {"containerd.io/snapshot/stargz/toc.digest": made["toc"]}
    return images.layout_of(tmp_path / "made", packed, made["diffID"], annotations)


@pytest.fixture
def remote(wharf, short_folder):
    """`ctr-remote` for a containerd with the snapshotter. The settings are the page's, with this socket."""
    socket = f"{short_folder}/s.sock"
    (settings,) = re.findall(r"```toml\n(\[proxy_plugins.*?)```", PAGE.read_text(), re.S)
    settings, count = re.subn(r'(?<=address = )".*"', f'"{socket}"', settings)
    assert count == 1
    home = Path(short_folder) / "home"
    home.mkdir()
    words = ["stargz-grpc", socket, f"{short_folder}/stargz"]
    ready = lambda: Path(socket).exists()  # noqa: E731
    snapshotter = Daemon(words, env=wharf.logged_in(home), log=f"{short_folder}/stargz.log", ready=ready)
    try:
        daemon, ctr, env = start_containerd(short_folder, settings)
        try:
            yield lambda *words: run(["ctr-remote", *ctr[1:], *words], env=env)
        finally:
            daemon.stop()
    finally:
        snapshotter.stop()


def sent(wharf, digest):
    """The lengths of the answers with bytes of a blob, from the access log."""
    whole = (line for line in (wharf.folder / "wharf.log").read_text().splitlines() if line.endswith("}"))
    lines = [json.loads(line) for line in whole if digest in line]
    return [line["sent"] for line in lines if line.get("method") == "GET" and line.get("status") in (200, 206)]


def test_a_file_is_there_before_its_layer(wharf, push, remote, layout, files, tmp_path):
    name = wharf.repository("stargz")
    push(layout, name, "v1")
    image = wharf.ref(name, "v1")
    (layer,), whole = layout.layers, FILES * FILE_BYTES
    remote("images", "rpull", "--plain-http", "--user", f"AWS:{wharf.password}", image)
    start = wait_until(lambda: sum(sent(wharf, layer)), "the lines of the access log")
    assert start < whole // 50, "the table of contents is enough"
    assert layout.digest in remote("images", "ls", f"name=={image}")
    # The snapshot of the image has the digest of its only layer.
    snapshots = remote("snapshots", "--snapshotter", "stargz", "ls")
    (key,) = re.findall(r"^sha256:[0-9a-f]{64}", snapshots, re.M)
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    mount = remote("snapshots", "--snapshotter", "stargz", "view", "--target", mounted, "looked-at", key)
    run(["sh", "-ec", mount], env=environment(tmp_path))
    try:
        for number in (3, 17, FILES - 1):
            path = f"content/file-{number}"
            assert (mounted / path).read_bytes() == files[path]
    finally:
        run(["umount", mounted], env=environment(tmp_path))
    wait_until(lambda: sum(sent(wharf, layer)) > 3 * FILE_BYTES, "the lines of the access log")
    parts = sent(wharf, layer)
    print(f"{start} bytes to start, {sum(parts)} of {whole} bytes in {len(parts)} parts with three files")
    assert len(parts) > 3 and sum(parts) < whole // 2, parts
