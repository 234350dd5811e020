"""`wharf import` from docker-registry, and `wharf export` for other programs."""

import hashlib
import json
import os
import subprocess
import time
from pathlib import Path

import images
import pytest
from process import environment, run, wait_until
from server import Wharf
from upstream import LOGIN, Upstream

# `WHARF_FULL=1 cargo xtask e2e migration` moves 10,000 images; another number can be given.
FULL = os.environ.get("WHARF_FULL") == "1"
COUNT = int(os.environ.get("WHARF_MIGRATION_IMAGES", "10000" if FULL else "300"))
PAGE = Path(__file__).parents[2] / "docs/migration.md"


class Storage:
    """The storage folder of docker-registry, generated."""

    def __init__(self, root):
        self.v2 = root / "docker" / "registry" / "v2"
        self.tags = {}

    def _store(self, content):
        digest = images.digest_of(content)
        hash = digest.removeprefix("sha256:")
        path = self.v2 / "blobs" / "sha256" / hash[:2] / hash / "data"
        if not path.exists():
            path.parent.mkdir(parents=True)
            path.write_bytes(content)
        return digest, hash

    def _link(self, repository, folder, digest):
        folder = self.v2 / "repositories" / repository / folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "link").write_text(digest)

    def _blob(self, repository, media_type, content):
        digest, hash = self._store(content)
        self._link(repository, f"_layers/sha256/{hash}", digest)
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    def image(self, repository, tag, number):
        """A small image. Ten images have one layer in common."""
        layers = [f"shared {number // 10}".encode() * 50, f"own {repository} {number}".encode() * 20]
        manifest = {
            "schemaVersion": 2,
            "mediaType": images.MANIFEST,
            "config": self._blob(repository, images.CONFIG, json.dumps({"number": number}).encode()),
            "layers": [self._blob(repository, images.LAYER, layer) for layer in layers],
        }
        digest, hash = self._store(json.dumps(manifest).encode())
        self._link(repository, f"_manifests/revisions/sha256/{hash}", digest)
        self._link(repository, f"_manifests/tags/{tag}/current", digest)
        self._link(repository, f"_manifests/tags/{tag}/index/sha256/{hash}", digest)
        self.tags[repository, tag] = digest


@pytest.fixture
def registry(request, tmp_path):
    """docker-registry, or the program that a test names: `registry` is distribution 3."""
    registry = Upstream(getattr(request, "param", "docker-registry"), tmp_path / "registry")
    yield registry
    registry.stop()


@pytest.fixture(params=["docker-registry", "registry"])
def private(request, tmp_path):
    registry = Upstream(request.param, tmp_path / "private", has_login=True)
    yield registry
    registry.stop()


@pytest.fixture
def storage(registry):
    return Storage(registry.storage)


@pytest.fixture
def target(tmp_path):
    """A server of its own: the counts of the report are exact."""
    server = Wharf(tmp_path / "target")
    yield server
    server.stop()


def wharf_command(server, *words, refused=False, input=None):
    env = environment(server.home, server.env)
    return run([server.binary, *words], env=env, refused=refused, input=input, timeout=3000)


def report(said):
    return json.loads(said)[0]["report"]


@pytest.fixture
def many(storage):
    """Many images in five repositories; their digests by repository and tag."""
    if COUNT < 10_000:
        print(f"{COUNT} images, because CI has little time; WHARF_FULL=1 moves 10,000")
    for number in range(COUNT):
        storage.image(f"team-{number % 5}/app", f"v{number}", number)
    return storage.tags


def digests(server, tags):
    """The digests on the server of these repositories' tags."""
    ecr, found = server.client("ecr"), {}
    there = {repository["repositoryName"] for repository in ecr.describe_repositories()["repositories"]}
    for repository in there & {repository for repository, _ in tags}:
        for page in ecr.get_paginator("list_images").paginate(repositoryName=repository):
            tagged = [image for image in page["imageIds"] if "imageTag" in image]
            found |= {(repository, image["imageTag"]): image["imageDigest"] for image in tagged}
    return found


MOVED = ("manifestsCopied", "blobsCopied", "blobsShared", "bytesCopied", "failed")


def test_a_registry_moves_and_a_second_run_moves_nothing(target, registry, many):
    source = f"http://{registry.address}"
    began = time.monotonic()
    first = report(wharf_command(target, "import", source, "--json"))
    middle = time.monotonic()
    second = report(wharf_command(target, "import", source, "--json"))
    end = time.monotonic()
    print(f"{COUNT} images: {middle - began:.1f} s, the second run {end - middle:.1f} s; {first}")
    assert (first["failed"], first["manifestsCopied"], first["tags"]) == (0, COUNT, COUNT), first
    assert {name: second[name] for name in MOVED} == dict.fromkeys(MOVED, 0)
    assert digests(target, many) == many


