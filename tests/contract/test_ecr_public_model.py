"""ECR Public's API against botocore's model: each constraint is violated, and each operation answers in its shape."""

import base64
import hashlib
import json

import pytest
from model import ECR_PUBLIC, misfits

BROKEN = ECR_PUBLIC.parameters(ECR_PUBLIC.broken_inputs)
PREFIX = ECR_PUBLIC.whole["metadata"]["targetPrefix"]
NAME = "contract/public"


@pytest.fixture
def call(api):
    return lambda operation, body: api.call(operation, body, prefix=PREFIX, service="ecr-public")


@pytest.fixture
def good(call):
    """Calls an operation; its answer has the shape of the model."""

    def answer(operation, **input):
        answer = call(operation, input)
        assert answer.status == 200, (operation, answer.raw)
        shape = ECR_PUBLIC.operations[operation]["output"]["shape"]
        assert misfits(shape, answer.body, operation, ECR_PUBLIC.shapes) == []
        CALLED.add(operation)
        return answer.body

    return answer


CALLED = set()


def test_every_operation_of_the_model_is_served():
    assert set(ECR_PUBLIC.served) == ECR_PUBLIC.operations.keys()
    assert len(BROKEN) > 80


@pytest.mark.parametrize(("operation", "broken"), BROKEN)
def test_a_broken_rule_is_refused_as_declared(call, operation, broken):
    answer = call(operation, broken.input)
    assert answer.status == 400, answer.raw
    assert answer.error == "InvalidParameterException"
    assert answer.error in ECR_PUBLIC.declared_errors(operation)
    assert misfits(answer.error, {"message": answer.body["message"]}, shapes=ECR_PUBLIC.shapes) == []
    expected = f"Invalid parameter at '{broken.member}' failed to satisfy constraint: "
    assert answer.body["message"].startswith(expected), answer.body["message"]


@pytest.mark.parametrize("operation", ECR_PUBLIC.served)
@pytest.mark.parametrize("body", [b"[]", b"{", b"null", b"\xff"], ids=repr)
def test_bodies_that_are_not_requests_are_refused(call, operation, body):
    answer = call(operation, body)
    assert answer.status == 400, answer.raw[:300]
    assert answer.error in ("SerializationException", "InvalidParameterException")


OF_REPOSITORIES = [
    operation
    for operation in ECR_PUBLIC.served
    if "RepositoryNotFoundException" in ECR_PUBLIC.declared_errors(operation)
    and "repositoryName" in ECR_PUBLIC.shapes[ECR_PUBLIC.operations[operation]["input"]["shape"]].get("required", [])
]


@pytest.mark.parametrize("operation", OF_REPOSITORIES)
def test_a_repository_that_does_not_exist(call, operation):
    name = ECR_PUBLIC.operations[operation]["input"]["shape"]
    answer = call(operation, ECR_PUBLIC.sample(name))
    # The media type of a manifest is found before its repository is.
    expected = {"RepositoryNotFoundException"} | ({"InvalidParameterException"} if operation == "PutImage" else set())
    assert answer.status == 400 and answer.error in expected, answer.raw
    assert misfits(answer.error, {"message": answer.body["message"]}, shapes=ECR_PUBLIC.shapes) == []


def test_an_arn_of_a_repository_that_does_not_exist(call, good):
    account = good("DescribeRegistries")["registries"][0]["registryId"]
    inputs = {"ListTagsForResource": {}, "TagResource": {"tags": []}, "UntagResource": {"tagKeys": []}}
    for operation, more in inputs.items():
        answer = call(operation, {"resourceArn": f"arn:aws:ecr-public::{account}:repository/contract/none"} | more)
        assert answer.error == "RepositoryNotFoundException", answer.raw
        private = {"resourceArn": f"arn:aws:ecr:us-east-1:{account}:repository/contract/none"}
        assert call(operation, private | more).error == "InvalidParameterException"


def test_every_operation_answers_in_its_shape(good):
    (registry,) = good("DescribeRegistries")["registries"]
    alias = registry["aliases"][0]["name"]
    good("PutRegistryCatalogData", displayName="Contract")
    assert good("GetRegistryCatalogData") == {"registryCatalogData": {"displayName": "Contract"}}
    good("GetAuthorizationToken")

    tags = [{"Key": "a", "Value": "b"}]
    catalog = {"description": "d", "logoImageBlob": base64.b64encode(b"logo").decode()}
    made = good("CreateRepository", repositoryName=NAME, catalogData=catalog, tags=tags)
    arn = {"resourceArn": made["repository"]["repositoryArn"]}
    where = {"repositoryName": NAME, "registryId": registry["registryId"]}
    assert good("DescribeRepositories", repositoryNames=[NAME])["repositories"] == [made["repository"]]
    assert good("GetRepositoryCatalogData", **where)["catalogData"] == made["catalogData"]
    good("PutRepositoryCatalogData", **where, catalogData={"aboutText": "about"})
    good("TagResource", **arn, tags=[{"Key": "c"}])
    good("UntagResource", **arn, tagKeys=["a"])
    assert good("ListTagsForResource", **arn) == {"tags": [{"Key": "c", "Value": ""}]}
    statement = {"Effect": "Allow", "Principal": "*", "Action": "ecr-public:DescribeImages"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    good("SetRepositoryPolicy", **where, policyText=policy)
    good("GetRepositoryPolicy", **where)
    good("DeleteRepositoryPolicy", **where)

    # An alias names the registry too.
    named = {"repositoryName": NAME, "registryId": alias}
    config = b"{}"
    digest = "sha256:" + hashlib.sha256(config).hexdigest()
    upload = good("InitiateLayerUpload", **named)["uploadId"]
    part = {"partFirstByte": 0, "partLastByte": len(config) - 1, "layerPartBlob": base64.b64encode(config).decode()}
    good("UploadLayerPart", **named, uploadId=upload, **part)
    good("CompleteLayerUpload", **named, uploadId=upload, layerDigests=[digest])
    layers = good("BatchCheckLayerAvailability", **named, layerDigests=[digest, "sha256:" + "0" * 64, "x"])
    assert [layer["layerAvailability"] for layer in layers["layers"]] == ["AVAILABLE", "UNAVAILABLE"]
    assert len(layers["failures"]) == 1
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": len(config)},
        "layers": [],
    }
    good("PutImage", **where, imageManifest=json.dumps(manifest), imageTag="v1")
    (image,) = good("DescribeImages", **where)["imageDetails"]
    (tag,) = good("DescribeImageTags", **where)["imageTagDetails"]
    assert tag["imageDetail"]["imageDigest"] == image["imageDigest"]
    gone = good("BatchDeleteImage", **where, imageIds=[{"imageTag": "v1"}, {"imageTag": "v2"}])
    assert [failure["failureCode"] for failure in gone["failures"]] == ["ImageNotFound"]
    good("DeleteRepository", **where)
    assert set(ECR_PUBLIC.served) == CALLED


def test_an_alias_that_nobody_has(call):
    answer = call("InitiateLayerUpload", {"repositoryName": NAME, "registryId": "nobody"})
    assert answer.error == "RegistryNotFoundException"
