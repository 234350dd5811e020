"""helm: a chart as an OCI artifact."""

import tarfile

import pytest
from process import run


@pytest.fixture
def helm(env, wharf, home):
    def command(*words, **options):
        return run(["helm", *words], env=env | {"HELM_REGISTRY_CONFIG": str(home / "helm.json")}, **options)

    words = ["registry", "login", "--plain-http", "--username", "AWS", "--password-stdin", wharf.registry]
    command(*words, input=wharf.password)
    return command


def test_a_chart_is_pushed_shown_and_pulled(helm, wharf, tmp_path):
    chart = "chart" + wharf.repository("helm").rsplit("/", 1)[1]
    wharf.aws("ecr", "create-repository", "--repository-name", f"helm/{chart}")
    helm("create", tmp_path / chart)
    helm("package", tmp_path / chart, "--version", "1.2.3", "--destination", tmp_path)
    said = helm("push", tmp_path / f"{chart}-1.2.3.tgz", f"oci://{wharf.registry}/helm", "--plain-http")
    assert f"helm/{chart}:1.2.3" in said
    shown = helm("show", "chart", f"oci://{wharf.registry}/helm/{chart}", "--version", "1.2.3", "--plain-http")
    assert f"name: {chart}" in shown
    (tmp_path / "back").mkdir()
    source = f"oci://{wharf.registry}/helm/{chart}"
    helm("pull", source, "--version", "1.2.3", "--plain-http", "--destination", tmp_path / "back")
    with tarfile.open(tmp_path / "back" / f"{chart}-1.2.3.tgz") as pulled:
        assert f"{chart}/Chart.yaml" in pulled.getnames()


def test_a_wrong_password_is_refused(helm, wharf):
    words = ["registry", "login", "--plain-http", "--username", "AWS", "--password", "wrong", wharf.registry]
    assert "Login Succeeded" not in helm(*words, refused=True)
