"""Lifecycle policies through botocore: its waiter and its paginator of previews, the texts of invalid documents, and that
a policy is carried out."""

import json
import time
import uuid

import pytest

KEPT = 3
REFUSED = {
    "not an object": ([], "Could not map policyString into LifecyclePolicy.'"),
    "no rules": ({"no_rules": "x" * 100}, "object has missing required properties ([\"rules\"])'"),
    "no selection": (
        {"rules": [{"rulePriority": 1, "action": {"type": "expire"}, "description": "x" * 100}]},
        "object has missing required properties ([\"selection\"])'",
    ),
}


def rule(priority, **selection):
    selection = {"countType": "imageCountMoreThan", "countNumber": KEPT} | selection
    return {"rulePriority": priority, "description": "a rule", "selection": selection, "action": {"type": "expire"}}


def policy(*rules):
    return json.dumps({"rules": list(rules)})


def manifest(number):
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}
    return json.dumps(index | {"annotations": {"number": str(number)}})


@pytest.fixture(scope="module")
def ecr(cloud):
    return cloud.client("ecr")


@pytest.fixture
def repository(ecr):
    name = f"lifecycle/{uuid.uuid4().hex}"
    ecr.create_repository(repositoryName=name)
    for number in range(8):
        ecr.put_image(repositoryName=name, imageManifest=manifest(number), imageTag=f"v{number}")
    return name


def tags_of(images):
    return sorted(tag for image in images for tag in image["imageTags"])


def test_the_waiter_and_the_pages_of_a_preview(ecr, repository):
    text = policy(rule(7, tagStatus="tagged", tagPatternList=["v*"]))
    started = ecr.start_lifecycle_policy_preview(repositoryName=repository, lifecyclePolicyText=text)
    assert started["status"] == "IN_PROGRESS"
    waiter = ecr.get_waiter("lifecycle_policy_preview_complete")
    waiter.wait(repositoryName=repository, WaiterConfig={"Delay": 1, "MaxAttempts": 40})
    pages = ecr.get_paginator("get_lifecycle_policy_preview").paginate(
        repositoryName=repository, PaginationConfig={"PageSize": 2}
    )
    pages = list(pages)
    results = [result for page in pages for result in page["previewResults"]]
    assert len(pages) == 3 and tags_of(results) == [f"v{number}" for number in range(5)]
    assert all(result["appliedRulePriority"] == 7 and result["action"] == {"type": "EXPIRE"} for result in results)
    assert pages[0]["summary"]["expiringImageTotalCount"] == 5
    named = [{"imageTag": "v4"}, {"imageTag": "v7"}]
    one = ecr.get_lifecycle_policy_preview(repositoryName=repository, imageIds=named)
    assert tags_of(one["previewResults"]) == ["v4"]
    untagged = ecr.get_lifecycle_policy_preview(repositoryName=repository, filter={"tagStatus": "UNTAGGED"})
    assert untagged["previewResults"] == []
    assert len(ecr.list_images(repositoryName=repository)["imageIds"]) == 8


def test_a_policy_is_carried_out(ecr, repository):
    ecr.put_lifecycle_policy(
        repositoryName=repository, lifecyclePolicyText=policy(rule(1, tagStatus="tagged", tagPrefixList=["v"]))
    )
    until = time.monotonic() + 60
    while len(left := ecr.list_images(repositoryName=repository)["imageIds"]) > KEPT:
        assert time.monotonic() < until, left
        time.sleep(0.5)
    assert sorted(image["imageTag"] for image in left) == ["v5", "v6", "v7"]


@pytest.mark.parametrize("case", REFUSED)
def test_invalid_documents_have_ecrs_texts(ecr, repository, case):
    document, text = REFUSED[case]
    with pytest.raises(ecr.exceptions.InvalidParameterException) as refused:
        ecr.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=json.dumps(document).ljust(100))
    message = refused.value.response["Error"]["Message"]
    prefix = "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: "
    assert message == f"{prefix}'Lifecycle policy validation failure: {text}"


def test_an_archived_image_is_hidden_until_it_is_restored(ecr, repository):
    image = {"imageTag": "v3"}
    archived = ecr.update_image_storage_class(
        repositoryName=repository, imageId=image, targetStorageClass="ARCHIVE"
    )
    assert archived["imageStatus"] == "ARCHIVED"
    got = ecr.batch_get_image(repositoryName=repository, imageIds=[image])
    assert [failure["failureCode"] for failure in got["failures"]] == ["ImageNotFound"]
    assert image["imageTag"] not in tags_of(ecr.describe_images(repositoryName=repository)["imageDetails"])
    listed = ecr.describe_images(repositoryName=repository, filter={"imageStatus": "ARCHIVED"})["imageDetails"]
    assert tags_of(listed) == ["v3"] and listed[0]["imageStatus"] == "ARCHIVED" and listed[0]["lastArchivedAt"]
    ecr.put_image(repositoryName=repository, imageManifest=manifest(3), imageTag="v3")
    (shown,) = ecr.describe_images(repositoryName=repository, imageIds=[image])["imageDetails"]
    assert shown["imageStatus"] == "ACTIVE" and shown["lastActivatedAt"] > shown["imagePushedAt"]
