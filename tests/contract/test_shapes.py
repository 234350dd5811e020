"""Tests of the comparison itself: it finds every kind of mismatch with the model."""

import pytest
from shapes import misfits

SPACE = 'xmlns="https://iam.amazonaws.com/doc/2010-05-08/"'
META = "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>"
USER = (
    "<Path>/</Path><UserName>ann</UserName><UserId>AIDAAAAAAAAAAAAAAAAAA</UserId>"
    "<Arn>arn:aws:iam::123456789012:user/ann</Arn><CreateDate>2026-01-02T03:04:05Z</CreateDate>"
)


def answer(user=USER, result="GetUserResult", root="GetUserResponse", meta=META):
    return f"<{root} {SPACE}><{result}><User>{user}</User></{result}>{meta}</{root}>"


def error(code="NoSuchEntity", blame="Sender", message="m"):
    inside = f"<Type>{blame}</Type><Code>{code}</Code><Message>{message}</Message>"
    return f"<ErrorResponse {SPACE}><Error>{inside}</Error><RequestId>r</RequestId></ErrorResponse>"


def test_answers_that_match_the_model_pass():
    assert misfits("iam", "GetUser", 200, answer()) == []
    assert misfits("iam", "DeleteUser", 200, f"<DeleteUserResponse {SPACE}>{META}</DeleteUserResponse>") == []
    assert misfits("iam", "GetUser", 404, error()) == []
    assert misfits("organizations", "ListRoots", 200, '{"Roots": []}') == []
    assert misfits("organizations", "ListRoots", 400, '{"__type": "AccessDeniedException", "Message": "m"}') == []


@pytest.mark.parametrize(
    "raw",
    [
        answer(root="GetUsersResponse"),
        answer(result="GetUsersResult"),
        answer(meta=""),
        answer(meta="<ResponseMetadata/>"),
        answer(user=USER + "<Nickname>a</Nickname>"),
        answer(user=USER + "<Path>/</Path>"),
        answer(user=USER.replace("<Path>/</Path>", "")),
        answer(user=USER.replace("T03:04:05Z", "")),
        answer(user=USER.replace("AIDAAAAAAAAAAAAAAAAAA", "AIDA")),
        answer(user=USER.replace(">ann</UserName>", ">a/b</UserName>")),
        answer(user=USER + "<Tags><Tag><Key>k</Key><Value>v</Value></Tag></Tags>"),
        answer(user=USER + "<Tags><member><Key>k</Key></member></Tags>"),
    ],
)
def test_answers_that_do_not_match_are_found(raw):
    assert misfits("iam", "GetUser", 200, raw) != []


@pytest.mark.parametrize(
    ("status", "raw"),
    [(400, error()), (404, error("NoSuchUser")), (404, error(blame="Receiver")), (404, error(message=""))],
)
def test_errors_that_do_not_match_are_found(status, raw):
    assert misfits("iam", "GetUser", status, raw) != []


@pytest.mark.parametrize("entry", ["<key>Users</key><value>x</value>", "<key>Userz</key><value>1</value>", "<value>1</value>"])
def test_map_entries_that_do_not_match_are_found(entry):
    frame = answer().replace("GetUser", "GetAccountSummary")
    at = frame.index("<User>")
    good = frame[:at] + "<SummaryMap><entry>{}</entry></SummaryMap>" + frame[frame.index("</User>") + len("</User>") :]
    assert misfits("iam", "GetAccountSummary", 200, good.format("<key>Users</key><value>1</value>")) == []
    assert misfits("iam", "GetAccountSummary", 200, good.format(entry)) != []


@pytest.mark.parametrize(
    ("status", "raw"),
    [
        (200, '{"Roots": {}}'),
        (200, '{"Root": []}'),
        (200, '{"Roots": [{"Id": 1}]}'),
        (404, '{"__type": "AccessDeniedException", "Message": "m"}'),
        (400, '{"__type": "AccountNotFoundException", "Message": "m"}'),
    ],
)
def test_json_that_does_not_match_is_found(status, raw):
    assert misfits("organizations", "ListRoots", status, raw) != []
