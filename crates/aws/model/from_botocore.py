"""Writes the facts of AWS's service models into this folder, from an installed botocore:

    ~/.cache/wharf-tools/venv/bin/python crates/aws/model/from_botocore.py

It keeps names, types, required members, limits, patterns, enums, and exceptions with their members and statuses. It drops
the documentation. ECR and ECR Public are kept whole. Of the other services, only the operations that Wharf has are kept.
"""

import json
import pathlib
import re

import botocore.loaders

FOLDER = pathlib.Path(__file__).parent
WHOLE = ["ecr", "ecr-public"]
SERVED = {
    "iam": FOLDER / "../src/operation/iam.rs",
    "sts": FOLDER / "../src/operation/sts.rs",
    "organizations": FOLDER / "../src/operation/organizations.rs",
    "events": FOLDER / "../src/operation/event_bridge.rs",
    "secretsmanager": FOLDER / "../src/operation/secrets_manager.rs",
    "service-quotas": FOLDER / "../src/operation/service_quotas.rs",
    "resourcegroupstaggingapi": FOLDER / "../src/operation/tagging.rs",
}

# Members that only targets and networks have that Wharf has not, and a number with a fraction, which no operation reads.
LEFT_OUT = {
    "AppSyncParameters", "BatchParameters", "ConnectivityParameters", "DesiredValue", "EcsParameters",
    "InvocationConnectivityParameters", "KinesisParameters", "RedshiftDataParameters", "RunCommandParameters",
    "SageMakerPipelineParameters", "SqsParameters",
    # Rotation and replicas of secrets.
    "ExternalSecretRotationMetadata", "ExternalSecretRotationRoleArn", "LastRotatedDate", "NextRotationDate",
    "RotationEnabled", "RotationLambdaARN", "RotationRules", "RotationToken", "CrossAccountPrimary",
    "CrossAccountReplicas", "CrossAccountPrimaryARN",
}


def served(model, path):
    """The operations of the model that Wharf's list names."""
    words = set(re.findall(r"\w+", path.read_text()))
    return [name for name in model["operations"] if name in words]


def shape(name, shapes):
    """A shape without its prose."""
    given = shapes[name]
    kept = {"type": given["type"]}
    if "members" in given:
        required = given.get("required", [])
        kept["members"] = [
            {"name": member, "shape": target["shape"]} | ({"required": True} if member in required else {})
            for member, target in given["members"].items()
            if member not in LEFT_OUT
        ]
    for role in ("member", "key", "value"):
        if role in given:
            kept[role] = given[role]["shape"]
    for fact in ("min", "max", "pattern", "enum", "sensitive"):
        if fact in given:
            kept[fact] = given[fact]
    if given.get("exception"):
        error = given.get("error", {})
        kept["exception"] = error.get("code", name)
        kept["status"] = error.get("httpStatusCode", 500 if given.get("fault") else 400)
    return kept


def targets(kept):
    """The shapes that a shape names."""
    return [member["shape"] for member in kept.get("members", [])] + [
        kept[role] for role in ("member", "key", "value") if role in kept
    ]


def reduced(model, operations):
    """The operations, and every shape that they reach."""
    kept_operations, kept_shapes, waiting = {}, {}, []
    for name in sorted(operations):
        given = model["operations"][name]
        errors = [error["shape"] for error in given.get("errors", [])]
        kept = {side: given[side]["shape"] for side in ("input", "output") if side in given}
        waiting += [*kept.values(), *errors]
        kept_operations[name] = kept | {"errors": errors}
    while waiting:
        name = waiting.pop()
        if name not in kept_shapes:
            kept_shapes[name] = shape(name, model["shapes"])
            waiting += targets(kept_shapes[name])
    return {"operations": kept_operations, "shapes": dict(sorted(kept_shapes.items()))}


def main():
    loader = botocore.loaders.Loader()
    for service in [*WHOLE, *SERVED]:
        model = loader.load_service_model(service, "service-2")
        operations = model["operations"] if service in WHOLE else served(model, SERVED[service])
        facts = {"version": model["metadata"]["apiVersion"]} | reduced(model, operations)
        # One line for each operation and shape: a change of the model is then a readable difference.
        lines = [f'"version": {json.dumps(facts["version"])}']
        for part in ("operations", "shapes"):
            items = ",\n".join(f"    {json.dumps(name)}: {json.dumps(item)}" for name, item in facts[part].items())
            lines.append(f'"{part}": {{\n{items}\n  }}')
        text = "{\n  " + ",\n  ".join(lines) + "\n}\n"
        if service == "events":
            # `aws::shape::Rule` is another type.
            for place in ('"shape": {}', '"member": {}', '    {}: {{'):
                text = text.replace(place.format('"Rule"'), place.format('"EventRule"'))
        (FOLDER / f"{service}.json").write_text(text)
        print(service, len(facts["operations"]), "operations,", len(facts["shapes"]), "shapes")


main()
