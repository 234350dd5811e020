"""Compares answers of the services with XML (IAM, STS) and of services with JSON with botocore's models: reports members
that the shape does not have, and required members that are missing."""

import json
import re
import xml.etree.ElementTree as ElementTree

import botocore.loaders
import model

OF_JSON = ("organizations", "service-quotas", "resourcegroupstaggingapi", "events", "secretsmanager")
SERVICES = ("iam", "sts", *OF_JSON)
LOADER = botocore.loaders.Loader()
MODELS = {service: LOADER.load_service_model(service, "service-2") for service in SERVICES}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
NUMBER = re.compile(r"-?\d+")
BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")

# Errors that any operation may return ("Common errors" of the API references), with their statuses.
COMMON = {
    "AccessDenied": 403,
    "ExpiredToken": 403,
    "InvalidAction": 400,
    "InvalidClientTokenId": 403,
    "InvalidParameterValue": 400,
    "MalformedInput": 400,
    "SignatureDoesNotMatch": 403,
    "ValidationError": 400,
}
COMMON_OF_JSON = {"AccessDeniedException", "UnknownOperationException"}
# EventBridge's model does not have the error of a value that does not fit.
INVALID_INPUT = {"events": "ValidationException", "secretsmanager": "InvalidParameterException"}


def misfits(service, operation, status, raw):
    """Everything in a response, success or error, that does not match the model."""
    if service in OF_JSON:
        return misfits_of_json(service, operation, status, json.loads(raw))
    root = ElementTree.fromstring(raw)
    if status == 200:
        return misfits_of_answer(service, operation, root)
    return misfits_of_error(service, operation, status, root)


def misfits_of_answer(service, operation, root):
    """A successful response: its frame, and the result if the model has one."""
    space = "{" + MODELS[service]["metadata"]["xmlNamespace"] + "}"
    found = [] if root.tag == f"{space}{operation}Response" else [f"the root is {root.tag}"]
    output = MODELS[service]["operations"][operation].get("output")
    wanted = [output["resultWrapper"]] if output else []
    names = [name_of(child) for child in root]
    if names != [*wanted, "ResponseMetadata"]:
        return [*found, f"the answer consists of {names}"]
    if not (root[-1].findtext(f"{space}RequestId") or ""):
        found.append("there is no request id")
    return found + (misfits_of_xml(MODELS[service]["shapes"], output["shape"], root[0], operation) if output else [])


def misfits_of_error(service, operation, status, root):
    """An error: its frame, a code that the operation may return, and the status of that code."""
    space = "{" + MODELS[service]["metadata"]["xmlNamespace"] + "}"
    found = [] if root.tag == f"{space}ErrorResponse" else [f"the root is {root.tag}"]
    if [name_of(child) for child in root] != ["Error", "RequestId"]:
        return [*found, f"the error consists of {[name_of(child) for child in root]}"]
    parts = {name_of(child): child.text or "" for child in root[0]}
    if parts.keys() != {"Type", "Code", "Message"} or not parts.get("Message"):
        return [*found, f"the error says {parts}"]
    statuses = error_statuses(service, operation)
    if statuses.get(parts["Code"]) != status:
        found.append(f"{operation} answers {parts['Code']} with {status}; the model has {statuses}")
    if parts["Type"] != ("Sender" if status < 500 else "Receiver"):
        found.append(f"{parts['Code']} is the fault of {parts['Type']}")
    return found


def error_statuses(service, operation):
    """The error codes of an operation in the model, and the common ones, with their statuses."""
    shapes = MODELS[service]["shapes"]
    declared = [shapes[error["shape"]] for error in MODELS[service]["operations"][operation].get("errors", [])]
    codes = [shape["error"] for shape in declared if "error" in shape]
    return COMMON | {error["code"]: error["httpStatusCode"] for error in codes}


