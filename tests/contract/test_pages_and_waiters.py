"""Each paginator and waiter of botocore, on real data: several pages, a list that is continued later, each item once."""

import hashlib
import itertools
import uuid
from typing import Callable, NamedTuple

import botocore.exceptions
import botocore.loaders
import pytest
from botocore import xform_name
from model import ECR, ECR_PUBLIC

LOADER = botocore.loaders.Loader()
PAGE = 2
OCI = "application/vnd.oci.image"
NUMBERS = range(5)
ALL_TAGS = [f"v{number}" for number in NUMBERS]
SELECTION = '{"tagStatus":"tagged","tagPatternList":["v*"],"countType":"imageCountMoreThan","countNumber":1}'


class Pages(NamedTuple):
    """What a paginator is asked, and what it must find."""

    arguments: dict
    expected: list
    names: Callable
    # The list is longer than this test's data.
    more: bool = False
    # All data fits on one page, however small the page.
    single: bool = False


def repository(client):
    name = f"pages/{uuid.uuid4().hex}"
    client.create_repository(repositoryName=name)
    return name


def index(number):
    annotations = f'{{"number":"{number}"}}'
    return f'{{"schemaVersion":2,"mediaType":"{OCI}.index.v1+json","manifests":[],"annotations":{annotations}}}'


def with_images(client):
    name = repository(client)
    for number in NUMBERS:
        client.put_image(repositoryName=name, imageManifest=index(number), imageTag=f"v{number}")
    return {"repositoryName": name}


def list_images(client):
    return Pages(with_images(client), ALL_TAGS, lambda item: [item["imageTag"]])


def describe_images(client):
    return Pages(with_images(client), ALL_TAGS, lambda item: item["imageTags"])


def describe_image_tags(client):
    return Pages(with_images(client), ALL_TAGS, lambda item: [item["imageTag"]])


def describe_repositories(client):
    expected = sorted(repository(client) for _ in NUMBERS)
    return Pages({}, expected, lambda item: [item["repositoryName"]], more=True)


def describe_registries(client):
    (registry,) = client.describe_registries()["registries"]
    return Pages({}, [registry["registryId"]], lambda item: [item["registryId"]], single=True)


def creation_templates(client):
    prefixes = sorted(f"pages-{uuid.uuid4().hex}" for _ in NUMBERS)
    for prefix in prefixes:
        client.create_repository_creation_template(prefix=prefix, appliedFor=["CREATE_ON_PUSH"])
    return Pages({}, prefixes, lambda item: [item["prefix"]], more=True)


def cache_rules(client):
    prefixes = sorted(f"pages-{uuid.uuid4().hex[:12]}" for _ in NUMBERS)
    for prefix in prefixes:
        client.create_pull_through_cache_rule(ecrRepositoryPrefix=prefix, upstreamRegistryUrl="public.ecr.aws")
    return Pages({}, prefixes, lambda item: [item["ecrRepositoryPrefix"]], more=True)


def started_backfills(client, regions):
    registry = client.describe_registry()["registryId"]
    to = [{"region": region, "registryId": registry} for region in regions]
    client.put_replication_configuration(replicationConfiguration={"rules": [{"destinations": to}]})
    started = [client.start_replication_backfill(destination=destination) for destination in to]
    client.put_replication_configuration(replicationConfiguration={"rules": []})
    return sorted(backfill["replicationBackfillId"] for backfill in started)


def backfills(client):
    regions = ["eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1", "eu-central-1"]
    expected = started_backfills(client, regions)
    return Pages({}, expected, lambda item: [item["replicationBackfillId"]], more=True)


def backfill_results(client):
    # Its destination is gone, so no image has a result.
    (backfill,) = started_backfills(client, ["us-west-2"])
    asked = {"replicationBackfillId": backfill, "resultStatusFilter": "FAILED"}
    return Pages(asked, [], lambda item: [item["imageId"]], single=True)


def preview(client):
    arguments = with_images(client)
    started = started_preview(client, arguments)
    client.get_waiter("lifecycle_policy_preview_complete").wait(**started, WaiterConfig={"Delay": 1})
    return Pages(started, ALL_TAGS[:-1], lambda item: item["imageTags"])


def started_preview(client, arguments):
    rule = f'{{"rulePriority":1,"description":"a rule","selection":{SELECTION},"action":{{"type":"expire"}}}}'
    client.start_lifecycle_policy_preview(**arguments, lifecyclePolicyText=f'{{"rules":[{rule}]}}')
    return arguments


def with_layers(client, name):
    """Pushes an image that is not an index: only such an image can be scanned."""
    config = b"{}"
    upload = {"repositoryName": name, "uploadId": client.initiate_layer_upload(repositoryName=name)["uploadId"]}
    client.upload_layer_part(**upload, partFirstByte=0, partLastByte=1, layerPartBlob=config)
    digest = "sha256:" + hashlib.sha256(config).hexdigest()
    client.complete_layer_upload(**upload, layerDigests=[digest])
    descriptor = f'{{"mediaType":"{OCI}.config.v1+json","digest":"{digest}","size":2}}'
    manifest = f'{{"schemaVersion":2,"mediaType":"{OCI}.manifest.v1+json","config":{descriptor},"layers":[]}}'
    client.put_image(repositoryName=name, imageManifest=manifest, imageTag="scanned")


