"""The Resource Groups Tagging API with boto3: filters, pages, and tags that are changed with the permission of the
service that has the resource."""

import pytest
from clients import allow, refused, unique
from test_presence import served

SERVICE = "resourcegroupstaggingapi"


@pytest.fixture
def tagging(cloud):
    return cloud.client(SERVICE)


@pytest.fixture
def key():
    """A tag key of this test alone."""
    return unique("key")


def repository(cloud, **tags):
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    made = cloud.client("ecr").create_repository(repositoryName=unique("tagged"), tags=listed)
    return made["repository"]["repositoryArn"]


def found(tagging, **arguments):
    """All resources that a request finds, with their tags."""
    pages = tagging.get_paginator("get_resources").paginate(**arguments)
    listed = [item for page in pages for item in page["ResourceTagMappingList"]]
    return {item["ResourceARN"]: {tag["Key"]: tag["Value"] for tag in item["Tags"]} for item in listed}


def test_resources_of_several_kinds_are_found_by_their_tags(cloud, tagging, key):
    pairs = [{"Key": key, "Value": "a"}]
    app = repository(cloud, **{key: "a"})
    other = repository(cloud, **{key: "b"})
    repository(cloud)
    role = cloud.role({"AWS": cloud.account}, Path="/team/", Tags=pairs)["Arn"]
    user = cloud.iam.get_user(UserName=cloud.user(Tags=pairs))["User"]["Arn"]
    policy = cloud.managed(Tags=pairs)
    profile = cloud.iam.create_instance_profile(InstanceProfileName=unique("profile"), Tags=pairs)
    profile = profile["InstanceProfile"]["Arn"]
    url = f"https://{unique('issuer')}.example.org"
    provider = {"Url": url, "ThumbprintList": ["0" * 40], "Tags": pairs}
    provider = cloud.iam.create_open_id_connect_provider(**provider)["OpenIDConnectProviderArn"]
    by_key = [{"Key": key}]
    everything = {app, other, role, user, policy, profile, provider}
    assert found(tagging, TagFilters=by_key).keys() == everything
    assert found(tagging, TagFilters=by_key)[role] == {key: "a"}
    for size in (1, 3):
        assert found(tagging, TagFilters=by_key, ResourcesPerPage=size).keys() == everything
    assert found(tagging, TagFilters=[{"Key": key, "Values": ["b", "c"]}]).keys() == {other}
    assert found(tagging, TagFilters=[{"Key": key, "Values": ["a"]}, {"Key": "none"}]) == {}
    by_type = {"iam:role": {role}, "ecr:repository": {app, other}, "ecr": {app, other}, "ec2:instance": set()}
    for kind, arns in by_type.items():
        assert found(tagging, TagFilters=by_key, ResourceTypeFilters=[kind]).keys() == arns, kind
    assert found(tagging, ResourceARNList=[role, app]) == {app: {key: "a"}, role: {key: "a"}}
    assert found(tagging, ResourceARNList=[user, provider]).keys() == {user, provider}
    listed = found(tagging, ResourceARNList=[role.replace("/team/", "/"), cloud.arn("role/none")])
    assert listed == {}
    # Tags of what is deleted are gone.
    cloud.client("ecr").delete_repository(repositoryName=other.split("/", 1)[1])
    assert other not in found(tagging, TagFilters=by_key)


def test_keys_and_values_are_listed(cloud, tagging, key):
    repository(cloud, **{key: "b"})
    cloud.user(Tags=[{"Key": key, "Value": "a"}])
    cloud.user(Tags=[{"Key": key, "Value": ""}])
    pages = tagging.get_paginator("get_tag_keys").paginate()
    keys = [one for page in pages for one in page["TagKeys"]]
    assert key in keys and keys == sorted(set(keys))
    pages = tagging.get_paginator("get_tag_values").paginate(Key=key)
    assert [one for page in pages for one in page["TagValues"]] == ["", "a", "b"]


