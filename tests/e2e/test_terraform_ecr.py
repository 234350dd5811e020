"""The ECR resources of Terraform's AWS provider: its calls in its order, with its checks. The provider is not available
as a module; its behaviour is in its source (internal/service/ecr)."""

import base64
import hashlib
import json

import botocore.exceptions
import pytest
from terraform import Provider, by_key, document, gone, refusal, tags, trust

READS = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]


@pytest.fixture(scope="module")
def provider(wharf, tmp_path_factory):
    return Provider(wharf, tmp_path_factory.mktemp("terraform"))


@pytest.fixture
def repository(provider, request):
    name = f"for/{request.node.name.replace('_', '-')[5:60]}"
    provider.ecr.create_repository(repositoryName=name)
    return name


def test_the_provider_gets_its_identity(provider):
    me = provider.sts.get_caller_identity()
    partition, _, _, account = me["Arn"].split(":")[1:5]
    assert (partition, account) == ("aws", provider.account) == (partition, me["Account"])


def test_aws_ecr_repository(provider):
    ecr, name = provider.ecr, "tf/repository"
    assert gone(ecr.describe_repositories, repositoryNames=[name]) == "RepositoryNotFoundException"
    asked = {"imageTagMutability": "MUTABLE", "imageScanningConfiguration": {"scanOnPush": True}}
    made = ecr.create_repository(repositoryName=name, tags=tags(team="a", stage="b"), **asked)["repository"]

    def read():
        (shown,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
        assert shown["repositoryName"] == name
        return shown, by_key(ecr.list_tags_for_resource(resourceArn=shown["repositoryArn"])["tags"])

    shown, tagged = read()
    assert read() == (shown, tagged)
    assert shown["createdAt"] == made["createdAt"]
    assert shown["repositoryArn"] == f"arn:aws:ecr:{provider.region}:{provider.account}:repository/{name}"
    assert shown["repositoryUri"].endswith(f"/{name}")
    assert shown["encryptionConfiguration"] == {"encryptionType": "AES256"}
    assert {key: shown[key] for key in asked} == asked
    assert tagged == {"team": "a", "stage": "b"}

    where = {"registryId": shown["registryId"], "repositoryName": name}
    assert where["registryId"] == provider.account
    kept_mutable = [{"filterType": "WILDCARD", "filter": "latest*"}]
    immutable = {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION"}
    filters = {"imageTagMutabilityExclusionFilters": kept_mutable}
    ecr.put_image_tag_mutability(**where, **immutable, **filters)
    ecr.put_image_scanning_configuration(**where, imageScanningConfiguration={"scanOnPush": False})
    ecr.untag_resource(resourceArn=shown["repositoryArn"], tagKeys=["team"])
    ecr.tag_resource(resourceArn=shown["repositoryArn"], tags=tags(stage="c", new="d"))
    updated, tagged = read()
    assert updated == shown | immutable | filters | {"imageScanningConfiguration": {"scanOnPush": False}}
    assert tagged == {"stage": "c", "new": "d"}

    ecr.delete_repository(**where, force=False)
    assert gone(ecr.describe_repositories, repositoryNames=[name]) == "RepositoryNotFoundException"
    assert gone(ecr.delete_repository, **where, force=False) == "RepositoryNotFoundException"


def test_a_repository_with_images_needs_force_delete(provider, repository):
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}
    provider.ecr.put_image(repositoryName=repository, imageManifest=json.dumps(manifest), imageTag="v1")
    delete = {"registryId": provider.account, "repositoryName": repository}
    assert gone(provider.ecr.delete_repository, **delete, force=False) == "RepositoryNotEmptyException"
    provider.ecr.delete_repository(**delete, force=True)


def test_aws_ecr_repository_policy(provider, repository):
    ecr, iam = provider.ecr, provider.iam
    role = f"arn:aws:iam::{provider.account}:role/tf-reader"
    policy = document({"Sid": "Pull", "Principal": {"AWS": role}, "Action": READS})
    put = {"repositoryName": repository, "policyText": policy}
    # It is created at the same time as the role: the provider retries only after this message.
    code, message = refusal(ecr.set_repository_policy, **put)
    assert code == "InvalidParameterException" and "Invalid repository policy provided" in message
    iam.create_role(RoleName="tf-reader", AssumeRolePolicyDocument=trust(AWS=provider.account))
    ecr.set_repository_policy(**put)

    read = ecr.get_repository_policy(repositoryName=repository)
    assert (read["registryId"], read["repositoryName"]) == (provider.account, repository)
    assert provider.equivalent(policy, read["policyText"])
    again = ecr.get_repository_policy(repositoryName=repository)
    assert again["policyText"] == read["policyText"]

    iam.create_role(RoleName="tf-another", AssumeRolePolicyDocument=trust(AWS=provider.account))
    both = [role, f"arn:aws:iam::{provider.account}:role/tf-another"]
    for principals in (both, both[::-1], [provider.account, *both], [f"arn:aws:iam::{provider.account}:root"]):
        changed = document({"Sid": "Pull", "Principal": {"AWS": principals}, "Action": READS[::-1]})
        ecr.set_repository_policy(repositoryName=repository, policyText=changed)
        text = ecr.get_repository_policy(repositoryName=repository)["policyText"]
        assert provider.equivalent(changed, text)
        assert not provider.equivalent(policy, text)

    ecr.delete_repository_policy(registryId=provider.account, repositoryName=repository)
    delete = {"registryId": provider.account, "repositoryName": repository}
    assert gone(ecr.get_repository_policy, repositoryName=repository) == "RepositoryPolicyNotFoundException"
    assert gone(ecr.delete_repository_policy, **delete) == "RepositoryPolicyNotFoundException"
    # The acceptance test "disappears": another client deleted the repository.
    ecr.set_repository_policy(**put)
    ecr.delete_repository(**delete, force=True)
    assert gone(ecr.get_repository_policy, repositoryName=repository) == "RepositoryNotFoundException"
    assert gone(ecr.delete_repository_policy, **delete) == "RepositoryNotFoundException"


def test_aws_ecr_registry_policy(provider):
    ecr = provider.ecr
    assert gone(ecr.get_registry_policy) == "RegistryPolicyNotFoundException"
    everything = f"arn:aws:ecr:{provider.region}:{provider.account}:repository/*"
    statement = {"Sid": "Pull", "Principal": {"AWS": f"arn:aws:iam::{provider.account}:root"}}
    for actions in (READS, "ecr:BatchGetImage"):
        policy = document(statement | {"Action": actions, "Resource": everything})
        assert ecr.put_registry_policy(policyText=policy)["registryId"] == provider.account
        read = ecr.get_registry_policy()
        assert read["registryId"] == provider.account
        assert provider.equivalent(policy, read["policyText"])
        assert ecr.get_registry_policy()["policyText"] == read["policyText"]
    ecr.delete_registry_policy()
    assert gone(ecr.get_registry_policy) == "RegistryPolicyNotFoundException"
    assert gone(ecr.delete_registry_policy) == "RegistryPolicyNotFoundException"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("BASIC_SCAN_TYPE_VERSION", ["CLAIR", "AWS_NATIVE"]),
        ("REGISTRY_POLICY_SCOPE", ["V1", "V2"]),
        ("BLOB_MOUNTING", ["DISABLED", "ENABLED"]),
    ],
)
def test_aws_ecr_account_setting(provider, name, values):
    # The provider reads the setting before it writes it: a missing setting is not an error.
    assert provider.ecr.get_account_setting(name=name)["value"] in values
    for value in values:
        written = provider.ecr.put_account_setting(name=name, value=value)
        assert (written["name"], written["value"]) == (name, value)
        read = provider.ecr.get_account_setting(name=name)
        assert (read["name"], read["value"]) == (name, value)


