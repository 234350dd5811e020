"""boto3: every operation of the control plane, the layer upload calls, presigned requests, the clock."""

import datetime
import hashlib
import json
import urllib.error
import urllib.request

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
import images
import pytest


@pytest.fixture
def session(wharf):
    return boto3.Session(
        aws_access_key_id=wharf.env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=wharf.env["AWS_SECRET_ACCESS_KEY"],
        region_name=wharf.env["AWS_REGION"],
    )


@pytest.fixture
def ecr(session, wharf):
    return session.client("ecr", endpoint_url=wharf.env["AWS_ENDPOINT_URL_ECR"])


def refusal(call, **arguments):
    """Code and message of an error."""
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def upload(ecr, name, content, part=5 << 20):
    """Uploads a layer with the three calls of the API."""
    begun = ecr.initiate_layer_upload(repositoryName=name)
    for first in range(0, len(content), part):
        piece = content[first : first + part]
        answer = ecr.upload_layer_part(
            repositoryName=name,
            uploadId=begun["uploadId"],
            partFirstByte=first,
            partLastByte=first + len(piece) - 1,
            layerPartBlob=piece,
        )
        assert answer["lastByteReceived"] == first + len(piece) - 1
    digest = images.digest_of(content)
    done = ecr.complete_layer_upload(repositoryName=name, uploadId=begun["uploadId"], layerDigests=[digest])
    assert done["layerDigest"] == digest
    return {"digest": digest, "size": len(content)}


def image(ecr, name, **more):
    """Uploads an image's blobs and returns its manifest."""
    config = upload(ecr, name, json.dumps({"os": "linux", "noise": images.noise(8).hex()}).encode())
    layer = upload(ecr, name, images.noise(2000))
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": images.MANIFEST,
            "config": {"mediaType": images.CONFIG, **config},
            "layers": [{"mediaType": images.LAYER, **layer}],
            **more,
        }
    )


def test_every_answer_has_a_date_and_a_request_id(ecr):
    meta = ecr.describe_registry()["ResponseMetadata"]
    assert len(meta["RequestId"]) == 36
    sent = datetime.datetime.strptime(meta["HTTPHeaders"]["date"], "%a, %d %b %Y %H:%M:%S GMT")
    assert abs((datetime.datetime.utcnow() - sent).total_seconds()) < 60


def test_layers_and_images_through_the_api(ecr, wharf):
    name = wharf.repository("boto3")
    manifest = image(ecr, name)
    layer = json.loads(manifest)["layers"][0]["digest"]
    put = ecr.put_image(repositoryName=name, imageManifest=manifest, imageTag="v1")["image"]
    digest = images.digest_of(manifest.encode())
    assert put["imageId"] == {"imageDigest": digest, "imageTag": "v1"}
    available = ecr.batch_check_layer_availability(repositoryName=name, layerDigests=[layer, "sha256:" + "0" * 64])
    assert {entry["layerDigest"]: entry["layerAvailability"] for entry in available["layers"]}[layer] == "AVAILABLE"
    got = ecr.batch_get_image(repositoryName=name, imageIds=[{"imageTag": "v1"}, {"imageTag": "absent"}])
    assert got["images"][0]["imageManifest"] == manifest
    assert [failure["failureCode"] for failure in got["failures"]] == ["ImageNotFound"]
    status, headers, body = wharf.http("GET", f"/v2/{name}/manifests/v1")
    assert (status, headers["docker-content-digest"], body.decode()) == (200, digest, manifest)


def test_a_layer_larger_than_a_part(ecr, wharf):
    name = wharf.repository("boto3")
    content = images.noise(11 << 20)
    layer = upload(ecr, name, content)
    status, _, body = wharf.http("GET", f"/v2/{name}/blobs/{layer['digest']}")
    assert status == 200 and hashlib.sha256(body).hexdigest() == layer["digest"].removeprefix("sha256:")
    code, _ = refusal(upload, ecr=ecr, name=name, content=content)
    assert code == "LayerAlreadyExistsException"


def test_what_layer_uploads_refuse(ecr, wharf):
    name = wharf.repository("boto3")
    begun = ecr.initiate_layer_upload(repositoryName=name)
    part = {"repositoryName": name, "uploadId": begun["uploadId"]}
    code, text = refusal(ecr.complete_layer_upload, **part, layerDigests=["sha256:" + "0" * 64])
    assert (code, "does not have any parts" in text) == ("EmptyUploadException", True)
    ecr.upload_layer_part(**part, partFirstByte=0, partLastByte=9, layerPartBlob=b"0123456789")
    code, _ = refusal(ecr.upload_layer_part, **part, partFirstByte=20, partLastByte=20, layerPartBlob=b"x")
    assert code == "InvalidLayerPartException"
    code, text = refusal(ecr.complete_layer_upload, **part, layerDigests=["sha256:" + "0" * 64])
    assert (code, text) == ("InvalidLayerException", "None of the provided layer digests match the calculated layer digest")
    unknown = "00000000-0000-4000-8000-000000000000"
    code, text = refusal(
        ecr.complete_layer_upload, repositoryName=name, uploadId=unknown, layerDigests=["sha256:" + "0" * 64]
    )
    assert code == "UploadNotFoundException" and unknown in text


