"""Flux deploys from another account: its login library, and what its source-controller does with the password, for
charts that helm pushed and cosign signed."""

import json

import pytest
from closed_network import REGION, SHARED, registry
from cross_account import shared_repository

VERSIONS = ["0.9.0", "1.0.0", "1.2.0", "1.10.0", "2.0.0", "1.11.0-rc.1"]


class Publisher:
    """The owner of the charts: helm and cosign as the account's administrator."""

    def __init__(self, network, folder):
        self.network, self.folder = network, folder
        self.env = {"HELM_REGISTRY_CONFIG": str(folder / "helm.json"), "COSIGN_PASSWORD": "test"}
        self.env |= {"DOCKER_CONFIG": str(folder), "HOME": str(folder)}
        words = ["registry", "login", "--username", "AWS", "--password-stdin", registry(SHARED)]
        self.helm(*words, input=network.password(SHARED))
        (folder / "config.json").write_bytes((folder / "helm.json").read_bytes())
        self.cosign("generate-key-pair")

    def helm(self, *words, **options):
        return self.network.run("helm", *words, credentials={}, env=self.env, cwd=self.folder, **options)

    def cosign(self, *words, **options):
        return self.network.run("cosign", *words, credentials={}, env=self.env, cwd=self.folder, **options)

    def publish(self, chart, version):
        """Pushes a version of a chart; returns its digest."""
        self.helm("package", chart, "--version", version)
        self.helm("push", f"{chart}-{version}.tgz", f"oci://{registry(SHARED)}/charts")
        words = ["ecr", "describe-images", "--repository-name", f"charts/{chart}", "--image-ids", f"imageTag={version}"]
        return self.network.aws(SHARED, *words)["imageDetails"][0]["imageDigest"]

    def sign(self, ref, *how):
        local = ["--key", "cosign.key", "--use-signing-config=false", "--tlog-upload=false", "--yes"]
        self.cosign("sign", *local, *how, ref)


@pytest.fixture
def publisher(network, tmp_path):
    folder = tmp_path / "publisher"
    folder.mkdir()
    return Publisher(network, folder)


@pytest.fixture
def flux(network):
    def command(*words, credentials, **options):
        said = network.run("flux-source", *words, credentials=credentials, **options)
        return said if options.get("refused") else json.loads(said)

    return command


def test_a_chart_of_another_account(network, new_node, publisher, flux, tmp_path):
    cluster, stranger = new_node(), new_node()
    repository = shared_repository(network, "charts/app", cluster.role)
    publisher.helm("create", "app")
    digests = {version: publisher.publish("app", version) for version in VERSIONS}
    credentials = cluster.agent("container")

    chosen = flux("pull", repository, ">=1.0.0 <2.0.0", credentials=credentials)
    assert (chosen["tag"], chosen["digest"]) == ("1.10.0", digests["1.10.0"])
    assert len(chosen["layers"]) == 1
    newest = flux("pull", repository, ">=1.0.0-0 <2.0.0", credentials=credentials)
    assert newest["digest"] == digests["1.11.0-rc.1"]
    assert "no match found for semver" in flux("pull", repository, ">=3.0.0", credentials=credentials, refused=True)

    denied = flux("pull", repository, "*", credentials=stranger.agent("container"), refused=True)
    assert "DENIED" in denied and "ecr:ListImages" in denied


def test_a_service_account_reads_without_any_key(network, service_account, publisher, flux):
    repository = shared_repository(network, "charts/web-identity", service_account.role)
    publisher.helm("create", "web-identity")
    digest = publisher.publish("web-identity", "1.0.0")
    assert flux("pull", repository, "1.x", credentials=service_account.environment)["digest"] == digest
    service_account.token.write_text("not a token at all")
    said = flux("pull", repository, "1.x", credentials=service_account.environment, refused=True)
    assert "InvalidIdentityToken" in said


@pytest.mark.parametrize("bundle", ["false", "true"], ids=["as a tag", "as a referrer"])
def test_flux_verifies_the_signature_of_the_chosen_chart(network, new_node, publisher, flux, tmp_path, bundle):
    cluster = new_node()
    chart = f"signed-{bundle}"
    repository = shared_repository(network, f"charts/{chart}", cluster.role)
    publisher.helm("create", chart)
    signed, unsigned = publisher.publish(chart, "1.0.0"), publisher.publish(chart, "1.1.0")
    how = f"--new-bundle-format={bundle}"
    publisher.sign(f"{repository}@{signed}", how)

    credentials = cluster.agent("imds")
    # The verifier has only the password of Flux's login, and no AWS credentials.
    config = tmp_path / "verifier"
    config.mkdir()
    (config / "config.json").write_text(json.dumps(flux("login", repository, credentials=credentials)))
    (config / "cosign.pub").write_bytes((publisher.folder / "cosign.pub").read_bytes())

    def verify(digest, **options):
        words = ["cosign", "verify", "--key", "cosign.pub", "--insecure-ignore-tlog=true", how, f"{repository}@{digest}"]
        return network.run(*words, credentials={}, env={"DOCKER_CONFIG": str(config)}, cwd=config, **options)

    chosen = flux("pull", repository, "1.0.x", credentials=credentials)
    assert chosen["digest"] == signed
    assert signed in verify(chosen["digest"])
    assert "no signatures found" in verify(unsigned, refused=True)


def test_a_controller_without_credentials(flux):
    nothing = {"AWS_EC2_METADATA_DISABLED": "true"}
    said = flux("login", f"{registry(SHARED)}/charts/app", credentials=nothing, refused=True)
    assert "failed to create provider access token" in said
