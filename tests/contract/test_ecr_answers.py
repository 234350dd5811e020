"""The answers of every operation: no answer has a member, a type or a value that the model lacks, and each has the
headers that clients need."""

import base64
import email.utils
import hashlib
import json
import time
import uuid

import pytest
from model import OPERATIONS, SERVED, declared_errors, misfits, sample

CONFIG = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'
OCI = "application/vnd.oci.image.manifest.v1+json"


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Recorder:
    """Calls operations and compares each response with its shape."""

    def __init__(self, api):
        self.api = api
        self.called = set()

    def __call__(self, operation, **input):
        answer = self.api.call(operation, input)
        assert answer.status == 200, (operation, answer.raw)
        assert misfits(OPERATIONS[operation]["output"]["shape"], answer.body) == [], (operation, answer.raw)
        self.called.add(operation)
        return answer.body


def push_layer(call, name, data):
    upload = call("InitiateLayerUpload", repositoryName=name)
    part = {"partFirstByte": 0, "partLastByte": len(data) - 1, "layerPartBlob": base64.b64encode(data).decode()}
    call("UploadLayerPart", repositoryName=name, uploadId=upload["uploadId"], **part)
    digests = [digest_of(data)]
    call("CompleteLayerUpload", repositoryName=name, uploadId=upload["uploadId"], layerDigests=digests)
    return {"digest": digests[0], "size": len(data)}