def test_tags_are_changed_by_the_service_of_the_resource(cloud, tagging, key):
    app, role = repository(cloud), cloud.role({"AWS": cloud.account}, Path="/team/")
    arns = [app, role["Arn"]]
    assert tagging.tag_resources(ResourceARNList=arns, Tags={key: "a", "l": ""})["FailedResourcesMap"] == {}
    assert found(tagging, TagFilters=[{"Key": key}]) == {arn: {key: "a", "l": ""} for arn in arns}
    assert tagging.untag_resources(ResourceARNList=arns, TagKeys=["l", "m"])["FailedResourcesMap"] == {}
    assert found(tagging, TagFilters=[{"Key": key}]) == {arn: {key: "a"} for arn in arns}

    wrong_path = role["Arn"].replace("/team/", "/")
    missing = app.replace("tagged-", "absent-")
    foreign = app.replace(cloud.account, "999999999999")
    far = app.replace(cloud.region, "ap-south-2")
    bucket = "arn:aws:s3:::bucket"
    wrong = [wrong_path, missing, foreign, far, bucket, "text"]
    failed = tagging.tag_resources(ResourceARNList=[app, *wrong], Tags={key: "b"})["FailedResourcesMap"]
    codes = {arn: (failure["StatusCode"], failure["ErrorCode"]) for arn, failure in failed.items()}
    invalid = (400, "InvalidParameterException")
    expected = {
        wrong_path: (404, "NoSuchEntity"),
        missing: (400, "RepositoryNotFoundException"),
        foreign: invalid,
        far: invalid,
        bucket: invalid,
        "text": invalid,
    }
    assert codes == expected
    assert found(tagging, ResourceARNList=arns) == {app: {key: "b"}, role["Arn"]: {key: "a"}}


def test_both_permissions_are_needed(cloud, key):
    app = repository(cloud)
    change = {"ResourceARNList": [app], "Tags": {key: "a"}}
    only_tag = cloud.client(SERVICE, cloud.key(cloud.user(allow("tag:*"))))
    failure = only_tag.tag_resources(**change)["FailedResourcesMap"][app]
    assert (failure["StatusCode"], failure["ErrorCode"]) == (400, "AccessDeniedException")
    assert "ecr:TagResource" in failure["ErrorMessage"]
    only_ecr = cloud.client(SERVICE, cloud.key(cloud.user(allow("ecr:*"))))
    refused("AccessDeniedException", only_ecr.tag_resources, **change)
    both = cloud.client(SERVICE, cloud.key(cloud.user(allow(["tag:TagResources", "ecr:TagResource"]))))
    assert both.tag_resources(**change)["FailedResourcesMap"] == {}


def test_requests_that_cannot_be_combined_are_refused(cloud, tagging):
    app = repository(cloud)
    for wrong in (
        {"ResourceARNList": [app], "TagFilters": [{"Key": "k"}]},
        {"ResourceARNList": [app], "ResourcesPerPage": 5},
        {"ResourceARNList": ["text"]},
        {"TagFilters": [{"Values": ["a"]}]},
        {"ResourcesPerPage": 0},
        {"ResourcesPerPage": 101},
        {"TagsPerPage": 99},
        {"ExcludeCompliantResources": True},
        {"PaginationToken": "forged"},
    ):
        refused("InvalidParameterException", tagging.get_resources, **wrong)
    refused("InvalidParameterException", tagging.tag_resources, ResourceARNList=[], Tags={"a": "b"})
    refused("InvalidParameterException", tagging.tag_resources, ResourceARNList=[app], Tags={"a" * 129: "b"})
    refused("InvalidParameterException", tagging.tag_resources, ResourceARNList=[app], Tags={"a": "b" * 257})


def test_every_operation_answers_within_its_shape(cloud, tagging, key):
    app = repository(cloud)
    tagging.tag_resources(ResourceARNList=[app], Tags={key: "a"})
    details = tagging.get_resources(ResourceARNList=[app], IncludeComplianceDetails=True)
    assert details["ResourceTagMappingList"][0]["ComplianceDetails"]["ComplianceStatus"] is True
    tagging.get_tag_keys()
    tagging.get_tag_values(Key=key)
    tagging.untag_resources(ResourceARNList=[app], TagKeys=[key])
    assert cloud.answered[SERVICE] == served(cloud, SERVICE)
