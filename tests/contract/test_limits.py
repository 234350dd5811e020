"""The constraints of botocore's models from the other side: each constraint has a case that violates it, and a value that
is exactly at a limit is accepted."""

import pytest
from model import ECR, ECR_PUBLIC, MODELS, wire_path

LIMITS = [
    pytest.param(model, *case.values, id=f"{model.service}-{case.id}")
    for model in MODELS.values()
    for case in model.parameters(model.inputs_at_limits)
]
# What a request at a limit can leave, and how it is removed.
UNDO = {
    "CreateRepository": ("DeleteRepository", ["repositoryName"], {}),
    "CreateRepositoryCreationTemplate": ("DeleteRepositoryCreationTemplate", ["prefix"], {}),
    "PutRegistryScanningConfiguration": ("PutRegistryScanningConfiguration", [], {"scanType": "BASIC", "rules": []}),
    "RegisterPullTimeUpdateExclusion": ("DeregisterPullTimeUpdateExclusion", ["principalArn"], {}),
}


@pytest.mark.parametrize("model", [ECR, ECR_PUBLIC], ids=lambda model: model.service)
def test_each_constraint_has_a_case_that_violates_it(model):
    missing = []
    for operation in model.served:
        cases = {(case.member, case.what.split(" at ")[0]) for case in model.broken_inputs(operation)}
        for path, name, is_required in model.places(operation):
            shape = model.shapes[name]
            wanted = {"absent", "null"} if is_required else set()
            wanted |= {key for key in ("enum", "pattern") if key in shape}
            few, many = {"string": ("too short", "too long"), "list": ("too few", "too many")}.get(
                shape["type"], ("too small", "too large")
            )
            # A length cannot be below zero; a number can.
            if shape.get("min") or ("min" in shape and shape["type"] in ("integer", "long")):
                wanted.add(few)
            if "max" in shape:
                wanted.add(many)
            missing += [(operation, path, what) for what in wanted if (wire_path(path), what) not in cases]
    assert missing == []


@pytest.mark.parametrize(("model", "operation", "case"), LIMITS)
def test_a_value_at_a_limit_is_accepted(api, model, operation, case):
    prefix = model.whole["metadata"]["targetPrefix"]
    answer = api.call(operation, case.input, prefix=prefix, service=model.service)
    if answer.status == 200 and operation in UNDO:
        undo, members, more = UNDO[operation]
        input = {member: case.input[member] for member in members} | more
        assert api.call(undo, input, prefix=prefix, service=model.service).status == 200
    # The request can be refused for another reason: the resource does not exist, or the text is no policy.
    refusal = answer.body.get("message", "") if answer.status != 200 else ""
    for limit in ("must have length", "must have value", "must satisfy regular expression", "must not be null"):
        assert limit not in refusal, answer.raw[:1000]
