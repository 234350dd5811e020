"""Terraform's calls on an account whose registries are in a second database: the tests of `test_terraform_ecr`."""

import pytest
from databases import Databases
from terraform import Provider
from test_terraform_ecr import *  # noqa: F403 - its tests run here with another provider


@pytest.fixture(scope="module")
def provider(short_folder, tmp_path_factory):
    deployment = Databases(short_folder, tmp_path_factory.mktemp("databases"))
    provider = Provider(deployment, tmp_path_factory.mktemp("terraform"))
    deployment.command("registry", "place", provider.account, "east")
    yield provider
    assert int(deployment.east.sql("SELECT count(*) FROM repository")) > 0
    deployment.stop()
