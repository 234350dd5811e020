"""Requests like those of an SDK, but without the SDK's own validation, which would hide the server's."""

import http.client
import json
from email.message import Message
from typing import NamedTuple
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from model import MODELS

PREFIX = "AmazonEC2ContainerRegistry_V20150921"


class Answer(NamedTuple):
    status: int
    headers: Message
    raw: bytes

    @property
    def body(self):
        return json.loads(self.raw)

    @property
    def error(self):
        """The exception's name."""
        return self.body.get("__type") if self.status != 200 else None


class Api:
    """One signed connection to the control plane."""

    def __init__(self, env):
        self.endpoint = env["AWS_ENDPOINT_URL_ECR"].rstrip("/")
        self.region = env["AWS_REGION"]
        self.credentials = Credentials(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])

    def call(self, operation, body, *, prefix=PREFIX, service="ecr"):
        """Sends a request; `body` is encoded as JSON unless it is bytes. An error must be one that the model declares."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"{prefix}.{operation}"}
        request = AWSRequest("POST", f"{self.endpoint}/", headers=headers, data=data)
        SigV4Auth(self.credentials, service, self.region).add_auth(request)
        answer = self.send("POST", "/", data, dict(request.headers))
        assert answer.status == 200 or MODELS[service].may_return(operation, answer.error), (operation, answer.raw)
        return answer

    def send(self, method, path, data, headers):
        connection = http.client.HTTPConnection(urlsplit(self.endpoint).netloc, timeout=60)
        try:
            connection.request(method, path, body=data, headers=headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def good(self, operation, **input):
        """The response of a call that must succeed."""
        answer = self.call(operation, input)
        assert answer.status == 200, (operation, answer.raw)
        return answer.body
