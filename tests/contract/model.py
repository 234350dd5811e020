"""Botocore's models of ECR and ECR Public, read from the installed package: a valid input for each operation, every way
to violate one constraint of it, and whether an answer matches its shape."""

import base64
import copy
import pathlib
import re
from typing import NamedTuple

import botocore.loaders

DIGEST = "sha256:" + "0" * 64
# Valid texts for the patterns of the model, by shape.
TEXTS = {
    "ReplicationBackfillId": "00000000-0000-4000-8000-000000000000",
    "RepositoryName": "contract/none",
    "RegistryId": "123456789012",
    "RegistryIdOrAlias": "123456789012",
    "LayerDigest": DIGEST,
    "BatchedOperationLayerDigest": DIGEST,
    "ImageDigest": DIGEST,
    "UploadId": "12345678-1234-1234-1234-123456789012",
    "ImageTagMutabilityExclusionFilterValue": "v*",
    "Arn": "arn:aws:ecr:us-east-1:123456789012:repository/contract/none",
}


class Broken(NamedTuple):
    """An input with exactly one broken rule, and the path of the invalid member."""

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
    types = {"string": str, "integer": int, "long": int, "boolean": bool, "timestamp": (int, float), "blob": str}
    fits = isinstance(value, types[kind]) and (kind == "boolean") == isinstance(value, bool)
    if not fits:
        return [f"{path} is no {kind}: {value!r}"]
    if "enum" in shape and value not in shape["enum"]:
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
                return shape["enum"][0] if "enum" in shape else self.texts.get(name, "a" * max(1, shape.get("min", 1)))
            case "integer" | "long":
                return shape.get("min", 0)
            case "boolean":
                return True
            case "blob":
                return base64.b64encode(b"x").decode()
        raise AssertionError(f"the model has a type that this test does not know: {shape['type']}")

    def wrong_values(self, name):
        """The ways to break a rule of the shape itself, without its members."""
        shape = self.shapes[name]
        low, high = shape.get("min"), shape.get("max")
        kind = shape["type"]
        if kind == "string":
            if "enum" in shape:
                yield "enum", "NO_SUCH_VALUE"
            if "pattern" in shape:
                text = "!" * max(low or 1, 2)
                assert not re.fullmatch(shape["pattern"], text)
                yield "pattern", text
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

    def breaks(self, name, path=()):
        """The ways to break the shape or its members: the rule, the path, and the invalid value at that path."""
        shape = self.shapes[name]
        for what, value in self.wrong_values(name):
            yield what, path, value
        if shape["type"] == "structure":
            for member in shape.get("required", []):
                yield "absent", (*path, member), None
            for member, target in shape["members"].items():
                yield from self.breaks(target["shape"], (*path, member))
        elif shape["type"] == "list":
            yield from self.breaks(shape["member"]["shape"], (*path, 0))

    def broken_inputs(self, operation):
        """Inputs of the operation, each with one broken rule."""
        name = self.operations[operation]["input"]["shape"]
        for what, path, value in self.breaks(name):
            yield Broken(what, wire_path(path), self.placed(name, path, value))

    def placed(self, name, path, value):
        """A sample of the shape with this value at this path; None removes the member."""
        if not path:
            return copy.deepcopy(value)
        head, rest = path[0], path[1:]
        result = self.sample(name)
        shape = self.shapes[name]
        if shape["type"] == "list":
            result[0] = self.placed(shape["member"]["shape"], rest, value)
            return result
        if not rest and value is None:
            del result[head]
            return result
        result[head] = self.placed(shape["members"][head]["shape"], rest, value)
        return result

    def declared_errors(self, operation):
        """The exceptions of an operation in the model."""
        return {error["shape"] for error in self.operations[operation].get("errors", [])}


ECR = Model("ecr", {})
ECR_PUBLIC = Model("ecr-public", {"Arn": "arn:aws:ecr-public::123456789012:repository/contract/none"})
MODEL, SHAPES, OPERATIONS, SERVED = ECR.whole, ECR.shapes, ECR.operations, ECR.served
broken_inputs, declared_errors, sample = ECR.broken_inputs, ECR.declared_errors, ECR.sample