def test_an_import_that_was_killed_goes_on(target, registry, many, tmp_path):
    words = [str(target.binary), "import", f"http://{registry.address}", "--json", "--jobs", "2"]
    env = environment(target.home, target.env)
    output = open(tmp_path / "output", "wb")
    import_ = subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    ecr = target.client("ecr")

    def count():
        names = [repository["repositoryName"] for repository in ecr.describe_repositories()["repositories"]]
        pages = (ecr.get_paginator("list_images").paginate(repositoryName=name) for name in names)
        return sum(len(page["imageIds"]) for listed in pages for page in listed)

    try:
        wait_until(lambda: count() >= COUNT // 4, "a part of the images", process=import_, seconds=900)
    finally:
        import_.kill()
        import_.wait()
    there = digests(target, many)
    assert COUNT // 4 <= len(there) < COUNT, "it was killed in the middle"
    assert there.items() <= many.items(), "a tag exists only when its image is right"
    second = report(wharf_command(target, "import", f"http://{registry.address}", "--json"))
    # At most the images in work were there without their tags.
    assert COUNT - len(there) - 2 <= second["manifestsCopied"] <= COUNT - len(there), second
    assert second["failed"] == 0 and digests(target, many) == many
    third = report(wharf_command(target, "import", f"http://{registry.address}", "--json"))
    assert {name: third[name] for name in MOVED} == dict.fromkeys(MOVED, 0)


@pytest.mark.parametrize("registry", ["docker-registry", "registry"], indirect=True)
def test_images_of_skopeo_move_with_their_index(target, registry, tmp_path):
    made = images.layout(tmp_path / "made", tag="v1", architectures=("amd64", "arm64"))
    registry.push(made, "team/app")
    wharf_command(target, "import", f"http://{registry.address}/team/app")
    status, headers, _ = target.http("HEAD", "/v2/team/app/manifests/v1")
    assert (status, headers["docker-content-digest"]) == (200, made.digest)
    for digest in made.manifests:
        assert target.http("HEAD", f"/v2/team/app/manifests/{digest}")[0] == 200


def test_a_registry_with_a_login_moves(target, private, tmp_path):
    made = images.layout(tmp_path / "made", tag="v1", architectures=("amd64", "arm64"), layers=2)
    private.push(made, "team/app")
    words = ["import", f"http://{private.address}", "--username", LOGIN[0], "--password-stdin", "--json"]
    refused = wharf_command(target, *words, refused=True, input="a wrong one")
    assert "denied access (401)" in refused and "a wrong one" not in refused
    first = report(wharf_command(target, *words, input=LOGIN[1]))
    assert (first["failed"], first["manifestsCopied"], first["blobsCopied"]) == (0, 3, 6), first
    second = report(wharf_command(target, *words, input=LOGIN[1]))
    assert {name: second[name] for name in MOVED} == dict.fromkeys(MOVED, 0)
    status, headers, _ = target.http("HEAD", "/v2/team/app/manifests/v1")
    assert (status, headers["docker-content-digest"]) == (200, made.digest)


def test_other_programs_read_an_export(target, tmp_path):
    made = images.layout(tmp_path / "made", tag="v1", architectures=("amd64", "arm64"))
    wharf_command(target, "import", made.folder, "--name", "team/app")
    folder = tmp_path / "export"
    wharf_command(target, "export", "team/*", "--to", folder)
    env = environment(target.home)
    raw = run(["skopeo", "inspect", "--raw", f"oci:{folder}/team/app:v1"], env=env, text=False)
    assert "sha256:" + hashlib.sha256(raw).hexdigest() == made.digest
    copied = tmp_path / "copied"
    run(["skopeo", "copy", "--all", f"oci:{folder}/team/app:v1", f"dir:{copied}"], env=env)
    shown = run(["oras", "manifest", "fetch", "--descriptor", "--oci-layout", f"{folder}/team/app:v1"], env=env)
    assert json.loads(shown)["digest"] == made.digest
    reference = f"{target.registry}/by-crane/app:v1"
    target.aws("ecr", "create-repository", "--repository-name", "by-crane/app")
    logged_in = target.logged_in(target.home)
    run(["crane", "push", "--insecure", "--index", folder / "team" / "app", reference], env=logged_in)


def test_layers_of_a_list_are_left_out_of_an_export(target, tmp_path):
    made = images.layout(tmp_path / "made", tag="v1", layers=3)
    wharf_command(target, "import", made.folder, "--name", "team/app")
    known, (new,) = made.layers[:2], made.layers[2:]
    (tmp_path / "known").write_text("\n".join(["", *known, ""]))
    folder = tmp_path / "export"
    said = wharf_command(target, "export", "team/app", "--to", folder, "--base", tmp_path / "known", "--json")
    blobs = {path.name for path in (folder / "team/app/blobs/sha256").iterdir()}
    hashes = [digest.removeprefix("sha256:") for digest in (new, *made.configs, made.digest, *known)]
    assert [hash in blobs for hash in hashes] == [True, True, True, False, False], said
    # Where the layers are missing, the image is reported. Where they are, it arrives.
    other = Wharf(tmp_path / "other-side")
    try:
        refused = wharf_command(other, "import", folder, refused=True)
        assert "team/app:v1" in refused and any(digest.removeprefix("sha256:") in refused for digest in known), refused
        assert other.http("HEAD", "/v2/team/app/manifests/v1")[0] == 404
        wharf_command(other, "import", made.folder, "--name", "older/app")
        assert report(wharf_command(other, "import", folder, "--json"))["failed"] == 0
        status, headers, _ = other.http("HEAD", "/v2/team/app/manifests/v1")
        assert (status, headers["docker-content-digest"]) == (200, made.digest)
    finally:
        other.stop()
    (tmp_path / "known").write_text("sha256:no-digest")
    words = ["export", "team/app", "--to", tmp_path / "other", "--base", tmp_path / "known"]
    assert "sha256:no-digest in " in wharf_command(target, *words, refused=True)
    words[-1] = tmp_path / "absent"
    assert "absent does not exist" in wharf_command(target, *words, refused=True)


def test_a_repository_moves_to_another_account(target, tmp_path):
    made = images.layout(tmp_path / "made", tag="v1", architectures=("amd64", "arm64"))
    wharf_command(target, "import", made.folder, "--name", "team/app")
    target.aws("ecr", "tag-resource", "--resource-arn", arn(target, "team/app"), "--tags", "Key=team,Value=a")
    policy = {"Effect": "Allow", "Principal": {"AWS": target.account}, "Action": ["ecr:BatchGetImage"]}
    policy["Action"].append("ecr:GetDownloadUrlForLayer")
    set_policy(target, "team/app", policy)
    account = wharf_command(target, "account", "create", "--name", "staging").strip()
    refused = wharf_command(target, "repository", "move", "team/app", "--to-account", account, refused=True)
    assert "ecr:CreateRepository" in refused
    keys = target.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole", RoleSessionName="move"
    )["Credentials"]
    there = target.client("ecr", keys)
    actions = ["ecr:CreateRepository", "ecr:ReplicateImage", "ecr:TagResource"]
    allow_in_registry(there, target.account, actions)
    refused = wharf_command(target, "repository", "move", "team/app", "--to-account", account, refused=True)
    assert "ecr:SetRepositoryPolicy" in refused
    allow_in_registry(there, target.account, [*actions, "ecr:SetRepositoryPolicy"])
    told = wharf_command(target, "repository", "move", "team/app", "--to-account", account)
    assert account in told

    logged_in = target.logged_in(target.home)
    for reference in (f"{target.registry}/team/app:v1", f"{target.registry}/{account}/team/app:v1"):
        pulled = tmp_path / reference.replace("/", "-")
        run(["crane", "pull", "--insecure", "--format", "oci", reference, pulled], env=logged_in)
        assert made.digest in (pulled / "index.json").read_text()
    words = ("ecr", "describe-images", "--repository-name", "team/app")
    assert "RepositoryNotFoundException" in target.aws(*words, refused=True)
    session = {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }
    described = target.aws(*words, env=session)["imageDetails"]
    assert made.digest in [image["imageDigest"] for image in described]
    arn_there = arn(target, "team/app").replace(target.account, account)
    tags = target.aws("ecr", "list-tags-for-resource", "--resource-arn", arn_there, env=session)["tags"]
    assert tags == [{"Key": "team", "Value": "a"}]
    reference = f"{target.registry}/team/app:v2"
    refused = run(["crane", "push", "--insecure", made.folder, reference], env=logged_in, refused=True)
    assert "NAME_UNKNOWN" in refused or "does not exist" in refused, refused


