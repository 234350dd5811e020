"""`wharf import` and the pull-through cache from registries that give tokens, as GHCR, Harbor and GitLab do; and the
options of the import that choose and rename."""

import json
import os
import pty
import re
import stat
import subprocess

import images
import pytest
from process import environment, run
from server import Wharf
from token_registry import LOGIN, TokenRegistry
from upstream import rule, secret

NAME = "team/app"


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    server = Wharf(tmp_path_factory.mktemp("target"))
    yield server
    server.stop()


@pytest.fixture
def registry(request):
    """By default a registry that is closed, with its service at its own host."""
    registry = TokenRegistry(**getattr(request, "param", {}))
    yield registry
    registry.stop()


def filled(registry, name=NAME):
    """Five tags, an index, a signature by cosign's tag and a referrer; returns the digests by reference."""
    found = {}
    children = [registry.image(name, None, f"child {number}") for number in range(2)]
    index = registry.manifest(name, "v1", {"manifests": children}, images.INDEX)
    found["v1"] = index["digest"]
    for tag in ("v2", "v3", "v4-rc1"):
        found[tag] = registry.image(name, tag, tag)["digest"]
    signature = index["digest"].replace(":", "-") + ".sig"
    found[signature] = registry.image(name, signature, "signature")["digest"]
    # Without the Referrers API, a tag lists the referrers.
    referrer = registry.image(name, None, "sbom", subject=index, artifactType="test/sbom")
    found[referrer["digest"]] = referrer["digest"]
    registry.manifest(name, index["digest"].replace(":", "-"), {"manifests": [referrer]}, images.INDEX)
    return found


def command(target, *words, home=None, refused=False, input=LOGIN[1], env=None):
    env = environment(home or target.home, target.env | (env or {}))
    words = [target.binary, "import", *words]
    return run(words, env=env, refused=refused, input=input)


def import_all(target, registry, *words, name=NAME, **options):
    source = f"http://{registry.address}/{name}"
    login = [] if registry.is_public else ["--username", LOGIN[0], "--password-stdin"]
    said = command(target, source, *login, *words, "--plain-http", "127.0.0.1", "--json", **options)
    return json.loads(said)[0]["report"]


def there(target, name, reference):
    status, headers, _ = target.http("HEAD", f"/v2/{name}/manifests/{reference}")
    return headers["docker-content-digest"] if status == 200 else None


GHCR = {"realm": "/token", "service": "ghcr.io"}
HARBOR = {"realm": "/service/token", "service": "harbor-registry"}
OAUTH = {"realm": "/oauth2/token", "service": "registry.test", "is_oauth": True}
PUBLIC = GHCR | {"is_public": True}


@pytest.mark.parametrize("registry", [GHCR, HARBOR, OAUTH, PUBLIC], indirect=True)
def test_a_registry_with_tokens_is_imported(target, registry):
    prefix = f"from-{registry.address.rsplit(':', 1)[1]}/"
    found = filled(registry)
    first = import_all(target, registry, "--prefix", prefix)
    assert (first["failed"], first["repositories"]) == (0, 1), first
    for reference, digest in found.items():
        assert there(target, prefix + NAME, reference) == digest, reference
    listed = json.loads(target.http("GET", f"/v2/{prefix}{NAME}/referrers/{found['v1']}")[2])
    assert len(listed["manifests"]) == 1
    second = import_all(target, registry, "--prefix", prefix)
    assert [second[name] for name in ("manifestsCopied", "blobsCopied", "failed")] == [0, 0, 0], second
    # The password goes to the token service, and a token to the registry. The store of blobs gets neither.
    assert registry.authorizations("files") == {None}
    tokens = [line for _, line, _ in registry.requests if registry.realm in line]
    assert tokens and all(f"service={registry.service}" in line for line in tokens)
    assert all("scope=repository%3Ateam%2Fapp%3Apull" in line for line in tokens), tokens
    with_password = {line for _, line, sent in registry.requests if (sent or "").startswith("Basic ")}
    assert with_password == (set() if registry.is_public else set(tokens))


def test_a_registry_without_a_list_wants_names(target, registry):
    filled(registry)
    source = f"http://{registry.address}"
    words = ["--username", LOGIN[0], "--password-stdin"]
    said = command(target, source, *words, refused=True)
    assert "does not list its repositories" in said and f"{registry.address}/REPOSITORY" in said, said


@pytest.mark.parametrize("registry", [{"realm": "/jwt/auth", "has_own_service": True}], indirect=True)
def test_another_hosts_token_service_must_be_named(target, registry):
    """GitLab's token service has the host of GitLab, and not that of its registry."""
    found = filled(registry)
    login = ["--username", LOGIN[0], "--password-stdin", "--prefix", "gitlab/", "--plain-http", "127.0.0.1"]
    said = command(target, f"http://{registry.address}/{NAME}", *login, refused=True)
    assert f"{registry.service_address} is not called by plain HTTP; --plain-http could name it" in said, said
    login += ["--plain-http", registry.service_address]
    source = f"http://{registry.address}/{NAME}"
    said = command(target, source, *login, refused=True)
    assert f"names the token service {registry.service_address}" in said, said
    assert "--token-service could name it" in said, said
    assert registry.authorizations("service") <= {None}, "it gets no password"
    command(target, source, *login, "--token-service", registry.service_address)
    assert there(target, f"gitlab/{NAME}", "v2") == found["v2"]


