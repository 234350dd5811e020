"""A Kubernetes node pulls from another account: kubelet's `ecr-credential-provider` returns credentials for the image,
and containerd pulls with them."""

import json

import images
import pytest
from closed_network import SHARED, registry
from containerd import start_containerd
from cross_account import push, shared_repository

HOSTS = """
server = "{server}"
[host."{server}"]
capabilities = ["pull", "resolve"]
ca = "{ca}"
"""


def ask(network, image, credentials, **options):
    """The plugin's response to kubelet for an image."""
    request = {"apiVersion": "credentialprovider.kubelet.k8s.io/v1", "kind": "CredentialProviderRequest", "image": image}
    words = ["ecr-credential-provider", "get-credentials"]
    said = network.run(*words, credentials=credentials, input=json.dumps(request), **options)
    return said if options.get("refused") else json.loads(said)


def login(network, image, credentials):
    """The login in a response, in the format of `ctr --user`."""
    ((host, auth),) = ask(network, image, credentials)["auth"].items()
    assert host == image.split("/")[0]
    return f"{auth['username']}:{auth['password']}"


@pytest.fixture(scope="module")
def ctr(short_folder, network):
    """containerd's client. containerd's host configuration contains the registry."""
    daemon, ctr, _ = start_containerd(short_folder)
    hosts = network.folder / "hosts.d" / registry(SHARED)
    hosts.mkdir(parents=True)
    (hosts / "hosts.toml").write_text(HOSTS.format(server=f"https://{registry(SHARED)}", ca=network.ca))

    def command(*words, **options):
        unset = {"env": {"SSL_CERT_FILE": "/dev/null"}}
        return network.run(*ctr, *words, credentials={}, **unset, **options)

    yield command
    daemon.stop()


def pull(ctr, network, image, user, **options):
    hosts = ["--hosts-dir", network.folder / "hosts.d"]
    return ctr("images", "pull", "--snapshotter", "native", *hosts, "--user", user, image, **options)


@pytest.mark.parametrize("way", ["imds", "container"])
def test_a_node_pulls_from_another_account(ctr, network, new_node, tmp_path, way):
    node = new_node()
    repository = shared_repository(network, f"platform/{way}", node.role)
    made = images.layout(tmp_path / "made", layers=2)
    push(network, made, f"{repository}:v1")
    credentials = node.agent(way)
    answer = ask(network, f"{repository}:v1", credentials)
    assert (answer["apiVersion"], answer["kind"]) == (
        "credentialprovider.kubelet.k8s.io/v1",
        "CredentialProviderResponse",
    )
    assert answer["cacheKeyType"] == "Registry"
    assert list(answer["auth"]) == [registry(SHARED)]
    for image in (f"{repository}:v1", f"{repository}@{made.digest}"):
        ctr("images", "rm", "--sync", *ctr("images", "ls", "-q").split())
        pull(ctr, network, image, login(network, image, credentials))
        assert made.digest in ctr("images", "ls", f"name=={image}")
        held = ctr("content", "ls", "-q").split()
        assert set([made.digest, *made.layers]) <= set(held)


def test_a_service_account_pulls_without_any_key(ctr, network, service_account, issuer, tmp_path):
    image = shared_repository(network, "platform/web-identity", service_account.role) + ":v1"
    made = images.layout(tmp_path / "made")
    push(network, made, image)
    ctr("images", "rm", "--sync", *ctr("images", "ls", "-q").split())
    pull(ctr, network, image, login(network, image, service_account.environment))
    assert made.digest in ctr("images", "ls", f"name=={image}")
    service_account.token.write_text(issuer.token("system:serviceaccount:apps:another"))
    said = ask(network, image, service_account.environment, refused=True)
    assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in said


def test_a_role_that_the_owner_does_not_name_is_refused(ctr, network, new_node, tmp_path):
    named, stranger = new_node(), new_node()
    image = shared_repository(network, "platform/refused", named.role) + ":v1"
    push(network, images.layout(tmp_path / "made"), image)
    credentials = stranger.agent("imds")
    assert "403 Forbidden" in pull(ctr, network, image, login(network, image, credentials), refused=True)
    # The named role gets the error for a missing image.
    missing, credentials = image.replace(":v1", ":v2"), named.agent("imds")
    assert "StatusNotFound" in pull(ctr, network, missing, login(network, missing, credentials), refused=True)


def test_a_node_without_a_role_gets_no_login(network):
    image = f"{registry(SHARED)}/platform/none:v1"
    said = ask(network, image, {"AWS_EC2_METADATA_DISABLED": "true"}, refused=True)
    assert "credentials" in said
