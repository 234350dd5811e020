"""cdk-assets, which `cdk deploy` runs: it publishes an image with the role of a bootstrapped account, and does not publish
an image again that the repository has."""

import json
import uuid

import images
import pytest
from process import TOOLS, environment, run

# What the role ImagePublishingRole of CDK's bootstrap template may do.
ON_THE_REPOSITORY = [
    "ecr:PutImage",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:BatchCheckLayerAvailability",
    "ecr:DescribeRepositories",
    "ecr:DescribeImages",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
]


@pytest.fixture
def role(wharf):
    """The ARN of a role that publishes to `cdk/*`."""
    iam, name = wharf.client("iam"), f"cdk-{uuid.uuid4().hex[:8]}"
    account = {"AWS": f"arn:aws:iam::{wharf.account}:root"}
    trust = {"Effect": "Allow", "Principal": account, "Action": "sts:AssumeRole"}
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    repositories = f"arn:aws:ecr:{wharf.env['AWS_REGION']}:{wharf.account}:repository/cdk/*"
    statements = [
        {"Effect": "Allow", "Action": ON_THE_REPOSITORY, "Resource": repositories},
        {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName=name, PolicyName="publish", PolicyDocument=document)
    return made["Role"]["Arn"]


@pytest.fixture
def cdk_assets(engine, wharf, home):
    def command(*words, **options):
        env = environment(home, wharf.env | engine | {"HOME": str(home), "DOCKER_BUILDKIT": "0"})
        return run(["node", TOOLS / "node/node_modules/cdk-assets/bin/cdk-assets", *words], env=env, **options)

    return command


def manifest(folder, wharf, role, name):
    """The manifest of a stack with one image, as `cdk synth` writes it."""
    images.build_context(folder / "asset.image")
    destination = {
        "repositoryName": name,
        "imageTag": "5ea1",
        "region": wharf.env["AWS_REGION"],
        "assumeRoleArn": role,
    }
    image = {"source": {"directory": "asset.image"}, "destinations": {"current": destination}}
    (folder / "assets.json").write_text(json.dumps({"version": "36.0.0", "files": {}, "dockerImages": {"5ea1": image}}))
    return folder / "assets.json"


def test_an_asset_is_published_once(cdk_assets, wharf, role, tmp_path):
    name, ecr = wharf.repository("cdk"), wharf.client("ecr")
    path = manifest(tmp_path, wharf, role, name)
    cdk_assets("-p", path, "publish")
    (published,) = ecr.describe_images(repositoryName=name)["imageDetails"]
    assert published["imageTags"] == ["5ea1"]
    # Another image under the same name: it is not built, because the repository has the tag.
    (tmp_path / "asset.image" / "Dockerfile").write_text("FROM no-such-image\n")
    cdk_assets("-p", path, "publish")
    assert ecr.describe_images(repositoryName=name)["imageDetails"] == [published]


def test_a_repository_that_was_not_bootstrapped(cdk_assets, wharf, role, tmp_path):
    said = cdk_assets("-p", manifest(tmp_path, wharf, role, "cdk/absent"), "publish", refused=True)
    assert "cdk/absent" in said and "bootstrap" in said
