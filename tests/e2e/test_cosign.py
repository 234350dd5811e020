"""cosign with a key pair and without a transparency log: signatures stored as a tag and as a referrer."""

import images
import pytest
from process import run


@pytest.fixture
def cosign(env, tmp_path):
    def command(*words, **options):
        return run(["cosign", *words], env=env | {"COSIGN_PASSWORD": "test"}, cwd=tmp_path, **options)

    command("generate-key-pair")
    return command


@pytest.mark.parametrize(
    ("kept_as", "sign", "verify"),
    [
        ("tag", ["--new-bundle-format=false"], ["--new-bundle-format=false"]),
        ("referrer", ["--new-bundle-format=true"], ["--new-bundle-format=true"]),
    ],
    ids=["as a tag", "as a referrer"],
)
def test_sign_and_verify(cosign, wharf, push, env, tmp_path, kept_as, sign, verify):
    name = wharf.repository("cosign")
    made = images.layout(tmp_path / "made")
    push(made, name)
    ref = wharf.ref(name, made.digest)
    local = ["--key", "cosign.key", "--use-signing-config=false", "--tlog-upload=false", "--allow-http-registry", "--yes"]
    cosign("sign", *local, *sign, ref)
    check = ["--key", "cosign.pub", "--insecure-ignore-tlog=true", "--allow-http-registry", *verify]
    assert made.digest in cosign("verify", *check, ref)
    tags = run(["crane", "ls", "--insecure", f"{wharf.registry}/{name}"], env=env).split()
    if kept_as == "tag":
        assert made.digest.replace(":", "-") + ".sig" in tags
    else:
        assert tags == ["latest"]
    # Another image of the repository is not signed.
    other = images.layout(tmp_path / "other")
    push(other, name, "other")
    cosign("verify", *check, wharf.ref(name, other.digest), refused=True)
