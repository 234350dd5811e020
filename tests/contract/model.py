"""Botocore's models of ECR and ECR Public, read from the installed package: a valid input for each operation, every way
to violate one constraint of it, and whether an answer matches its shape."""

import base64
import copy
import pathlib
import re
from typing import NamedTuple

import botocore.loaders
import pytest

DIGEST = "sha256:" + "0" * 64
ABSENT = object()
# Valid texts for the patterns of the model, by shape.
TEXTS = {
    "RepositoryName": "contract/none",
    "RegistryId": "123456789012",
    "RegistryIdOrAlias": "123456789012",
    "LayerDigest": DIGEST,
    "BatchedOperationLayerDigest": DIGEST,
    "ImageDigest": DIGEST,
    "UploadId": "12345678-1234-1234-1234-123456789012",
    "ImageTagMutabilityExclusionFilterValue": "v*",
    "Arn": "arn:aws:ecr:us-east-1:123456789012:repository/contract/none",
    "PrincipalArn": "arn:aws:iam::123456789012:role/contract-none",
    "KmsKeyForRepositoryCreationTemplate": "arn:aws:kms:us-east-1:123456789012:key/none",
    "CredentialArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/none-a1b2c3",
    "ReplicationBackfillId": "12345678-1234-1234-1234-123456789012",
}
# No text of this length matches the pattern of the shape: the shortest has 54 characters.
UNREACHABLE = {("CredentialArn", 50)}
# The errors that any operation may return ("Common Errors" of the API reference, and those of its protocol).
COMMON = {
    "AccessDeniedException",
    "ExpiredTokenException",
    "IncompleteSignatureException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "RequestEntityTooLargeException",
    "SerializationException",
    "ThrottlingException",
    "UnknownOperationException",
    "UnrecognizedClientException",
}


class Broken(NamedTuple):
    """An input with exactly one broken rule, or with a value at its limit, and the path of the member."""

    what: str
    member: str
    input: dict


def wire_path(path):
    """A path in the form of ECR's texts: `tags.1.member.key`."""
    words = []
    for part in path:
        words.extend(["1", "member"] if part == 0 else [part[0].lower() + part[1:]])
    return ".".join(words)


def misfits(name, value, path="answer", shapes=None):
    """Everything in a value that is not in its shape."""
    shapes = shapes or ECR.shapes
    shape = shapes[name]
    kind = shape["type"]
    if kind == "structure":
        if not isinstance(value, dict):
            return [f"{path} is no structure: {value!r}"]
        found = [f"{path}.{key} is not in the model" for key in value if key not in shape["members"]]
        found += [f"{path}.{key} is absent" for key in shape.get("required", []) if key not in value]
        for key in value.keys() & shape["members"].keys():
            found += misfits(shape["members"][key]["shape"], value[key], f"{path}.{key}", shapes)
        return found
    if kind == "list":
        if not isinstance(value, list):
            return [f"{path} is no list: {value!r}"]
        inner = shape["member"]["shape"]
        return [text for index, item in enumerate(value) for text in misfits(inner, item, f"{path}[{index}]", shapes)]
    if kind == "map":
        inner = shape["value"]["shape"]
        return [text for key, item in value.items() for text in misfits(inner, item, f"{path}[{key}]", shapes)]
    types = {"string": str, "integer": int, "long": int, "boolean": bool, "timestamp": (int, float), "double": (int, float), "blob": str}
    fits = isinstance(value, types[kind]) and (kind == "boolean") == isinstance(value, bool)
    if not fits:
        return [f"{path} is no {kind}: {value!r}"]
    # The reference of the Tagging API also has the codes of the service with the resource.
    is_open = "FailedResourcesMap[" in path
    if "enum" in shape and value not in shape["enum"] and not is_open:
        return [f"{path} is not among the model's values: {value!r}"]
    # Python does not know the classes of Unicode (\\p), which the patterns of tags have.
    if "pattern" in shape and "\\p" not in shape["pattern"] and not re.fullmatch(shape["pattern"], value):
        return [f"{path} does not match the model's pattern: {value!r}"]
    return []


