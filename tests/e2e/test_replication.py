"""Runs the commands of docs/replication.md in order on a server of its own, and looks at what they do."""

import json
import re
from pathlib import Path

import images
import pytest
from process import environment, run, wait_until
from server import Wharf

PAGE = Path(__file__).parents[2] / "docs" / "replication.md"
THERE = "eu-west-1"


def blocks():
    """The page's commands in order, each block with its heading."""
    heading, block, in_settings = "", None, False
    for line in PAGE.read_text().splitlines():
        if block is not None and line == "```":
            yield heading, "\n".join(block)
            block = None
        elif block is not None:
            block.append(line)
        elif line == "```sh":
            block = []
        elif line == "```toml":
            in_settings = True
        elif in_settings:
            in_settings = line != "```"
        elif line.startswith("#"):
            heading = line.lstrip("# ")
        else:
            assert not line.startswith("```"), f"the test does not run this block: {line}"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Wharf(tmp_path_factory.mktemp("replication"))
    yield server
    server.stop()


def push(server, tag):
    index = {"schemaVersion": 2, "mediaType": images.INDEX, "manifests": [], "annotations": {"tag": tag}}
    manifest = json.dumps(index)
    return server.client("ecr").put_image(repositoryName="team/app", imageManifest=manifest, imageTag=tag)["image"]["imageId"]


def typed(server, block):
    text = block.replace("123456789012", server.account).replace("--data-dir .wharf", f"--data-dir {server.data}")
    path = f"{server.binary.parent}:" + environment(server.home)["PATH"]
    return run(["bash", "-euo", "pipefail", "-c", text], env=environment(server.home, server.env | {"PATH": path}))


def test_the_commands_of_the_page(server):
    ecr, there = server.client("ecr"), server.client("ecr", region=THERE)
    ecr.create_repository(repositoryName="team/app")
    push(server, "v0")

    def tags():
        try:
            described = there.describe_images(repositoryName="team/app")["imageDetails"]
        except there.exceptions.RepositoryNotFoundException:
            return []
        return sorted(tag for image in described for tag in image.get("imageTags", []))

    def state():
        shown = ecr.describe_image_replication_status(repositoryName="team/app", imageId={"imageTag": "v1"})
        (status,) = shown["replicationStatuses"]
        return status["status"] == "COMPLETE" and status

    headings = []
    for heading, block in blocks():
        headings.append(heading)
        if heading == "What was there before":
            # The AWS CLI of the tests is older than these operations.
            started = ecr.start_replication_backfill(destination={"region": THERE, "registryId": server.account})
            assert started["status"] == "PREPARING"
            continue
        said = typed(server, block)
        if heading == "Another Region":
            rules = ecr.describe_registry()["replicationConfiguration"]["rules"]
            assert rules == [{"destinations": [{"region": THERE, "registryId": server.account}]}]
            push(server, "v1")
            assert wait_until(state, "the replication")["region"] == THERE
            assert tags() == ["v1"]
        if heading == "Settings, policies, tags and referrers":
            setting = ecr.get_account_setting(name="WHARF_REPLICATION_POLICIES")
            assert setting["value"] == "ENABLED"
        if heading == "Another deployment":
            assert re.fullmatch(r"[A-Za-z0-9_-]{43}\n", said), said
        if heading == "How far it is":
            assert re.search(rf"^{server.account} +{THERE} +0 +0 +0 +-$", said, re.MULTILINE), said
            assert '"waitingCount": 0' in said
    assert headings == [
        "Another Region",
        "Another account",
        "Both directions",
        "Settings, policies, tags and referrers",
        "Another deployment",
        "How far it is",
        "What was there before",
    ]

    pages = ecr.get_paginator("list_replication_backfills").paginate(PaginationConfig={"PageSize": 1})
    (backfill,) = [one for page in pages for one in page["backfills"]]
    which = {"replicationBackfillId": backfill["replicationBackfillId"]}

    def ended():
        shown = ecr.describe_replication_backfill_results(**which)
        return shown["status"] == "COMPLETE" and shown

    assert wait_until(ended, "the backfill")["progress"]["completedReplicationCount"] == 2
    pages = ecr.get_paginator("describe_replication_backfill_results").paginate(**which, PaginationConfig={"PageSize": 1})
    results = [one for page in pages for one in page["results"]]
    assert [(one["imageId"]["imageTag"], one["status"]) for one in results] == [("v0", "COMPLETE"), ("v1", "COMPLETE")]
    assert tags() == ["v0", "v1"]
    refused = ecr.exceptions.ReplicationBackfillInvalidStatusException
    with pytest.raises(refused):
        ecr.stop_replication_backfill(**which)
