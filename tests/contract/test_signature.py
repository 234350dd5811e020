"""Authentication: signatures in the header and in the URL, and each error in the protocol of its API."""

import re
import time
import urllib.parse
import xml.etree.ElementTree as ElementTree

import boto3
import botocore.exceptions
import pytest
from api import PREFIX, Api
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

STS_QUERY = "Action=GetCallerIdentity&Version=2011-06-15"


def presigned(api, expires=60):
    request = AWSRequest("GET", f"{api.endpoint}/?{STS_QUERY}")
    SigV4QueryAuth(api.credentials, "sts", api.region, expires=expires).add_auth(request)
    return "/" + request.url.split("/", 3)[3]


def code_of(answer):
    return next(node.text for node in ElementTree.fromstring(answer.raw).iter() if node.tag.endswith("}Code"))


def with_key(api, identifier=None, secret=None):
    changed = Api.__new__(Api)
    changed.endpoint, changed.region = api.endpoint, api.region
    good = api.credentials
    changed.credentials = Credentials(identifier or good.access_key, secret or good.secret_key)
    return changed


def test_get_caller_identity_returns_the_signer(wharf):
    env = wharf.env
    keys = {
        "aws_access_key_id": env["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": env["AWS_SECRET_ACCESS_KEY"],
        "region_name": env["AWS_REGION"],
    }
    identity = boto3.client("sts", endpoint_url=env["AWS_ENDPOINT_URL_STS"], **keys).get_caller_identity()
    assert identity["Arn"].startswith(f"arn:aws:iam::{identity['Account']}:user/")
    wrong = boto3.client("sts", endpoint_url=env["AWS_ENDPOINT_URL_STS"], **keys | {"aws_secret_access_key": "no"})
    with pytest.raises(botocore.exceptions.ClientError, match="SignatureDoesNotMatch"):
        wrong.get_caller_identity()


def test_a_presigned_url_needs_nothing_else(api):
    answer = api.send("GET", presigned(api), None, {})
    assert answer.status == 200, answer.raw
    assert b"<GetCallerIdentityResult>" in answer.raw
    assert answer.headers["Content-Type"] == "text/xml"


def test_an_sts_url_ignores_the_value_of_x_amz_expires(api):
    url = presigned(api)
    changed = api.send("GET", url.replace("X-Amz-Expires=60", "X-Amz-Expires=61"), None, {})
    assert (changed.status, code_of(changed)) == (403, "SignatureDoesNotMatch")
    for expires in (0, 1, 604801):
        answer = api.send("GET", presigned(api, expires), None, {})
        assert answer.status == 200, answer.raw


def test_an_sts_url_needs_no_x_amz_expires(api):
    class WithoutExpires(SigV4QueryAuth):
        """Signs like AWS's SDKs for Go, which aws-iam-authenticator and Vault use."""

        def _modify_request_before_signing(self, request):
            super()._modify_request_before_signing(request)
            request.url = re.sub("X-Amz-Expires=[0-9]+&", "", request.url)

    request = AWSRequest("GET", f"{api.endpoint}/?{STS_QUERY}")
    WithoutExpires(api.credentials, "sts", api.region).add_auth(request)
    assert "X-Amz-Expires" not in request.url
    answer = api.send("GET", "/" + request.url.split("/", 3)[3], None, {})
    assert answer.status == 200, answer.raw


def test_sts_answers_in_json_on_request(api):
    json_please = {"Accept": "application/json"}
    answer = api.send("GET", presigned(api), None, json_please)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    whole = answer.body["GetCallerIdentityResponse"]
    assert set(whole["GetCallerIdentityResult"]) == {"Arn", "UserId", "Account"}
    assert whole["ResponseMetadata"] == {"RequestId": answer.headers["x-amzn-requestid"]}
    forged = api.send("GET", presigned(api).replace("X-Amz-Expires=60", "X-Amz-Expires=61"), None, json_please)
    assert (forged.status, forged.headers["Content-Type"]) == (403, "application/json")
    assert (forged.body["Error"]["Code"], forged.body["Error"]["Type"]) == ("SignatureDoesNotMatch", "Sender")
    assert forged.body["RequestId"] == forged.headers["x-amzn-requestid"]


def test_times_and_numbers_are_numbers_in_json(api):
    def call(service, **form):
        data, headers = urllib.parse.urlencode(form), {"Content-Type": "application/x-www-form-urlencoded"}
        headers["Accept"] = "application/json"
        request = AWSRequest("POST", f"{api.endpoint}/", headers=headers, data=data)
        SigV4Auth(api.credentials, service, api.region).add_auth(request)
        answer = api.send("POST", "/", request.data, dict(request.headers))
        assert answer.status == 200, answer.raw
        return answer.body

    session = call("sts", Action="GetSessionToken", Version="2011-06-15")["GetSessionTokenResponse"]
    expires = session["GetSessionTokenResult"]["Credentials"]["Expiration"]
    assert 43_000 < expires - time.time() <= 43_200
    users = call("iam", Action="ListUsers", Version="2010-05-08")["ListUsersResponse"]["ListUsersResult"]
    assert users["IsTruncated"] is False
    assert all(isinstance(user["CreateDate"], int) for user in users["Users"])


def test_sts_refuses_in_xml(api):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    unsigned = api.send("POST", "/", STS_QUERY, form)
    assert (unsigned.status, code_of(unsigned)) == (403, "MissingAuthenticationToken")
    request = AWSRequest("POST", f"{api.endpoint}/", headers=form, data="Action=NoSuch&Version=2011-06-15")
    SigV4Auth(api.credentials, "sts", api.region).add_auth(request)
    unknown = api.send("POST", "/", request.data, dict(request.headers))
    assert (unknown.status, code_of(unknown)) == (400, "InvalidAction")
    assert b"NoSuch" in unknown.raw


def test_ecr_refuses_in_json(api):
    target = {"X-Amz-Target": f"{PREFIX}.DescribeRegistry", "Content-Type": "application/x-amz-json-1.1"}
    unsigned = api.send("POST", "/", b"{}", target)
    assert (unsigned.status, unsigned.error) == (400, "MissingAuthenticationTokenException")
    malformed = api.send("POST", "/", b"{}", target | {"Authorization": "AWS4-HMAC-SHA256 Credential=a"})
    assert (malformed.status, malformed.error) == (400, "IncompleteSignatureException")
    stranger = with_key(api, identifier="AKIAIOSFODNN7EXAMPLE").call("DescribeRegistry", {})
    assert (stranger.status, stranger.error) == (400, "UnrecognizedClientException")
    forger = with_key(api, secret="wrong").call("DescribeRegistry", {})
    assert (forger.status, forger.error) == (400, "InvalidSignatureException")
    astray = api.call("DescribeRegistry", {}, service="ecr-public")
    assert (astray.status, astray.error) == (400, "InvalidSignatureException")


def test_a_large_body_is_refused_by_its_length(api):
    answer = api.call("CreateRepository", b" " * (1024 * 1024 + 1))
    assert (answer.status, answer.error) == (413, "RequestEntityTooLargeException")


def test_an_unsigned_request_lacks_an_authentication_token(api):
    answer = api.send("GET", "/", None, {})
    assert answer.status == 403
    assert b"<MissingAuthenticationTokenException>" in answer.raw


def test_a_url_signed_for_post_is_valid_only_for_post(wharf, api):
    env = wharf.env
    keys = {"aws_access_key_id": env["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": env["AWS_SECRET_ACCESS_KEY"]}
    sts = boto3.client("sts", endpoint_url=api.endpoint, region_name=api.region, **keys)
    path = "/" + sts.generate_presigned_url("get_caller_identity", ExpiresIn=60).split("/", 3)[3]
    assert api.send("POST", path, None, {}).status == 200
    assert api.send("GET", path, None, {}).status == 403