def allow_in_registry(ecr, account, actions):
    statement = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": actions, "Resource": "*"}
    ecr.put_registry_policy(policyText=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def arn(server, name):
    return f"arn:aws:ecr:{server.env['AWS_REGION']}:{server.account}:repository/{name}"


def set_policy(server, name, statement):
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    server.aws("ecr", "set-repository-policy", "--repository-name", name, "--policy-text", text)


def test_the_commands_of_the_page(target, registry, storage, tmp_path):
    for number in range(3):
        storage.image("team/app", f"v1.{number}", number)
    bin = tmp_path / "bin"
    bin.mkdir()
    (bin / "wharf").symlink_to(target.binary)
    env = environment(target.home, target.env)
    env["PATH"] = f"{bin}:{env['PATH']}"
    blocks = PAGE.read_text().split("```sh\n")[1:]
    commands = "".join(block.split("```")[0] for block in blocks)
    assert commands.count("wharf ") == 8, commands
    script = commands.replace("http://localhost:5000", f"http://{registry.address}")
    run(["/bin/sh", "-e", "-c", script], env=env, cwd=tmp_path)
    for (_, tag), digest in storage.tags.items():
        for name in ("team/app", "kept/app", "mirror/team/app"):
            status, headers, _ = target.http("HEAD", f"/v2/{name}/manifests/{tag}")
            assert (status, headers["docker-content-digest"]) == (200, digest), (name, tag)
