"""Which operations of IAM, STS, Organizations and EventBridge the server supports: a supported operation denies a user without
permissions by name, an unsupported one says that it is not supported. Such a user gets a result only from operations
that AWS allows to everybody, and no refusal shows what exists."""

import functools

import botocore.exceptions
import pytest
from clients import refused
from shapes import MODELS, OF_JSON

# AWS: "No permissions are required" for these.
FOR_EVERYBODY = {"GetCallerIdentity", "GetSessionToken"}
ABSENT = {"iam": "InvalidAction", "sts": "InvalidAction"} | {service: "UnknownOperationException" for service in OF_JSON}
DENIED = {"iam": "AccessDenied", "sts": "AccessDenied"} | {service: "AccessDeniedException" for service in OF_JSON}
LEAST = {
    "iam": 99,
    "sts": 6,
    "organizations": 19,
    "service-quotas": 6,
    "resourcegroupstaggingapi": 5,
    "events": 25,
    "secretsmanager": 13,
}
# Valid texts for the rules of the models, by the shape's name.
TEXTS = {
    "arnType": "arn:aws:iam::123456789012:policy/none",
    "policyDocumentType": '{"Version":"2012-10-17","Statement":[]}',
    "authenticationCodeType": "123456",
    "policyVersionIdType": "v1",
    "pathType": "/",
    "OpenIDConnectProviderUrlType": "https://none.example.org",
    "AccountId": "123456789012",
    "ChildId": "123456789012",
    "ParentId": "r-none",
    "OrganizationalUnitId": "ou-none-12345678",
    "QuotaCode": "L-00000000",
    "ServiceCode": "ecr",
    "TaggableResourceId": "123456789012",
    "CreateAccountRequestId": "car-12345678",
    "Email": "none@example.org",
    "ConnectionArn": "arn:aws:events:us-east-1:123456789012:connection/none/1",
    "HttpsEndpoint": "https://none.example.org",
}

OF_A_ROLE = "arn:aws:iam::123456789012:role/none"


def sample(shapes, name):
    """A valid value of the shape, with the required members only."""
    shape = shapes[name]
    match shape["type"]:
        case "structure":
            required = {name: shape["members"][name]["shape"] for name in shape.get("required", [])}
            return {name: OF_A_ROLE if name == "RoleArn" else sample(shapes, of) for name, of in required.items()}
        case "list":
            return [sample(shapes, shape["member"]["shape"])]
        case "integer" | "double":
            return shape.get("min", 1)
        case "boolean":
            return True
        case "timestamp":
            return 0
        case "map":
            return {}
        case "string" if "enum" in shape:
            return shape["enum"][0]
    return TEXTS.get(name, "a" * max(20 if name.endswith("rnType") else 1, shape.get("min", 1)))


def method_of(client, operation):
    methods = {name: method for method, name in client.meta.method_to_api_mapping.items()}
    return getattr(client, methods[operation])


@functools.cache
def served(cloud, service):
    """The supported operations: they refuse a user without permissions, or need no permission."""
    client = cloud.client(service, cloud.key(cloud.user()))
    shapes, operations = MODELS[service]["shapes"], MODELS[service]["operations"]
    found = set()
    for operation, described in operations.items():
        if described.get("authtype") == "none":
            continue
        arguments = sample(shapes, described["input"]["shape"]) if "input" in described else {}
        try:
            method_of(client, operation)(**arguments)
            assert operation in FOR_EVERYBODY, f"{operation} answered a user without permissions"
            found.add(operation)
        except botocore.exceptions.ClientError as error:
            code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
            if code == ABSENT.get(service, "UnknownOperationException"):
                assert operation in message
                continue
            assert code == DENIED.get(service, "AccessDeniedException"), (operation, code, message)
            found.add(operation)
    return found


@pytest.mark.parametrize("service", sorted(MODELS))
def test_every_operation_refuses_a_caller_without_permissions(cloud, service):
    assert len(served(cloud, service)) >= LEAST[service]


def test_a_refusal_names_caller_action_and_resource(cloud):
    user = cloud.user()
    iam = cloud.client("iam", cloud.key(user))
    said = refused("AccessDenied", iam.get_user, UserName="somebody")
    asked = f"User: {cloud.arn('user/' + user)} is not authorized to perform: iam:GetUser"
    assert said.startswith(f"{asked} on resource: user somebody") or said.startswith(
        f"{asked} on resource: {cloud.arn('user/somebody')}"
    ), said
