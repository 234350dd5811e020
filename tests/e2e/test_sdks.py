"""The official SDKs make the same everyday calls. Each program prints what the server answered, and all print the same."""

import json
import os
import shutil
import uuid
from pathlib import Path

import pytest
from images import digest_of
from process import TOOLS, environment, run

HERE = Path(__file__).parent / "sdk"
LAYER = bytes(index * 7 % 251 for index in range((5 << 20) + 9))
EXPECTED = {
    "again": "RepositoryAlreadyExistsException",
    "tags": ["stage=test", "team=a"],
    "policy": True,
    "user": "AWS",
    "valid": True,
    "layer": digest_of(LAYER),
    "parts": 2,
    "available": ["AVAILABLE", "UNAVAILABLE"],
    "pages": [2, 1],
    "images": ["v0", "v1", "v2"],
    "listed": 3,
    "got": ["v1", "ImageNotFound"],
    "downloaded": True,
    "rules": 1,
    "expiring": ["v0", "v1"],
    "deleted": ["v0", "ImageNotFound"],
    "errors": [
        "ImageNotFoundException",
        "LifecyclePolicyNotFoundException",
        "RepositoryNotEmptyException",
        "RepositoryNotFoundException",
    ],
}


def javascript():
    return ["node", TOOLS / "node" / "everyday.mjs"]


def go():
    return ["sdk-go"]


def java():
    folder = TOOLS / "src" / "sdk-java" / "target"
    return ["java", "-cp", f"{folder}/classes:{folder}/dependency/*", "Everyday"]


def rust():
    """Built here, outside of the workspace and of the checkout. The first build takes more than a minute on two cores."""
    cargo = shutil.which("cargo") or pytest.fail("Cargo is not installed", pytrace=False)
    target = TOOLS / "src" / "sdk-rust"
    words = [cargo, "build", "--locked", "--target-dir", target, "--manifest-path", HERE / "rust" / "Cargo.toml"]
    run(words, env=dict(os.environ), timeout=1800)
    return [target / "debug" / "sdk-rust"]


@pytest.mark.parametrize("sdk", [javascript, go, java, pytest.param(rust, marks=pytest.mark.on_request)])
def test_an_sdk_makes_the_everyday_calls(wharf, home, sdk):
    name = f"sdk/{uuid.uuid4().hex[:12]}"
    said = run([*sdk(), name], env=environment(home, wharf.env))
    assert json.loads(said) == EXPECTED
    left = wharf.client("ecr").get_paginator("describe_repositories").paginate().search("repositories[].repositoryName")
    assert name not in list(left)
