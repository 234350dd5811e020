"""A pull-through cache rule with a custom role: from the registry of another account of the same deployment."""

import json
import uuid

import images
import pytest
from process import run
from terraform import Provider, document, refusal, trust

SERVICE = "pullthroughcache.ecr.amazonaws.com"
READS = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]


@pytest.fixture(scope="module")
def owner(wharf, tmp_path_factory):
    """The account that has the images."""
    return Provider(wharf, tmp_path_factory.mktemp("owner"))


@pytest.fixture(scope="module")
def image(wharf, owner, tmp_path_factory):
    made = images.layout(tmp_path_factory.mktemp("made") / "image", layers=2, size=300_000)
    owner.ecr.create_repository(repositoryName="team/app")
    (granted,) = owner.ecr.get_authorization_token()["authorizationData"]
    home = tmp_path_factory.mktemp("home")
    file = home / "auth.json"
    file.write_text(json.dumps({"auths": {wharf.registry: {"auth": granted["authorizationToken"]}}}))
    to = f"docker://{wharf.registry}/{owner.account}/team/app:v1"
    run(["skopeo", "copy", "--dest-tls-verify=false", "--authfile", file, made.skopeo, to], env=owner.env)
    return made


def role(wharf, service=SERVICE):
    """A role that a service may assume, with permissions to pull."""
    iam, name = wharf.client("iam"), f"cache-{uuid.uuid4().hex[:12]}"
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(Service=service))["Role"]["Arn"]
    policy = document({"Action": [*READS, "ecr:GetAuthorizationToken"], "Resource": "*"})
    iam.put_role_policy(RoleName=name, PolicyName="pull", PolicyDocument=policy)
    return arn


def rule(wharf, owner, arn):
    """The rule's prefix."""
    prefix = f"own-{uuid.uuid4().hex[:12]}"
    wharf.client("ecr").create_pull_through_cache_rule(
        ecrRepositoryPrefix=prefix,
        upstreamRegistryUrl=wharf.registry,
        upstreamRepositoryPrefix=f"{owner.account}/team",
        customRoleArn=arn,
    )
    return prefix


def allow(owner, arn):
    policy = document({"Principal": {"AWS": arn}, "Action": READS})
    owner.ecr.set_repository_policy(repositoryName="team/app", policyText=policy)


def test_the_role_pulls_what_the_other_account_allows(wharf, owner, image, tmp_path, env):
    arn = role(wharf)
    prefix = rule(wharf, owner, arn)
    ecr = wharf.client("ecr")
    assert ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix=prefix)["isValid"] is True
    status, _, body = wharf.http("GET", f"/v2/{prefix}/app/manifests/v1")
    assert status == 403 and "denied access" in json.loads(body)["errors"][0]["message"]
    allow(owner, arn)
    second = rule(wharf, owner, arn)
    source = f"docker://{wharf.ref(f'{second}/app', 'v1')}"
    run(["skopeo", "copy", "--src-tls-verify=false", source, f"oci:{tmp_path / 'copy'}:v1"], env=env)
    (copied,) = json.loads((tmp_path / "copy" / "index.json").read_text())["manifests"]
    assert copied["digest"] == image.digest


def test_a_rule_needs_a_role_that_the_service_may_assume(wharf, owner, image):
    ecr = wharf.client("ecr")
    asked = {"ecrRepositoryPrefix": "refused", "upstreamRegistryUrl": wharf.registry}
    absent = f"arn:aws:iam::{wharf.account}:role/absent"
    code, said = refusal(ecr.create_pull_through_cache_rule, **asked, customRoleArn=absent)
    assert code == "InvalidParameterException" and "must exist" in said
    elsewhere = asked | {"upstreamRegistryUrl": "registry.example.org"}
    code, said = refusal(ecr.create_pull_through_cache_rule, **elsewhere, customRoleArn=role(wharf))
    assert code == "InvalidParameterException" and "of this deployment" in said
    other = rule(wharf, owner, role(wharf, "ecr.amazonaws.com"))
    said = ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix=other)
    assert said["isValid"] is False and f"trusts {SERVICE}" in said["failure"]


def test_rules_that_lead_to_each_other_end(wharf, env):
    arn, ecr = role(wharf), wharf.client("ecr")
    prefix = f"loop-{uuid.uuid4().hex[:8]}"
    asked = {"ecrRepositoryPrefix": prefix, "upstreamRegistryUrl": wharf.registry, "customRoleArn": arn}
    # The upstream repository is the repository itself.
    ecr.create_pull_through_cache_rule(**asked, upstreamRepositoryPrefix=f"{wharf.account}/{prefix}")
    status, _, _ = wharf.http("GET", f"/v2/{prefix}/app/manifests/v1")
    assert status == 404