def started_scan(client, arguments):
    with_layers(client, arguments["repositoryName"])
    scanned = arguments | {"imageId": {"imageTag": "scanned"}}
    client.start_image_scan(**scanned)
    return scanned


def scan_findings(client):
    # A scan that failed has no findings.
    return Pages(started_scan(client, with_images(client)), [], lambda item: [item["name"]], single=True)


PAGINATORS = {
    "ecr": {
        "DescribeImageScanFindings": scan_findings,
        "DescribeImages": describe_images,
        "DescribePullThroughCacheRules": cache_rules,
        "DescribeReplicationBackfillResults": backfill_results,
        "DescribeRepositories": describe_repositories,
        "DescribeRepositoryCreationTemplates": creation_templates,
        "GetLifecyclePolicyPreview": preview,
        "ListImages": list_images,
        "ListReplicationBackfills": backfills,
    },
    "ecr-public": {
        "DescribeImageTags": describe_image_tags,
        "DescribeImages": describe_images,
        "DescribeRegistries": describe_registries,
        "DescribeRepositories": describe_repositories,
    },
}
# What makes a waiter's resource, and how the waiter ends: none if it succeeds.
WAITERS = {
    "ecr": {
        "ImageScanComplete": (started_scan, "FAILED"),
        "LifecyclePolicyPreviewComplete": (started_preview, None),
    },
    "ecr-public": {},
}
EACH_PAGINATOR = [(service, name) for service, cases in PAGINATORS.items() for name in cases]
EACH_WAITER = [(service, name) for service, cases in WAITERS.items() for name in cases]


def described(service, kind, key):
    """The paginators or waiters in the model of a service; a service without any has no file."""
    try:
        return LOADER.load_service_model(service, kind)[key]
    except botocore.exceptions.DataNotFoundError:
        return {}


@pytest.mark.parametrize("model", [ECR, ECR_PUBLIC], ids=lambda model: model.service)
def test_each_paginator_and_waiter_has_a_case(model):
    paginators = described(model.service, "paginators-1", "pagination")
    assert paginators.keys() & set(model.served) == PAGINATORS[model.service].keys()
    waiters = described(model.service, "waiters-2", "waiters")
    served = {name for name, waiter in waiters.items() if waiter["operation"] in model.served}
    assert served == WAITERS[model.service].keys()


def items(page, keys):
    """The items of a page; a key can have two steps (`imageScanFindings.findings`)."""
    found = []
    for key in keys if isinstance(keys, list) else [keys]:
        value = page
        for step in key.split("."):
            value = (value or {}).get(step)
        found.extend(value or [])
    return found


@pytest.mark.parametrize(("service", "operation"), EACH_PAGINATOR)
def test_a_paginator_finds_each_item_once(cloud, service, operation):
    client = cloud.client(service)
    case = PAGINATORS[service][operation](client)
    keys = described(service, "paginators-1", "pagination")[operation]["result_key"]
    paginator = client.get_paginator(xform_name(operation))
    pages = [items(page, keys) for page in paginator.paginate(**case.arguments, PaginationConfig={"PageSize": PAGE})]
    found = [name for item in itertools.chain(*pages) for name in case.names(item)]
    assert all(len(page) <= PAGE for page in pages)
    assert len(pages) == 1 if case.single else len(pages) >= 2
    assert len(found) == len(set(found))
    if case.more:
        assert set(case.expected) <= set(found)
    else:
        assert sorted(found) == case.expected
        assert len(pages) == max(1, -(-len(found) // PAGE)), "the last page is not empty"
    assert continued(paginator, case, keys) == found


def continued(paginator, case, keys):
    """The same list, read with a new paginator for each three items."""
    found, token = [], None
    while True:
        config = {"PageSize": PAGE, "MaxItems": 3, "StartingToken": token}
        pages = paginator.paginate(**case.arguments, PaginationConfig=config)
        whole = pages.build_full_result()
        found += [name for item in items(whole, keys) for name in case.names(item)]
        token = pages.resume_token
        if token is None:
            return found


@pytest.mark.parametrize(("service", "name"), EACH_WAITER)
def test_a_waiter_ends_as_the_model_says(cloud, service, name):
    client = cloud.client(service)
    prepare, state = WAITERS[service][name]
    arguments = prepare(client, with_images(client))
    wait = client.get_waiter(xform_name(name)).wait
    if state is None:
        return wait(**arguments, WaiterConfig={"Delay": 1, "MaxAttempts": 40})
    with pytest.raises(botocore.exceptions.WaiterError) as ended:
        wait(**arguments, WaiterConfig={"Delay": 1, "MaxAttempts": 1})
    assert ended.value.last_response["imageScanStatus"]["status"] == state
    assert "encountered a terminal failure state" in str(ended.value)
