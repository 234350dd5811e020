"""containerd, the runtime of Kubernetes nodes: its own daemon, pushes and pulls with `ctr`."""

import subprocess

import images
import pytest
from containerd import start_containerd
from process import run


@pytest.fixture(scope="module")
def ctr(short_folder):
    daemon, ctr, env = start_containerd(short_folder)

    def command(*words, **options):
        return run([*ctr, *words], env=env, **options)

    yield command
    daemon.stop()


def archive(layout, path, ref):
    """The layout as one file, with the image name that `ctr images import` stores."""
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


@pytest.mark.parametrize("form", ["oci", "v2s2"])
def test_an_image_of_either_format(ctr, wharf, push, tmp_path, form):
    """containerd asks with HEAD which digest the tag has, and then pulls by that digest."""
    name = wharf.repository("containerd")
    push(images.layout(tmp_path / "made"), name, form=form)
    (stored,) = wharf.client("ecr").describe_images(repositoryName=name)["imageDetails"]
    user = ["--plain-http", "--user", f"AWS:{wharf.password}"]
    ctr("images", "pull", "--snapshotter", "native", *user, wharf.ref(name))
    assert stored["imageDigest"] in ctr("images", "ls", f"name=={wharf.ref(name)}")