class Model:
    """The model of a service, and the operations of it that Wharf has."""

    def __init__(self, service, texts):
        self.service = service
        self.whole = botocore.loaders.Loader().load_service_model(service, "service-2")
        self.shapes = self.whole["shapes"]
        self.operations = self.whole["operations"]
        self.texts = TEXTS | texts
        # The operations that Wharf has, from its list. The others must be refused as unsupported.
        path = pathlib.Path(__file__).parents[2] / f"crates/aws/src/operation/{service.replace('-', '_')}.rs"
        listed = re.findall(r"^ +(\w+): \"[^\"]+\" on \w+ => ", path.read_text(), re.MULTILINE)
        # Those that AWS has too.
        self.served = [name for name in listed if not name.startswith("Wharf")]

    def sample(self, name):
        """A valid value of the shape, with the required members only."""
        shape = self.shapes[name]
        match shape["type"]:
            case "structure":
                return {member: self.sample(shape["members"][member]["shape"]) for member in shape.get("required", [])}
            case "list":
                return [self.sample(shape["member"]["shape"])]
            case "string":
                return shape["enum"][0] if "enum" in shape else self.text(name)
            case "integer" | "long":
                return shape.get("min", 0)
            case "boolean":
                return True
            case "blob":
                return base64.b64encode(b"x").decode()
        raise AssertionError(f"the model has a type that this test does not know: {shape['type']}")

    def text(self, name, length=None):
        """A text that matches the shape's pattern, of this length."""
        shape = self.shapes[name]
        text = self.texts.get(name, "a" * max(1, shape.get("min", 1)))
        if length is not None:
            text = text.ljust(length, "a")[:length]
        assert re.fullmatch(shape.get("pattern", ".*"), text), (name, text)
        return text

    def limits(self, name):
        """The valid values that are exactly at the limits of the shape."""
        shape = self.shapes[name]
        kind = shape["type"]
        for limit in (shape.get("min"), shape.get("max")):
            if limit is None or "enum" in shape or (name, limit) in UNREACHABLE:
                continue
            match kind:
                case "string":
                    yield f"length {limit}", self.text(name, limit)
                case "integer" | "long":
                    yield f"value {limit}", limit
                case "list":
                    yield f"{limit} elements", [self.sample(shape["member"]["shape"])] * limit
                case "blob":
                    yield f"{limit} bytes", base64.b64encode(b"x" * limit).decode()

    def wrong_values(self, name):
        """The ways to break a rule of the shape itself, without its members."""
        shape = self.shapes[name]
        low, high = shape.get("min"), shape.get("max")
        kind = shape["type"]
        if kind == "string":
            if "enum" in shape:
                yield "enum", "NO_SUCH_VALUE"
            if "pattern" in shape:
                # The whole text must match, not a part of it.
                texts = {"": "!" * max(low or 1, 2), " at the begin": "!" + self.text(name), " at the end": self.text(name) + "!"}
                for where, text in texts.items():
                    assert not re.fullmatch(shape["pattern"], text)
                    yield f"pattern{where}", text
            if low:
                yield "too short", "a" * (low - 1)
            if high:
                yield "too long", "a" * (high + 1)
        elif kind in ("integer", "long"):
            if low is not None:
                yield "too small", low - 1
            if high is not None:
                yield "too large", high + 1
        elif kind == "list":
            if low:
                yield "too few", []
            if high:
                yield "too many", [self.sample(shape["member"]["shape"])] * (high + 1)
        elif kind == "blob" and high:
            yield "too large", base64.b64encode(b"x" * (high + 1)).decode()

    def places(self, operation):
        """Each member of the input, also inside of lists and other members: the path, the shape, and whether it is required."""

        def inside(name, path):
            shape = self.shapes[name]
            if shape["type"] == "structure":
                for member, target in shape["members"].items():
                    yield (*path, member), target["shape"], member in shape.get("required", [])
                    yield from inside(target["shape"], (*path, member))
            elif shape["type"] == "list":
                yield (*path, 0), shape["member"]["shape"], False
                yield from inside(shape["member"]["shape"], (*path, 0))

        return inside(self.operations[operation]["input"]["shape"], ())

    def broken_inputs(self, operation):
        """Inputs of the operation, each with one broken rule."""
        name = self.operations[operation]["input"]["shape"]
        for path, shape, is_required in self.places(operation):
            for what, value in self.wrong_values(shape):
                yield Broken(what, wire_path(path), self.placed(name, path, value))
            if is_required:
                yield Broken("absent", wire_path(path), self.placed(name, path, ABSENT))
                yield Broken("null", wire_path(path), self.placed(name, path, None))

    def inputs_at_limits(self, operation):
        """Valid inputs of the operation, each with one value at its limit."""
        name = self.operations[operation]["input"]["shape"]
        for path, shape, _ in self.places(operation):
            for what, value in self.limits(shape):
                yield Broken(what, wire_path(path), self.placed(name, path, value))

    def placed(self, name, path, value):
        """A sample of the shape with this value at this path; ABSENT removes the member."""
        if not path:
            return copy.deepcopy(value)
        head, rest = path[0], path[1:]
        result = self.sample(name)
        shape = self.shapes[name]
        if shape["type"] == "list":
            result[0] = self.placed(shape["member"]["shape"], rest, value)
            return result
        if not rest and value is ABSENT:
            del result[head]
            return result
        result[head] = self.placed(shape["members"][head]["shape"], rest, value)
        return result

    def declared_errors(self, operation):
        """The exceptions of an operation in the model."""
        return {error["shape"] for error in self.operations[operation].get("errors", [])}

    def may_return(self, operation, error):
        """Whether an operation may return this error."""
        return operation not in self.operations or error in COMMON | self.declared_errors(operation)

    def parameters(self, cases):
        """Each operation that Wharf has with each of its cases, for pytest."""
        return [
            pytest.param(operation, case, id=f"{operation}-{case.member}-{case.what.replace(' ', '-')}")
            for operation in self.served
            for case in cases(operation)
        ]


ECR = Model("ecr", {})
ECR_PUBLIC = Model("ecr-public", {"Arn": "arn:aws:ecr-public::123456789012:repository/contract/none"})
MODEL, SHAPES, OPERATIONS, SERVED = ECR.whole, ECR.shapes, ECR.operations, ECR.served
declared_errors, sample = ECR.declared_errors, ECR.sample
MODELS = {"ecr": ECR, "ecr-public": ECR_PUBLIC}
