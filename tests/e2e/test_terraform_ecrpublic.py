"""The ECR Public resources of Terraform's AWS provider: its calls in its order, with its checks
(internal/service/ecrpublic)."""

import base64

import pytest
from terraform import Provider, by_key, document, gone, refusal, tags, trust


@pytest.fixture(scope="module")
def provider(wharf, tmp_path_factory):
    return Provider(wharf, tmp_path_factory.mktemp("terraform"))


def test_aws_ecrpublic_repository(provider):
    ecr, name = provider.ecr_public, "tf/public"
    assert gone(ecr.describe_repositories, repositoryNames=[name]) == "RepositoryNotFoundException"
    catalog = {"aboutText": "about", "architectures": ["ARM"], "description": "d", "operatingSystems": ["Linux"]}
    asked = catalog | {"logoImageBlob": b"logo", "usageText": "usage"}
    made = ecr.create_repository(repositoryName=name, catalogData=asked, tags=tags(team="a"))["repository"]

    def read():
        (shown,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
        where = {"repositoryName": name, "registryId": shown["registryId"]}
        catalog = ecr.get_repository_catalog_data(**where)["catalogData"]
        return shown, catalog, by_key(ecr.list_tags_for_resource(resourceArn=shown["repositoryArn"])["tags"])

    shown, stored, tagged = read()
    assert read() == (shown, stored, tagged)
    assert shown == made
    assert shown["repositoryArn"] == f"arn:aws:ecr-public::{provider.account}:repository/{name}"
    assert shown["registryId"] == provider.account and shown["repositoryUri"].endswith(f"/{name}")
    assert {key: stored[key] for key in catalog} == catalog and stored["usageText"] == "usage"
    assert tagged == {"team": "a"}

    put = {"repositoryName": name, "registryId": provider.account}
    ecr.put_repository_catalog_data(**put, catalogData=catalog | {"description": "changed"})
    ecr.untag_resource(resourceArn=shown["repositoryArn"], tagKeys=["team"])
    ecr.tag_resource(resourceArn=shown["repositoryArn"], tags=tags(stage="b"))
    again, stored, tagged = read()
    assert (again, stored["description"], tagged) == (shown, "changed", {"stage": "b"})

    ecr.delete_repository(**put, force=True)
    assert gone(ecr.describe_repositories, repositoryNames=[name]) == "RepositoryNotFoundException"
    assert gone(ecr.delete_repository, **put) == "RepositoryNotFoundException"


def test_a_repository_without_catalog_data_is_read(provider):
    provider.ecr_public.create_repository(repositoryName="tf/bare")
    catalog = provider.ecr_public.get_repository_catalog_data(repositoryName="tf/bare")["catalogData"]
    assert catalog.get("description") is None and catalog.get("logoUrl") is None


def test_aws_ecrpublic_repository_policy(provider):
    ecr, iam = provider.ecr_public, provider.iam
    ecr.create_repository(repositoryName="tf/policy")
    role = f"arn:aws:iam::{provider.account}:role/tf-pusher"
    policy = document({"Sid": "Push", "Principal": {"AWS": role}, "Action": ["ecr-public:PutImage"]})
    put = {"repositoryName": "tf/policy", "policyText": policy}
    code, message = refusal(ecr.set_repository_policy, **put)
    assert code == "InvalidParameterException" and "Invalid repository policy provided" in message
    iam.create_role(RoleName="tf-pusher", AssumeRolePolicyDocument=trust(AWS=provider.account))
    ecr.set_repository_policy(**put)
    read = ecr.get_repository_policy(repositoryName="tf/policy")
    assert (read["registryId"], read["repositoryName"]) == (provider.account, "tf/policy")
    assert provider.equivalent(policy, read["policyText"])
    # Only actions of ECR Public can be in it.
    private = document({"Principal": {"AWS": role}, "Action": ["ecr:PutImage"]})
    code = gone(ecr.set_repository_policy, repositoryName="tf/policy", policyText=private)
    assert code == "InvalidParameterException"
    ecr.delete_repository_policy(repositoryName="tf/policy", registryId=provider.account)
    code = gone(ecr.get_repository_policy, repositoryName="tf/policy")
    assert code == "RepositoryPolicyNotFoundException"
    assert gone(ecr.delete_repository_policy, repositoryName="tf/policy") == code


def test_aws_ecrpublic_authorization_token(provider):
    granted = provider.ecr_public.get_authorization_token()["authorizationData"]
    user, password = base64.b64decode(granted["authorizationToken"]).decode().split(":")
    assert user == "AWS" and 0 < len(password) <= 2400
    assert granted["expiresAt"].timestamp() > 0


def test_images_of_a_repository(provider):
    ecr, name = provider.ecr_public, "tf/images"
    ecr.create_repository(repositoryName=name)
    manifest = '{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}'
    for tag in ("b", "a", "c"):
        ecr.put_image(repositoryName=name, imageManifest=manifest, imageTag=tag)
    paged = ecr.get_paginator("describe_image_tags").paginate(
        repositoryName=name, PaginationConfig={"PageSize": 2}
    )
    found = [[tag["imageTag"] for tag in page["imageTagDetails"]] for page in paged]
    assert found == [["a", "b"], ["c"]]
    (image,) = ecr.describe_images(repositoryName=name)["imageDetails"]
    assert sorted(image["imageTags"]) == ["a", "b", "c"]
    ids = [{"imageDigest": image["imageDigest"]}]
    assert ecr.batch_delete_image(repositoryName=name, imageIds=ids)["failures"] == []
