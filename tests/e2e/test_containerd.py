"""containerd, what Kubernetes nodes run: its own daemon, pushes and pulls with `ctr`."""

import subprocess

import images
import pytest
from process import Daemon, answers, environment, run


@pytest.fixture(scope="module")
def ctr(short_folder, wharf):
    address = f"{short_folder}/c.sock"
    env = environment(short_folder)
    config = f"{short_folder}/config.toml"
    with open(config, "w") as file:
        file.write('version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n')
        file.write(f'[ttrpc]\naddress = "{address}.ttrpc"\n')
    words = ["containerd", "--config", config, "--root", f"{short_folder}/root", "--state", f"{short_folder}/state"]
    daemon = Daemon(
        [*words, "--address", address],
        env=env,
        log=f"{short_folder}/log",
        ready=answers(["ctr", "--address", address, "version"], env),
    )

    def command(*words, **options):
        return run(["ctr", "--address", address, *words], env=env, **options)

    yield command
    daemon.stop()


def archive(layout, path, ref):
    """The layout as one file, naming the image the way `ctr images import` stores it."""
    index = layout.folder / "index.json"
    index.write_text(index.read_text().replace(f'"{layout.tag}"', f'"{ref}"'))
    subprocess.run(["tar", "-C", layout.folder, "-cf", path, "."], check=True)
    return path


def test_push_and_pull_by_tag_and_by_digest(ctr, wharf, tmp_path):
    name = wharf.repository("containerd")
    ref, user = wharf.ref(name, "v1"), ["--plain-http", "--user", f"AWS:{wharf.password}"]
    made = images.layout(tmp_path / "made", layers=3)
    ctr("images", "import", "--snapshotter", "native", archive(made, tmp_path / "made.tar", ref))
    ctr("images", "push", *user, ref)
    for pulled in (ref, wharf.ref(name, made.digest)):
        ctr("images", "rm", "--sync", *ctr("images", "ls", "-q").split())
        assert ctr("content", "ls", "-q").strip() == ""
        ctr("images", "pull", "--snapshotter", "native", *user, pulled)
        assert made.digest in ctr("images", "ls", f"name=={pulled}")


def test_all_platforms_of_an_index(ctr, wharf, push, tmp_path):
    name = wharf.repository("containerd")
    made = images.layout(tmp_path / "made", architectures=("amd64", "arm64"))
    push(made, name)
    user = ["--plain-http", "--user", f"AWS:{wharf.password}"]
    ctr("content", "fetch", "--all-platforms", *user, wharf.ref(name))
    held = ctr("content", "ls", "-q").split()
    assert set([made.digest, *made.manifests, *made.layers]) <= set(held)


def test_a_wrong_password_is_refused(ctr, wharf, push, tmp_path):
    name = wharf.repository("containerd")
    push(images.layout(tmp_path / "made"), name)
    words = ["images", "pull", "--snapshotter", "native", "--plain-http", "--user", "AWS:wrong", wharf.ref(name)]
    assert ctr(*words, refused=True)
