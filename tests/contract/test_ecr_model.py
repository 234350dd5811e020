"""The constraints of botocore's model: each is violated in an otherwise valid request, which is sent without an SDK's
validation. It must be refused with the declared exception and with ECR's text, which names the place."""

import pytest
from model import ECR, MODEL, OPERATIONS, SERVED, declared_errors, misfits

BROKEN = ECR.parameters(ECR.broken_inputs)


def test_the_model_has_rules_to_break():
    assert MODEL["metadata"]["targetPrefix"] == "AmazonEC2ContainerRegistry_V20150921"
    assert set(SERVED) <= OPERATIONS.keys()
    assert len(BROKEN) > 150


@pytest.mark.parametrize(("operation", "broken"), BROKEN)
def test_a_broken_rule_is_refused_as_declared(api, operation, broken):
    answer = api.call(operation, broken.input)
    assert answer.status == 400, answer.raw
    assert answer.error == "InvalidParameterException"
    assert answer.error in declared_errors(operation)
    assert misfits(answer.error, {"message": answer.body["message"]}) == []
    expected = f"Invalid parameter at '{broken.member}' failed to satisfy constraint: "
    assert answer.body["message"].startswith(expected), answer.body["message"]


@pytest.mark.parametrize("operation", SERVED)
@pytest.mark.parametrize("body", [b"[]", b"{", b"null", b'"x"', b"\xff", b'{"a":' * 500, b"1e999999"], ids=repr)
def test_bodies_that_are_not_requests_are_refused(api, operation, body):
    answer = api.call(operation, body)
    assert answer.status == 400, answer.raw[:300]
    assert answer.error in ("SerializationException", "InvalidParameterException")


@pytest.mark.parametrize("operation", SERVED)
def test_members_of_the_wrong_type_are_refused(api, operation):
    shape = OPERATIONS[operation]["input"]["shape"]
    for member in MODEL["shapes"][shape]["members"]:
        answer = api.call(operation, {member: {"a": [{"b": 1.5}]}})
        is_structure = MODEL["shapes"][MODEL["shapes"][shape]["members"][member]["shape"]]["type"] == "structure"
        if not is_structure:
            assert answer.status == 400, (member, answer.raw)
            assert answer.error in ("SerializationException", "InvalidParameterException"), member


@pytest.mark.parametrize("operation", sorted(OPERATIONS.keys() - set(SERVED)))
def test_the_error_names_an_unsupported_operation(api, operation):
    answer = api.call(operation, {})
    assert answer.status == 400
    assert answer.error == "UnknownOperationException"
    assert operation in answer.body["message"]