def test_aws_ecr_pull_time_update_exclusion(provider):
    ecr, name = provider.ecr, "tf-scanner"
    arn = provider.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(Service="ec2.amazonaws.com"))["Role"]["Arn"]

    def listed():
        pages, token = [], {}
        while token is not None:
            page = ecr.list_pull_time_update_exclusions(maxResults=1, **token)
            pages += page["pullTimeUpdateExclusions"]
            token = {"nextToken": page["nextToken"]} if "nextToken" in page else None
        return pages

    assert arn not in listed()
    made = ecr.register_pull_time_update_exclusion(principalArn=arn)
    assert made["principalArn"] == arn and made["createdAt"]
    assert listed().count(arn) == 1
    ecr.deregister_pull_time_update_exclusion(principalArn=arn)
    assert arn not in listed()
    assert gone(ecr.deregister_pull_time_update_exclusion, principalArn=arn) == "ExclusionNotFoundException"
    provider.iam.delete_role(RoleName=name)


def test_the_data_sources(provider, repository):
    ecr = provider.ecr
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}
    ids = []
    for tag in ("v1", "v2"):
        text = json.dumps(manifest | {"annotations": {"tag": tag}})
        put = ecr.put_image(repositoryName=repository, imageManifest=text, imageTag=tag)["image"]
        ids.append(put["imageId"])

    (token,) = ecr.get_authorization_token()["authorizationData"]
    assert token["expiresAt"] and token["proxyEndpoint"]
    assert base64.b64decode(token["authorizationToken"]).decode().split(":")[0] == "AWS"

    shown = ecr.describe_images(repositoryName=repository, registryId=provider.account)["imageDetails"]
    newest = max(shown, key=lambda image: image["imagePushedAt"])
    assert newest["imageTags"] == ["v2"]
    (one,) = ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": "v1"}])["imageDetails"]
    assert one["imageDigest"] == ids[0]["imageDigest"]
    listed = [page["imageIds"] for page in ecr.get_paginator("list_images").paginate(repositoryName=repository)]
    assert sorted(sum(listed, []), key=str) == sorted(ids, key=str)
    pages = ecr.get_paginator("describe_repositories").paginate()
    assert repository in [one["repositoryName"] for page in pages for one in page["repositories"]]