def test_tags_are_left_out_and_names_are_shortened(target, registry):
    found = filled(registry, "deep/team/app")
    words = ["--without-tag", "*-rc*", "--without-tag", "v3", "--strip-prefix", "deep/", "--prefix", "short/"]
    report = import_all(target, registry, *words, name="deep/team/app")
    assert report["failed"] == 0
    for tag, digest in found.items():
        expected = None if tag in ("v3", "v4-rc1") else digest
        assert there(target, "short/team/app", tag) == expected, tag
    assert there(target, "short/deep/team/app", "v1") is None


def helper(folder, name, script):
    """A credential helper of docker, and a folder with it for PATH."""
    folder.mkdir(exist_ok=True)
    path = folder / f"docker-credential-{name}"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


@pytest.mark.parametrize("kind", ["credHelpers", "credsStore"])
def test_credentials_come_from_dockers_helper(target, registry, tmp_path, kind):
    found = filled(registry)
    answer = json.dumps({"ServerURL": registry.address, "Username": LOGIN[0], "Secret": LOGIN[1]})
    known = f'test "$1" = get || exit 9\nread -r host || true\ntest "$host" = {registry.address} || exit 8\n'
    env = helper(tmp_path / "bin", "test", known + f"echo '{answer}'")
    (tmp_path / ".docker").mkdir()
    config = {"credHelpers": {registry.address: "test"}, "credsStore": "test"}
    (tmp_path / ".docker" / "config.json").write_text(json.dumps({kind: config[kind]}))
    words = [f"http://{registry.address}/{NAME}", "--plain-http", "127.0.0.1", "--prefix", f"{kind.lower()}/"]
    command(target, *words, home=tmp_path, env=env, input=None)
    assert there(target, f"{kind.lower()}/{NAME}", "v2") == found["v2"]
    # A helper that knows nothing is no failure; one that fails is.
    helper(tmp_path / "bin", "test", "echo credentials not found in native keychain; exit 1")
    said = command(target, *words, home=tmp_path, env=env, input=None, refused=True)
    assert "denied access (401)" in said
    helper(tmp_path / "bin", "test", "echo broken; exit 1")
    said = command(target, *words, home=tmp_path, env=env, input=None, refused=True)
    assert "docker-credential-test failed" in said and LOGIN[1] not in said


def test_a_terminal_shows_the_progress(target, registry):
    filled(registry)
    registry.delay = 0.6
    words = [target.binary, "import", f"http://{registry.address}/{NAME}", "--plain-http", "127.0.0.1"]
    words += ["--username", LOGIN[0], "--password-stdin", "--prefix", "slow/", "--jobs", "1", "--json"]
    terminal, stderr = pty.openpty()
    try:
        env = environment(target.home, target.env)
        done = subprocess.run(words, env=env, input=LOGIN[1].encode(), stdout=subprocess.PIPE, stderr=stderr, timeout=60)
        lines = os.read(terminal, 65536).decode().split("\r\n")
    finally:
        os.close(stderr)
        os.close(terminal)
    assert done.returncode == 0 and json.loads(done.stdout)[0]["report"]["failed"] == 0
    form = r"(\d+) of (\d+) tags, (\d+) images and .* copied, 0 failed"
    shown = [re.fullmatch(form, line) for line in lines if line]
    assert len(shown) >= 2 and all(shown), lines
    first, last = ([int(number) for number in line.groups()] for line in (shown[0], shown[-1]))
    assert first[2] < last[2] <= 9 and first[0] <= last[0] <= last[1], lines


@pytest.mark.parametrize("registry", [GHCR, HARBOR], indirect=True)
def test_a_registry_with_tokens_is_pulled_through(wharf, registry):
    found = filled(registry)
    prefix = rule(wharf, registry, credentialArn=secret(wharf, LOGIN))
    for reference in ("v1", "v2"):
        status, _, body = wharf.http("GET", f"/v2/{prefix}/{NAME}/manifests/{reference}")
        assert (status, images.digest_of(body)) == (200, found[reference])
    (layer,) = json.loads(body)["layers"]
    status, _, body = wharf.http("GET", f"/v2/{prefix}/{NAME}/blobs/{layer['digest']}")
    assert (status, images.digest_of(body)) == (200, layer["digest"])
    listed = json.loads(wharf.http("GET", f"/v2/{prefix}/{NAME}/referrers/{found['v1']}")[2])
    assert len(listed["manifests"]) == 1
    assert registry.authorizations("files") == {None}