def misfits_of_json(service, operation, status, body):
    shapes = MODELS[service]["shapes"]
    described = MODELS[service]["operations"][operation]
    if status == 200:
        output = described.get("output")
        return model.misfits(output["shape"], body, operation, shapes) if output else [f"{body}"] if body else []
    code = body.pop("__type", None)
    declared = {error["shape"] for error in described.get("errors", [])} | COMMON_OF_JSON
    declared.add(INVALID_INPUT.get(service, "InvalidInputException"))
    if status != 400 or code not in declared:
        return [f"{operation} answers {code} with {status}; the model has {sorted(declared)}"]
    message = body.pop("message", None)
    # The exceptions of EventBridge have no members in the model, but AWS answers with a message.
    if message is not None and service != "events":
        body["Message"] = message
    return model.misfits(code, body, code, shapes) if code in shapes else []


def name_of(element):
    return element.tag.rsplit("}", 1)[-1]


def misfits_of_xml(shapes, name, element, path):
    """Everything in an element that is not in its shape."""
    shape = shapes[name]
    if shape["type"] == "structure":
        return misfits_of_structure(shapes, shape, element, path)
    if shape["type"] == "list":
        found = [f"{path} has <{name_of(item)}>" for item in element if name_of(item) != "member"]
        inner = shape["member"]["shape"]
        return found + [text for item in element for text in misfits_of_xml(shapes, inner, item, f"{path}.member")]
    if shape["type"] == "map":
        return misfits_of_map(shapes, shape, element, path)
    text = element.text or ""
    if len(element):
        return [f"{path} is to be text"]
    match shape["type"]:
        case "timestamp":
            fits = MOMENT.fullmatch(text)
        case "boolean":
            fits = text in ("true", "false")
        case "integer" | "long":
            fits = NUMBER.fullmatch(text)
        case "blob":
            fits = BASE64.fullmatch(text)
        case "string":
            return misfits_of_text(shape, text, path)
        case other:
            raise AssertionError(f"the model has a type that this test does not know: {other}")
    return [] if fits else [f"{path} is no {shape['type']}: {text!r}"]


def misfits_of_map(shapes, shape, element, path):
    found = []
    for entry in element:
        names = [name_of(child) for child in entry]
        if name_of(entry) != "entry" or names != ["key", "value"]:
            found.append(f"{path} has <{name_of(entry)}> of {names}")
            continue
        found += misfits_of_xml(shapes, shape["key"]["shape"], entry[0], f"{path}.key")
        found += misfits_of_xml(shapes, shape["value"]["shape"], entry[1], f"{path}.{entry[0].text}")
    return found


def misfits_of_structure(shapes, shape, element, path):
    members = {member.get("locationName", name): member["shape"] for name, member in shape["members"].items()}
    names = [name_of(child) for child in element]
    found = [f"{path}.{name} is not in the model" for name in names if name not in members]
    found += [f"{path}.{name} is there twice" for name in set(names) if names.count(name) > 1]
    found += [f"{path}.{name} is absent" for name in shape.get("required", []) if name not in names]
    for child in element:
        if name_of(child) in members:
            found += misfits_of_xml(shapes, members[name_of(child)], child, f"{path}.{name_of(child)}")
    return found


def misfits_of_text(shape, text, path):
    if path.endswith("PermissionsBoundaryType"):
        # The model has PermissionsBoundaryPolicy; IAM itself answers as its guide shows.
        return [] if text == "Policy" else [f"{path} is {text!r}"]
    if path.endswith(".SourcePolicyType"):
        # The model has user, group, role and others; IAM itself answers with these.
        return [] if text in ("IAM Policy", "Resource Policy") else [f"{path} is {text!r}"]
    if path.endswith(".User.UserId") and re.fullmatch(r"\d{12}", text):
        return []  # The id of root is that of the account.
    if "enum" in shape and text not in shape["enum"]:
        return [f"{path} is not among the model's values: {text!r}"]
    # Python does not know the classes of Unicode (\p), which the patterns of tags have.
    pattern = shape.get("pattern")
    if pattern and "\\p" not in pattern and not re.fullmatch(pattern, text):
        return [f"{path} does not match the model's pattern: {text!r}"]
    low, high = shape.get("min", 0), shape.get("max", len(text))
    return [] if low <= len(text) <= high else [f"{path} has {len(text)} characters"]
