"""The quota of repositories, for both kinds of registries and for a push to a new name."""

import json

import images
import pytest
from server import Wharf


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    server = Wharf(tmp_path_factory.mktemp("small"), {"WHARF__QUOTAS__REPOSITORIES_PER_REGISTRY": "2"})
    yield server
    server.stop()


@pytest.mark.parametrize("service", ["ecr", "ecr-public"])
def test_a_registry_has_no_more_repositories_than_its_quota(small, service):
    client = small.client(service)
    for name in ("one", "two"):
        client.create_repository(repositoryName=name)
    with pytest.raises(client.exceptions.LimitExceededException) as refused:
        client.create_repository(repositoryName="three")
    assert "2 repositories" in refused.value.response["Error"]["Message"]
    with pytest.raises(client.exceptions.RepositoryAlreadyExistsException):
        client.create_repository(repositoryName="two")
    if service == "ecr":
        manifest = json.dumps({"schemaVersion": 2, "mediaType": images.INDEX, "manifests": []})
        status, _, body = small.http("PUT", "/v2/three/manifests/v1", manifest, {"Content-Type": images.INDEX})
        assert status == 403 and "2 repositories" in json.loads(body)["errors"][0]["message"]
    client.delete_repository(repositoryName="one")
    client.create_repository(repositoryName="three")
    assert [one["repositoryName"] for one in client.describe_repositories()["repositories"]] == ["three", "two"]