def reduced(text):
    """A lifecycle policy as the provider compares it: rules by priority, lists of tags sorted."""
    rules = sorted(json.loads(text)["rules"], key=lambda rule: rule["rulePriority"])
    for rule in rules:
        for name in ("tagPrefixList", "tagPatternList"):
            if name in rule["selection"]:
                rule["selection"][name] = sorted(rule["selection"][name])
    return rules


def lifecycle_rule(priority, **selection):
    selection |= {"countType": "imageCountMoreThan", "countNumber": 100}
    return {"rulePriority": priority, "selection": selection, "action": {"type": "expire"}}


def test_aws_ecr_lifecycle_policy(provider, repository):
    ecr, named = provider.ecr, {"repositoryName": repository}
    assert gone(ecr.get_lifecycle_policy, **named) == "LifecyclePolicyNotFoundException"
    tagged = lifecycle_rule(5, tagStatus="tagged", tagPrefixList=["c", "a", "b"])
    # The provider sends what the configuration has, compact and with sorted keys.
    text = json.dumps({"rules": [tagged, lifecycle_rule(2, tagStatus="untagged")]}, sort_keys=True, separators=(",", ":"))
    put = ecr.put_lifecycle_policy(**named, lifecyclePolicyText=text)
    assert put["registryId"] == provider.account
    for _ in range(2):
        read = ecr.get_lifecycle_policy(**named)
        assert reduced(read["lifecyclePolicyText"]) == reduced(text)
        ecr.put_lifecycle_policy(**named, lifecyclePolicyText=text)
    ecr.delete_lifecycle_policy(**named, registryId=read["registryId"])
    assert gone(ecr.delete_lifecycle_policy, **named) == "LifecyclePolicyNotFoundException"
    absent = {"repositoryName": f"{repository}-absent"}
    assert gone(ecr.get_lifecycle_policy, **absent) == "RepositoryNotFoundException"


def test_aws_ecr_repository_creation_template(provider):
    ecr, prefix = provider.ecr, "tf-template"

    def find():
        pages = ecr.get_paginator("describe_repository_creation_templates").paginate(prefixes=[prefix])
        return [(page["registryId"], shown) for page in pages for shown in page["repositoryCreationTemplates"]]

    assert find() == []
    # The provider's own defaults.
    ecr.create_repository_creation_template(
        prefix=prefix,
        appliedFor=["PULL_THROUGH_CACHE", "REPLICATION"],
        encryptionConfiguration={"encryptionType": "AES256"},
        imageTagMutability="MUTABLE",
        resourceTags=tags(Foo="Bar"),
    )
    ((registry, shown),) = find()
    assert registry == provider.account
    assert shown["resourceTags"] == tags(Foo="Bar")
    assert sorted(shown["appliedFor"]) == ["PULL_THROUGH_CACHE", "REPLICATION"]
    assert shown["encryptionConfiguration"] == {"encryptionType": "AES256"}
    assert shown["imageTagMutability"] == "MUTABLE"
    assert "repositoryPolicy" not in shown and "lifecyclePolicy" not in shown and "customRoleArn" not in shown
    assert find() == [(registry, shown)]
    again = {"prefix": prefix, "appliedFor": ["REPLICATION"]}
    assert refusal(ecr.create_repository_creation_template, **again)[0] == "TemplateAlreadyExistsException"
    policy = document({"Sid": prefix, "Principal": "*", "Action": "ecr:ListImages"})
    ecr.update_repository_creation_template(prefix=prefix, repositoryPolicy=policy)
    ((_, updated),) = find()
    assert provider.equivalent(policy, updated["repositoryPolicy"])
    assert updated["resourceTags"] == shown["resourceTags"]
    ecr.update_repository_creation_template(prefix=prefix, repositoryPolicy="", resourceTags=[])
    ((_, updated),) = find()
    assert "repositoryPolicy" not in updated and updated.get("resourceTags", []) == []
    filters = [{"filterType": "WILDCARD", "filter": name} for name in ["latest*", "prod-*"]]
    ecr.update_repository_creation_template(
        prefix=prefix, imageTagMutability="MUTABLE_WITH_EXCLUSION", imageTagMutabilityExclusionFilters=filters
    )
    assert find()[0][1]["imageTagMutabilityExclusionFilters"] == filters
    assert ecr.delete_repository_creation_template(prefix=prefix)["registryId"] == provider.account
    assert find() == []
    assert gone(ecr.delete_repository_creation_template, prefix=prefix) == "TemplateNotFoundException"