def test_an_image_without_its_layers_is_refused(ecr, wharf):
    name = wharf.repository("boto3")
    manifest = json.loads(image(ecr, name))
    missing = "sha256:" + "1" * 64
    manifest["layers"].append({"mediaType": images.LAYER, "digest": missing, "size": 5})
    code, text = refusal(ecr.put_image, repositoryName=name, imageManifest=json.dumps(manifest), imageTag="v1")
    assert code == "LayersNotFoundException" and missing in text


def test_tags_of_a_repository(ecr, wharf):
    name = wharf.repository("boto3")
    arn = ecr.describe_repositories(repositoryNames=[name])["repositories"][0]["repositoryArn"]
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "team", "Value": "a"}, {"Key": "stage", "Value": "test"}])
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "team", "Value": "b"}])
    ecr.untag_resource(resourceArn=arn, tagKeys=["stage"])
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "team", "Value": "b"}]
    code, _ = refusal(ecr.list_tags_for_resource, resourceArn=arn + "-absent")
    assert code == "RepositoryNotFoundException"


def test_listing_and_describing_images(ecr, wharf):
    name = wharf.repository("boto3")
    digests = {}
    for number in range(3):
        manifest = image(ecr, name)
        digests[f"v{number}"] = images.digest_of(manifest.encode())
        ecr.put_image(repositoryName=name, imageManifest=manifest, imageTag=f"v{number}")
    ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageTag": "v2"}])
    pages = list(ecr.get_paginator("list_images").paginate(repositoryName=name, PaginationConfig={"PageSize": 1}))
    listed = [entry for page in pages for entry in page["imageIds"]]
    assert {entry["imageTag"]: entry["imageDigest"] for entry in listed} == {
        tag: digests[tag] for tag in ("v0", "v1")
    }
    detail = ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": "v0"}])["imageDetails"][0]
    assert detail["imageDigest"] == digests["v0"] and detail["imageManifestMediaType"] == images.MANIFEST
    assert detail["artifactMediaType"] == images.CONFIG
    age = datetime.datetime.now(datetime.timezone.utc) - detail["imagePushedAt"]
    assert abs(age.total_seconds()) < 120
    code, text = refusal(ecr.describe_images, repositoryName=name, imageIds=[{"imageTag": "absent"}])
    assert code == "ImageNotFoundException"
    assert "imageId {imageDigest:'null', imageTag:'absent'}" in text


def test_deleting_images(ecr, wharf):
    name = wharf.repository("boto3")
    manifest = image(ecr, name)
    digest = images.digest_of(manifest.encode())
    for tag in ("one", "two"):
        ecr.put_image(repositoryName=name, imageManifest=manifest, imageTag=tag)
    gone = ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageTag": "one"}, {"imageTag": "absent"}])
    assert gone["imageIds"] == [{"imageDigest": digest, "imageTag": "one"}]
    assert gone["failures"][0]["failureCode"] == "ImageNotFound"
    code, _ = refusal(ecr.delete_repository, repositoryName=name)
    assert code == "RepositoryNotEmptyException"
    gone = ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageDigest": digest}])
    assert gone["imageIds"] == [{"imageDigest": digest, "imageTag": "two"}]
    assert ecr.list_images(repositoryName=name)["imageIds"] == []


def test_a_child_of_an_index_is_not_deleted(ecr, wharf):
    name = wharf.repository("boto3")
    child = image(ecr, name)
    entry = {"mediaType": images.MANIFEST, "digest": images.digest_of(child.encode()), "size": len(child)}
    ecr.put_image(repositoryName=name, imageManifest=child, imageDigest=entry["digest"])
    index = json.dumps({"schemaVersion": 2, "mediaType": images.INDEX, "manifests": [entry]})
    ecr.put_image(repositoryName=name, imageManifest=index, imageTag="multi")
    refused = ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageDigest": entry["digest"]}])
    assert refused["failures"][0]["failureCode"] == "ImageReferencedByManifestList"
    force = ecr.delete_repository(repositoryName=name, force=True)
    assert force["repository"]["repositoryName"] == name