def manifest_of(config, layer, **more):
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", **config}
    layers = [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", **layer}]
    return json.dumps({"schemaVersion": 2, "mediaType": OCI, "config": config, "layers": layers, **more})


def lifecycle_rule(priority, status, count, **selection):
    selection |= {"tagStatus": status, "countType": "imageCountMoreThan", "countNumber": count}
    return {"rulePriority": priority, "description": "a rule", "selection": selection, "action": {"type": "expire"}}


def test_every_operation_answers_within_its_shape(api):
    call, name = Recorder(api), f"contract/{uuid.uuid4().hex}"
    filters = [{"filterType": "WILDCARD", "filter": "latest*"}]
    tags = [{"Key": "team", "Value": "a"}]
    made = call("CreateRepository", repositoryName=name, tags=tags)["repository"]
    assert {"repositoryArn", "registryId", "repositoryUri", "createdAt", "encryptionConfiguration"} <= made.keys()
    exclusion = {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION", "imageTagMutabilityExclusionFilters": filters}
    call("PutImageTagMutability", repositoryName=name, **exclusion)
    call("PutImageScanningConfiguration", repositoryName=name, imageScanningConfiguration={"scanOnPush": True})
    described = call("DescribeRepositories", repositoryNames=[name])["repositories"]
    assert [item["imageTagMutability"] for item in described] == ["IMMUTABLE_WITH_EXCLUSION"]

    call("TagResource", resourceArn=made["repositoryArn"], tags=[{"Key": "b", "Value": ""}])
    call("UntagResource", resourceArn=made["repositoryArn"], tagKeys=["team"])
    assert call("ListTagsForResource", resourceArn=made["repositoryArn"])["tags"] == [{"Key": "b", "Value": ""}]

    config, layer = push_layer(call, name, CONFIG), push_layer(call, name, b"layer " * 1000)
    asked = [layer["digest"], digest_of(b"absent"), "nonsense"]
    available = call("BatchCheckLayerAvailability", repositoryName=name, layerDigests=asked)
    assert [item["layerAvailability"] for item in available["layers"]] == ["AVAILABLE", "UNAVAILABLE"]
    assert [item["layerDigest"] for item in available["failures"]] == ["nonsense"]
    call("GetDownloadUrlForLayer", repositoryName=name, layerDigest=layer["digest"])

    manifest = manifest_of(config, layer)
    image = call("PutImage", repositoryName=name, imageManifest=manifest, imageTag="v1")["image"]
    assert image["imageId"] == {"imageDigest": digest_of(manifest.encode()), "imageTag": "v1"}
    subject = {"mediaType": OCI, "digest": image["imageId"]["imageDigest"], "size": len(manifest)}
    referrer = manifest_of(config, layer, subject=subject, artifactType="application/x.sbom", annotations={"k": "v"})
    call("PutImage", repositoryName=name, imageManifest=referrer)
    subject_id = {"imageDigest": subject["digest"]}
    referrers = call("ListImageReferrers", repositoryName=name, subjectId=subject_id)["referrers"]
    assert [item["digest"] for item in referrers] == [digest_of(referrer.encode())]

    wanted = [{"imageTag": "v1"}, {"imageTag": "absent"}]
    got = call("BatchGetImage", repositoryName=name, imageIds=wanted)
    assert [item["imageManifest"] for item in got["images"]] == [manifest]
    assert [item["failureCode"] for item in got["failures"]] == ["ImageNotFound"]
    assert len(call("ListImages", repositoryName=name)["imageIds"]) == 2
    assert len(call("DescribeImages", repositoryName=name)["imageDetails"]) == 2
    assert call("BatchDeleteImage", repositoryName=name, imageIds=wanted)["failures"] != []
    left = {"imageDigest": digest_of(referrer.encode())}
    for target, status in [("ARCHIVE", "ARCHIVED"), ("STANDARD", "ACTIVE")]:
        moved = call("UpdateImageStorageClass", repositoryName=name, imageId=left, targetStorageClass=target)
        assert moved["imageStatus"] == status

    account = call("DescribeRegistry")["registryId"]
    allow = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "ecr:BatchGetImage"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    shown = call("SetRepositoryPolicy", repositoryName=name, policyText=text)["policyText"]
    assert json.loads(shown)["Statement"][0]["Principal"] == {"AWS": f"arn:aws:iam::{account}:root"}
    assert call("GetRepositoryPolicy", repositoryName=name)["policyText"] == shown
    assert call("DeleteRepositoryPolicy", repositoryName=name)["policyText"] == shown
    gone = api.call("GetRepositoryPolicy", {"repositoryName": name})
    assert gone.error == "RepositoryPolicyNotFoundException" and gone.error in declared_errors("GetRepositoryPolicy")
    text = json.dumps({"Version": "2012-10-17", "Statement": [allow | {"Resource": "*"}]})
    shown = call("PutRegistryPolicy", policyText=text)["policyText"]
    assert call("GetRegistryPolicy")["policyText"] == shown
    assert call("DeleteRegistryPolicy")["policyText"] == shown
    assert api.call("GetRegistryPolicy", {}).error == "RegistryPolicyNotFoundException"
    call("PutAccountSetting", name="REGISTRY_POLICY_SCOPE", value="V2")
    assert call("GetAccountSetting", name="REGISTRY_POLICY_SCOPE")["value"] == "V2"
    scanner = {"principalArn": "arn:aws:iam::123456789012:role/scanner"}
    assert call("RegisterPullTimeUpdateExclusion", **scanner)["principalArn"] == scanner["principalArn"]
    again = api.call("RegisterPullTimeUpdateExclusion", scanner)
    assert again.error == "ExclusionAlreadyExistsException" and again.error in declared_errors("RegisterPullTimeUpdateExclusion")
    assert call("ListPullTimeUpdateExclusions")["pullTimeUpdateExclusions"] == [scanner["principalArn"]]
    assert call("DeregisterPullTimeUpdateExclusion", **scanner)["principalArn"] == scanner["principalArn"]
    gone = api.call("DeregisterPullTimeUpdateExclusion", scanner)
    assert gone.error == "ExclusionNotFoundException" and gone.error in declared_errors("DeregisterPullTimeUpdateExclusion")
    scanned = call("PutImage", repositoryName=name, imageManifest=manifest, imageTag="scanned")["image"]["imageId"]
    started = call("StartImageScan", repositoryName=name, imageId=scanned)["imageScanStatus"]
    found = call("DescribeImageScanFindings", repositoryName=name, imageId={"imageTag": "scanned"})
    assert found["imageScanStatus"] == started and found["imageId"] == scanned
    again = api.call("StartImageScan", {"repositoryName": name, "imageId": scanned})
    assert again.error == "LimitExceededException" and again.error in declared_errors("StartImageScan")
    rules = [{"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "contract", "filterType": "WILDCARD"}]}]
    put = call("PutRegistryScanningConfiguration", scanType="BASIC", rules=rules)
    assert put["registryScanningConfiguration"] == {"scanType": "BASIC", "rules": rules}
    assert call("GetRegistryScanningConfiguration")["scanningConfiguration"]["rules"] == rules
    got = call("BatchGetRepositoryScanningConfiguration", repositoryNames=[name, "contract/absent"])
    (applied,), (failure,) = got["scanningConfigurations"], got["failures"]
    assert (applied["scanFrequency"], applied["scanOnPush"]) == ("SCAN_ON_PUSH", True)
    assert applied["appliedScanFilters"] == rules[0]["repositoryFilters"]
    assert failure["failureCode"] == "REPOSITORY_NOT_FOUND"
    call("PutRegistryScanningConfiguration", scanType="BASIC", rules=[])
    assert call("GetRegistryScanningConfiguration")["scanningConfiguration"] == {"scanType": "BASIC", "rules": []}
    replicates(api, call, name, manifest, account)
    prefix = f"contract-{uuid.uuid4().hex}"
    template = {"prefix": prefix, "appliedFor": ["CREATE_ON_PUSH"], "resourceTags": tags, "description": "d"}
    made = call("CreateRepositoryCreationTemplate", **template)["repositoryCreationTemplate"]
    assert made | template == made
    again = api.call("CreateRepositoryCreationTemplate", template)
    assert again.error == "TemplateAlreadyExistsException"
    assert again.error in declared_errors("CreateRepositoryCreationTemplate")
    call("UpdateRepositoryCreationTemplate", prefix=prefix, description="e")
    (shown,) = call("DescribeRepositoryCreationTemplates", prefixes=[prefix])["repositoryCreationTemplates"]
    assert shown["description"] == "e" and shown["resourceTags"] == tags
    call("DeleteRepositoryCreationTemplate", prefix=prefix)
    for operation in ["UpdateRepositoryCreationTemplate", "DeleteRepositoryCreationTemplate"]:
        gone = api.call(operation, {"prefix": prefix})
        assert gone.error == "TemplateNotFoundException" and gone.error in declared_errors(operation)
    prefix = f"cache-{uuid.uuid4().hex[:12]}"
    rule = {"ecrRepositoryPrefix": prefix, "upstreamRegistryUrl": "127.0.0.1:9", "upstreamRepositoryPrefix": "team"}
    made = call("CreatePullThroughCacheRule", **rule)
    assert made | rule == made and "upstreamRegistry" not in made
    again = api.call("CreatePullThroughCacheRule", rule)
    assert again.error == "PullThroughCacheRuleAlreadyExistsException"
    assert again.error in declared_errors("CreatePullThroughCacheRule")
    (shown,) = call("DescribePullThroughCacheRules", ecrRepositoryPrefixes=[prefix])["pullThroughCacheRules"]
    assert shown["createdAt"] == made["createdAt"] and shown["upstreamRegistryUrl"] == "127.0.0.1:9"
    updated = call("UpdatePullThroughCacheRule", ecrRepositoryPrefix=prefix)
    assert updated["upstreamRepositoryPrefix"] == "team" and updated["updatedAt"] >= made["createdAt"]
    checked = call("ValidatePullThroughCacheRule", ecrRepositoryPrefix=prefix)
    assert checked["isValid"] is False and "127.0.0.1" in checked["failure"]
    assert call("DeletePullThroughCacheRule", ecrRepositoryPrefix=prefix)["upstreamRegistryUrl"] == "127.0.0.1:9"
    for operation in ["DeletePullThroughCacheRule", "ValidatePullThroughCacheRule", "UpdatePullThroughCacheRule"]:
        gone = api.call(operation, {"ecrRepositoryPrefix": prefix})
        assert gone.error == "PullThroughCacheRuleNotFoundException" and gone.error in declared_errors(operation)
    gone = api.call("DescribePullThroughCacheRules", {"ecrRepositoryPrefixes": [prefix]})
    assert gone.error == "PullThroughCacheRuleNotFoundException"
    other = api.call("CreatePullThroughCacheRule", rule | {"upstreamRegistryUrl": "quay.io", "upstreamRegistry": "k8s"})
    assert other.error == "UnsupportedUpstreamRegistryException"
    secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/none-a1b2c3"
    secret = api.call("CreatePullThroughCacheRule", rule | {"credentialArn": secret})
    assert secret.error == "SecretNotFoundException" and secret.error in declared_errors("CreatePullThroughCacheRule")
    rules = [lifecycle_rule(1, "untagged", 50)]
    text = json.dumps({"rules": rules})
    put = call("PutLifecyclePolicy", repositoryName=name, lifecyclePolicyText=text)
    assert json.loads(put["lifecyclePolicyText"]) == json.loads(text)
    got = call("GetLifecyclePolicy", repositoryName=name)
    assert got["lifecyclePolicyText"] == put["lifecyclePolicyText"] and got["lastEvaluatedAt"] > 0
    assert call("StartLifecyclePolicyPreview", repositoryName=name)["status"] == "IN_PROGRESS"
    assert call("GetLifecyclePolicyPreview", repositoryName=name)["status"] in {"IN_PROGRESS", "COMPLETE"}
    deleted = call("DeleteLifecyclePolicy", repositoryName=name)
    assert deleted["lifecyclePolicyText"] == put["lifecyclePolicyText"]
    for operation in ["GetLifecyclePolicy", "DeleteLifecyclePolicy", "StartLifecyclePolicyPreview"]:
        gone = api.call(operation, {"repositoryName": name})
        assert gone.error == "LifecyclePolicyNotFoundException" and gone.error in declared_errors(operation)
    assert call("GetAuthorizationToken")["authorizationData"][0]["authorizationToken"]
    assert call("DeleteRepository", repositoryName=name, force=True)["repository"]["repositoryName"] == name
    assert call.called == set(SERVED)


def replicates(api, call, name, manifest, account):
    """The operations of replication, to another Region of the account."""
    destination = {"region": "ap-south-1", "registryId": account}
    filters = [{"filter": "contract", "filterType": "PREFIX_MATCH"}]
    rule = {"destinations": [destination], "repositoryFilters": filters, "deleteReplication": {"enabled": True}}
    rules = {"rules": [rule]}
    assert call("PutReplicationConfiguration", replicationConfiguration=rules)["replicationConfiguration"] == rules
    assert call("DescribeRegistry")["replicationConfiguration"] == rules
    pushed = call("PutImage", repositoryName=name, imageManifest=manifest, imageTag="copied")["image"]["imageId"]
    shown = call("DescribeImageReplicationStatus", repositoryName=name, imageId=pushed)
    (status,) = shown["replicationStatuses"]
    assert shown["imageId"] == pushed and status["status"] in {"IN_PROGRESS", "COMPLETE"}
    assert (status["region"], status["registryId"]) == (destination["region"], account)
    # The background work can end a backfill before it is stopped.
    for _ in range(5):
        backfill = {"replicationBackfillId": call("StartReplicationBackfill", destination=destination)["replicationBackfillId"]}
        if api.call("StopReplicationBackfill", backfill).status == 200:
            call.called.add("StopReplicationBackfill")
            break
    assert call("DescribeReplicationBackfillResults", **backfill)["status"] in {"STOPPED", "STOPPING"}
    assert call("ListReplicationBackfills")["backfills"][0]["replicationBackfillId"] == backfill["replicationBackfillId"]
    none = {"replicationBackfillId": str(uuid.uuid4())}
    for operation in ["StopReplicationBackfill", "DescribeReplicationBackfillResults"]:
        gone = api.call(operation, none)
        assert gone.error == "ReplicationBackfillNotFoundException" and gone.error in declared_errors(operation)
    own = {"region": api.region, "registryId": account}
    same = api.call("PutReplicationConfiguration", {"replicationConfiguration": {"rules": [{"destinations": [own]}]}})
    assert same.error == "InvalidParameterException" and b"cannot be the same as the source registry" in same.raw
    assert call("PutReplicationConfiguration", replicationConfiguration={"rules": []})["replicationConfiguration"] == {"rules": []}


def test_an_image_that_was_never_scanned_has_no_findings(api):
    name = f"contract/{uuid.uuid4().hex}"
    api.good("CreateRepository", repositoryName=name)
    ask = {"repositoryName": name, "imageId": {"imageTag": "v1"}}
    assert api.call("DescribeImageScanFindings", ask).error == "ImageNotFoundException"
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}
    api.good("PutImage", repositoryName=name, imageTag="v1", imageManifest=json.dumps(index))
    answer = api.call("DescribeImageScanFindings", ask)
    assert answer.error == "ScanNotFoundException" and answer.error in declared_errors("DescribeImageScanFindings")
    assert answer.body["message"].startswith("Image scan does not exist for the image with '{imageDigest:'null', imageTag:'v1'}'")


# This operation declares the exception too, but answers a failure for each repository that does not exist.
WITH_FAILURES = ["BatchGetRepositoryScanningConfiguration"]
DECLARED = [name for name in SERVED if "RepositoryNotFoundException" in declared_errors(name)]
ON_A_REPOSITORY = [name for name in DECLARED if name not in WITH_FAILURES]


@pytest.mark.parametrize("operation", ON_A_REPOSITORY)
def test_a_missing_repository_is_a_declared_error(api, operation):
    input = sample(OPERATIONS[operation]["input"]["shape"])
    if operation == "DescribeRepositories":
        input["repositoryNames"] = ["contract/none"]
    if "resourceArn" in input:
        account = api.good("DescribeRegistry")["registryId"]
        input["resourceArn"] = f"arn:aws:ecr:{api.region}:{account}:repository/contract/none"
    answer = api.call(operation, input)
    assert (answer.status, answer.error) == (400, "RepositoryNotFoundException"), answer.raw
    assert answer.body["message"].startswith("The repository with name 'contract/none' does not exist in the registry")


def test_an_invalid_part_names_the_next_byte(api):
    name = f"contract/{uuid.uuid4().hex}"
    api.good("CreateRepository", repositoryName=name)
    upload = api.good("InitiateLayerUpload", repositoryName=name)["uploadId"]
    part = {"partFirstByte": 5, "partLastByte": 5, "layerPartBlob": "eA=="}
    answer = api.call("UploadLayerPart", {"repositoryName": name, "uploadId": upload, **part})
    assert answer.error == "InvalidLayerPartException"
    body = {key: value for key, value in answer.body.items() if key != "__type"}
    assert misfits(answer.error, body) == []
    assert {"registryId", "repositoryName", "uploadId", "lastValidByteReceived", "message"} == body.keys()


def test_answers_have_date_request_id_and_content_type(api):
    for operation, input in [("DescribeRegistry", {}), ("DescribeRepositories", {"maxResults": 0})]:
        headers = api.call(operation, input).headers
        uuid.UUID(headers["x-amzn-RequestId"])
        assert headers["Content-Type"] == "application/x-amz-json-1.1"
        said = email.utils.parsedate_to_datetime(headers["Date"]).timestamp()
        assert abs(said - time.time()) < 5