def test_aws_ecr_registry_scanning_configuration(provider):
    ecr = provider.ecr

    def read():
        shown = ecr.get_registry_scanning_configuration()
        configuration = shown["scanningConfiguration"]
        rules = {
            (rule["scanFrequency"], frozenset(kept["filter"] for kept in rule["repositoryFilters"]))
            for rule in configuration["rules"]
        }
        return shown["registryId"], configuration["scanType"], rules

    def rule(frequency, *filters):
        kept = [{"filter": text, "filterType": "WILDCARD"} for text in filters]
        return {"scanFrequency": frequency, "repositoryFilters": kept}

    assert read() == (provider.account, "BASIC", set())
    put = ecr.put_registry_scanning_configuration
    put(scanType="BASIC", rules=[rule("SCAN_ON_PUSH", "example", "example-2")])
    expected = (provider.account, "BASIC", {("SCAN_ON_PUSH", frozenset(["example", "example-2"]))})
    assert read() == read() == expected
    put(scanType="ENHANCED", rules=[rule("SCAN_ON_PUSH", "*"), rule("CONTINUOUS_SCAN", "example")])
    both = {("SCAN_ON_PUSH", frozenset(["*"])), ("CONTINUOUS_SCAN", frozenset(["example"]))}
    assert read() == (provider.account, "ENHANCED", both)
    assert refusal(put, scanType="BASIC", rules=[rule("CONTINUOUS_SCAN", "*")])[0] == "InvalidParameterException"
    put(scanType="BASIC", rules=[])
    assert read() == (provider.account, "BASIC", set())


def test_aws_ecr_replication_configuration(provider):
    """The provider reads at once after it writes, and keeps the order of destinations and filters."""
    ecr = provider.ecr

    def put(*rules):
        ecr.put_replication_configuration(replicationConfiguration={"rules": list(rules)})
        shown = ecr.describe_registry()
        assert shown["registryId"] == provider.account
        return shown["replicationConfiguration"]["rules"]

    def rule(*regions, filters=()):
        made = {"destinations": [{"region": region, "registryId": provider.account} for region in regions]}
        if filters:
            made["repositoryFilters"] = [{"filter": text, "filterType": "PREFIX_MATCH"} for text in filters]
        return made

    one = rule("eu-west-2", "ap-south-1")
    assert put(one) == [one]
    two = rule("ap-south-1", filters=["z-last", "a-first"])
    assert put(one, two) == [one, two]
    assert put(*[rule("eu-west-2")] * 10) == [rule("eu-west-2")] * 10
    assert put() == []


def test_a_scan_ends_its_waiter_at_once(provider, repository):
    ecr = provider.ecr
    layer = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'
    upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    part = {"partFirstByte": 0, "partLastByte": len(layer) - 1, "layerPartBlob": layer}
    ecr.upload_layer_part(repositoryName=repository, uploadId=upload, **part)
    digest = "sha256:" + hashlib.sha256(layer).hexdigest()
    ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest])
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": len(layer)}
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": []}
    ecr.put_image(repositoryName=repository, imageManifest=json.dumps(manifest), imageTag="v1")
    image = {"repositoryName": repository, "imageId": {"imageTag": "v1"}}
    assert gone(ecr.describe_image_scan_findings, **image) == "ScanNotFoundException"
    started = ecr.start_image_scan(**image)["imageScanStatus"]
    assert ecr.describe_image_scan_findings(**image)["imageScanStatus"] == started
    with pytest.raises(botocore.exceptions.WaiterError) as failed:
        ecr.get_waiter("image_scan_complete").wait(**image)
    assert failed.value.last_response["imageScanStatus"]["status"] == "FAILED"
    assert "no scanner" in failed.value.last_response["imageScanStatus"]["description"]
