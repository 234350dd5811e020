"""Botocore's model of ECR, read from the installed package: a valid input for each operation, every way to violate one
constraint of it, and whether an answer matches its shape."""

import base64
import copy
import pathlib
import re
from typing import NamedTuple

import botocore.loaders

MODEL = botocore.loaders.Loader().load_service_model("ecr", "service-2")
SHAPES = MODEL["shapes"]
OPERATIONS = MODEL["operations"]

# The operations that Wharf has, from its list. The others must be refused as unsupported.
LIST = pathlib.Path(__file__).parents[2] / "crates/aws/src/operation/ecr.rs"
LISTED = re.findall(r"^ +(\w+): \"[^\"]+\" on \w+ => ", LIST.read_text(), re.MULTILINE)
# Those that AWS has too.
SERVED = [name for name in LISTED if not name.startswith("Wharf")]

DIGEST = "sha256:" + "0" * 64
# Valid texts for the patterns of the model, by shape.
TEXTS = {
    "RepositoryName": "contract/none",
    "RegistryId": "123456789012",
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


def sample(name):
    """A valid value of the shape, with the required members only."""
    shape = SHAPES[name]
    match shape["type"]:
        case "structure":
            return {member: sample(shape["members"][member]["shape"]) for member in shape.get("required", [])}
        case "list":
            return [sample(shape["member"]["shape"])]
        case "string":
            return shape["enum"][0] if "enum" in shape else TEXTS.get(name, "a" * max(1, shape.get("min", 1)))
        case "integer" | "long":
            return shape.get("min", 0)
        case "boolean":
            return True
        case "blob":
            return base64.b64encode(b"x").decode()
    raise AssertionError(f"the model has a type that this test does not know: {shape['type']}")


def wrong_values(name):
    """The ways to break a rule of the shape itself, without its members."""
    shape = SHAPES[name]
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
            yield "too many", [sample(shape["member"]["shape"])] * (high + 1)
    elif kind == "blob" and high:
        yield "too large", base64.b64encode(b"x" * (high + 1)).decode()


def breaks(name, path=()):
    """The ways to break the shape or its members: the rule, the path, and the invalid value at that path."""
    shape = SHAPES[name]
    for what, value in wrong_values(name):
        yield what, path, value
    if shape["type"] == "structure":
        for member in shape.get("required", []):
            yield "absent", (*path, member), None
        for member, target in shape["members"].items():
            yield from breaks(target["shape"], (*path, member))
    elif shape["type"] == "list":
        yield from breaks(shape["member"]["shape"], (*path, 0))


def broken_inputs(operation):
    """Inputs of the operation, each with one broken rule."""
    name = OPERATIONS[operation]["input"]["shape"]
    for what, path, value in breaks(name):
        yield Broken(what, wire_path(path), placed(name, path, value))


def placed(name, path, value):
    """A sample of the shape with this value at this path; None removes the member."""
    if not path:
        return copy.deepcopy(value)
    head, rest = path[0], path[1:]
    result = sample(name)
    shape = SHAPES[name]
    if shape["type"] == "list":
        result[0] = placed(shape["member"]["shape"], rest, value)
        return result
    if not rest and value is None:
        del result[head]
        return result
    result[head] = placed(shape["members"][head]["shape"], rest, value)
    return result


def wire_path(path):
    """A path in the form of ECR's texts: `tags.1.member.key`."""
    words = []
    for part in path:
        words.extend(["1", "member"] if part == 0 else [part[0].lower() + part[1:]])
    return ".".join(words)


def misfits(name, value, path="answer", shapes=SHAPES):
    """Everything in a value that is not in its shape."""
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


def declared_errors(operation):
    """The exceptions of an operation in the model."""
    return {error["shape"] for error in OPERATIONS[operation].get("errors", [])}