def test_immutable_tags_with_and_without_exceptions(ecr, wharf):
    name = wharf.repository("boto3")
    filters = [{"filterType": "WILDCARD", "filter": "dev-*"}]
    answer = ecr.put_image_tag_mutability(
        repositoryName=name,
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=filters,
    )
    assert answer["imageTagMutabilityExclusionFilters"] == filters
    first, second = image(ecr, name), image(ecr, name)
    for tag in ("v1", "dev-x"):
        ecr.put_image(repositoryName=name, imageManifest=first, imageTag=tag)
    ecr.put_image(repositoryName=name, imageManifest=second, imageTag="dev-x")
    code, text = refusal(ecr.put_image, repositoryName=name, imageManifest=second, imageTag="v1")
    assert code == "ImageTagAlreadyExistsException" and "cannot be overwritten because the tag is immutable" in text
    # The data plane has the same rule, and accepts the same image again.
    headers = {"Content-Type": images.MANIFEST}
    assert wharf.http("PUT", f"/v2/{name}/manifests/v1", first, headers)[0] == 201
    status, _, body = wharf.http("PUT", f"/v2/{name}/manifests/v1", second, headers)
    assert (status, json.loads(body)["errors"][0]["code"]) == (400, "TAG_INVALID")


def test_referrers_of_an_image(ecr, wharf):
    name = wharf.repository("boto3")
    subject = image(ecr, name)
    ecr.put_image(repositoryName=name, imageManifest=subject, imageTag="v1")
    descriptor = {"mediaType": images.MANIFEST, "digest": images.digest_of(subject.encode()), "size": len(subject)}
    kind = "application/vnd.example.bill"
    artifact = image(ecr, name, subject=descriptor, artifactType=kind, annotations={"part": "bolt"})
    ecr.put_image(repositoryName=name, imageManifest=artifact, imageDigest=images.digest_of(artifact.encode()))
    listed = ecr.list_image_referrers(repositoryName=name, subjectId={"imageDigest": descriptor["digest"]})
    (found,) = listed["referrers"]
    assert (found["digest"], found["artifactType"]) == (images.digest_of(artifact.encode()), kind)
    assert found["annotations"]["part"] == "bolt"


def test_get_caller_identity(session, wharf):
    sts = session.client("sts", endpoint_url=wharf.env["AWS_ENDPOINT_URL_STS"])
    assert sts.get_caller_identity()["Arn"].startswith("arn:aws:iam::")


def signed(wharf, at, secret=None, service="ecr", region=None):
    """Sends a request that was signed for this time; returns status and code."""
    request = botocore.awsrequest.AWSRequest(
        method="POST",
        url=wharf.env["AWS_ENDPOINT_URL_ECR"] + "/",
        data=b"{}",
        headers={
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": "AmazonEC2ContainerRegistry_V20150921.DescribeRegistry",
        },
    )
    credentials = botocore.credentials.Credentials(
        wharf.env["AWS_ACCESS_KEY_ID"], secret or wharf.env["AWS_SECRET_ACCESS_KEY"]
    )
    signer = botocore.auth.SigV4Auth(credentials, service, region or wharf.env["AWS_REGION"])
    request.context["timestamp"] = at.strftime("%Y%m%dT%H%M%SZ")
    request.headers["X-Amz-Date"] = request.context["timestamp"]
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    signer._inject_signature_to_request(request, signature)
    sent = urllib.request.Request(request.url, data=b"{}", headers=dict(request.headers), method="POST")
    try:
        with urllib.request.urlopen(sent, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


@pytest.mark.parametrize("minutes", [-4, 0, 4])
def test_a_clock_that_is_a_little_off_is_accepted(wharf, minutes):
    now = datetime.datetime.now(datetime.timezone.utc)
    status, body = signed(wharf, now + datetime.timedelta(minutes=minutes))
    assert (status, "registryId" in body) == (200, True)


@pytest.mark.parametrize(("minutes", "text"), [(-6, "Signature expired"), (6, "Signature not yet current")])
def test_a_clock_that_is_far_off_is_refused(wharf, minutes, text):
    now = datetime.datetime.now(datetime.timezone.utc)
    _, body = signed(wharf, now + datetime.timedelta(minutes=minutes))
    assert "InvalidSignatureException" in body["__type"]
    assert text in (body.get("message") or body.get("Message"))


def test_a_wrong_secret_or_service_is_refused(wharf):
    now = datetime.datetime.now(datetime.timezone.utc)
    for arguments in ({"secret": "x" * 40}, {"service": "s3"}):
        status, body = signed(wharf, now, **arguments)
        assert status in (400, 403) and "InvalidSignatureException" in body["__type"], arguments


def test_a_presigned_get_caller_identity(session, wharf):
    def get(url):
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    sts = session.client("sts", endpoint_url=wharf.env["AWS_ENDPOINT_URL_STS"])
    url = sts.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    status, body = get(url)
    assert status == 200 and "<Arn>arn:aws:iam::" in body, (url, body)
    status, body = get(url.replace("X-Amz-Expires=60", "X-Amz-Expires=600"))
    assert status == 403 and "SignatureDoesNotMatch" in body, body
