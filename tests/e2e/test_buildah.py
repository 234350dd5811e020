"""buildah: an image built without a Dockerfile, pushed and pulled."""

import images
from process import run


def test_from_scratch_commit_push_and_pull(wharf, env, home, short_folder, tmp_path):
    base = ["buildah", "--root", f"{home}/storage", "--runroot", f"{short_folder}/buildah", "--storage-driver", "vfs"]

    def buildah(*words):
        return run([*base, *words], env=env | {"BUILDAH_ISOLATION": "chroot"}).strip()

    name = wharf.repository("buildah")
    container = buildah("from", "scratch")
    buildah("copy", container, images.build_context(tmp_path / "context") / "noise", "/noise")
    buildah("config", "--label", "test=wharf", "--cmd", "/noise", container)
    image = buildah("commit", container, "made")
    buildah("push", "--tls-verify=false", "--digestfile", tmp_path / "digest", "made", f"docker://{wharf.ref(name)}")
    digest = (tmp_path / "digest").read_text().strip()
    buildah("rm", container)
    for ref in (wharf.ref(name), wharf.ref(name, digest)):
        buildah("rmi", "--all", "--force")
        assert buildah("pull", "--tls-verify=false", ref).endswith(image)
