"""Passwords of users, the rules of the account that they follow, and the credential report."""

import csv
import io
import time

import pytest
from clients import ALLOW_ALL, allow, policy, refused, unique
from test_iam_mfa import Device

GOOD = ["Correct-horse-7", "Battery-staple-8", "Another-secret-9"]


@pytest.fixture
def rules(cloud):
    """Sets the account's rules; there are none after the test."""
    yield cloud.iam.update_account_password_policy
    cloud.iam.delete_account_password_policy()


def own(cloud, user):
    return cloud.client("iam", cloud.key(user))


def test_a_user_has_one_password(cloud):
    iam, user = cloud.iam, cloud.user()
    named = {"UserName": user}
    gone = f"Login Profile for User {user} cannot be found."
    refused("NoSuchEntity", iam.get_login_profile, gone, **named)
    refused("NoSuchEntity", iam.update_login_profile, gone, Password=GOOD[0], **named)
    refused("NoSuchEntity", iam.create_login_profile, UserName=unique("none"), Password=GOOD[0])
    email = cloud.client("organizations").describe_account(AccountId=cloud.account)["Account"]["Email"]
    for password in ("Short-7", "only lower case", email):
        refused("PasswordPolicyViolation", iam.create_login_profile, Password=password, **named)
    made = iam.create_login_profile(Password=GOOD[0], PasswordResetRequired=True, **named)["LoginProfile"]
    assert (made["UserName"], made["PasswordResetRequired"]) == (user, True)
    text = f"Login Profile for user {user} already exists."
    refused("EntityAlreadyExists", iam.create_login_profile, text, Password=GOOD[1], **named)
    assert iam.get_login_profile(**named)["LoginProfile"] == made
    iam.update_login_profile(Password=GOOD[1], **named)
    assert iam.get_login_profile(**named)["LoginProfile"]["PasswordResetRequired"] is True
    iam.update_login_profile(PasswordResetRequired=False, **named)
    shown = iam.get_login_profile(**named)["LoginProfile"]
    assert (shown["CreateDate"], shown["PasswordResetRequired"]) == (made["CreateDate"], False)
    refused("DeleteConflict", iam.delete_user, **named)
    iam.delete_login_profile(**named)
    refused("NoSuchEntity", iam.delete_login_profile, gone, **named)
    iam.delete_user(**named)


def test_a_user_changes_its_own_password(cloud):
    user = cloud.user(allow("iam:ChangePassword", cloud.arn("user/${aws:username}")))
    iam, change = cloud.iam, own(cloud, user).change_password
    refused("NoSuchEntity", change, OldPassword=GOOD[0], NewPassword=GOOD[1])
    iam.create_login_profile(UserName=user, Password=GOOD[0], PasswordResetRequired=True)
    wrong = "The old password was incorrect."
    refused("AccessDenied", change, wrong, OldPassword=GOOD[1], NewPassword=GOOD[1])
    refused("PasswordPolicyViolation", change, OldPassword=GOOD[0], NewPassword="short")
    change(OldPassword=GOOD[0], NewPassword=GOOD[1])
    assert iam.get_login_profile(UserName=user)["LoginProfile"]["PasswordResetRequired"] is False
    refused("AccessDenied", change, wrong, OldPassword=GOOD[0], NewPassword=GOOD[2])
    change(OldPassword=GOOD[1], NewPassword=GOOD[2])
    role = cloud.role({"AWS": cloud.account}, ALLOW_ALL)
    session = cloud.sts.assume_role(RoleArn=role["Arn"], RoleSessionName="session")["Credentials"]
    change = cloud.client("iam", session).change_password
    refused("InvalidUserType", change, OldPassword=GOOD[2], NewPassword=GOOD[0])


def test_the_rules_of_the_account_are_enforced(cloud, rules):
    rules(MinimumPasswordLength=12, RequireUppercaseCharacters=True, RequireNumbers=True, PasswordReusePrevention=2)
    iam, named = cloud.iam, {"UserName": cloud.user(allow("iam:ChangePassword"))}
    for password in ("Too-short-7", "no-uppercase-7", "No-digit-at-all"):
        refused("PasswordPolicyViolation", iam.create_login_profile, Password=password, **named)
    iam.create_login_profile(Password=GOOD[0], **named)
    refused("PasswordPolicyViolation", iam.update_login_profile, Password="no-uppercase-7", **named)
    reused = "Password reuse is not allowed by the password policy"
    refused("PasswordPolicyViolation", iam.update_login_profile, reused, Password=GOOD[0], **named)
    change = own(cloud, named["UserName"]).change_password
    change(OldPassword=GOOD[0], NewPassword=GOOD[1])
    refused("PasswordPolicyViolation", change, reused, OldPassword=GOOD[1], NewPassword=GOOD[0])
    change(OldPassword=GOOD[1], NewPassword=GOOD[2])
    change(OldPassword=GOOD[2], NewPassword=GOOD[0])


def test_the_account_can_let_every_user_change_its_password(cloud, rules):
    rules(AllowUsersToChangePassword=False)
    plain, denied, bounded = cloud.user(), cloud.user(), cloud.user(PermissionsBoundary=cloud.managed(allow("ecr:*")))
    deny = {"Effect": "Deny", "Action": "iam:ChangePassword", "Resource": "*"}
    cloud.iam.put_user_policy(UserName=denied, PolicyName="deny", PolicyDocument=policy(deny))
    for user in (plain, denied, bounded):
        cloud.iam.create_login_profile(UserName=user, Password=GOOD[0])
    own_iam = own(cloud, plain)
    passwords = {"OldPassword": GOOD[0], "NewPassword": GOOD[1]}
    refused("AccessDenied", own_iam.change_password, **passwords)
    refused("AccessDenied", own_iam.get_account_password_policy)
    rules(AllowUsersToChangePassword=True)
    own_iam.change_password(**passwords)
    assert own_iam.get_account_password_policy()["PasswordPolicy"]["AllowUsersToChangePassword"] is True
    refused("AccessDenied", own_iam.get_login_profile)
    refused("AccessDenied", own_iam.update_login_profile, UserName=plain, Password=GOOD[2])
    for user in (denied, bounded):
        text = refused("AccessDenied", own(cloud, user).change_password, **passwords)
        assert "is not authorized to perform: iam:ChangePassword on resource: " in text


def test_the_credential_report_says_what_users_have(cloud, rules):
    rules(MaxPasswordAge=30)
    iam, user, plain = cloud.iam, cloud.user(allow("iam:GetUser")), cloud.user(Path="/a,b/")
    with_mfa = Device(cloud).enable().user
    refused("ReportNotPresent", iam.get_credential_report)
    iam.create_login_profile(UserName=user, Password=GOOD[0])
    used, idle = cloud.key(user), cloud.key(user)
    iam.update_access_key(UserName=user, AccessKeyId=idle["AccessKeyId"], Status="Inactive")
    cloud.client("iam", used).get_user()
    until = time.monotonic() + 10
    while "LastUsedDate" not in (last := iam.get_access_key_last_used(AccessKeyId=used["AccessKeyId"])["AccessKeyLastUsed"]):
        assert time.monotonic() < until
        time.sleep(0.1)
    began = iam.generate_credential_report()
    assert (began["State"], began["Description"]) == ("STARTED", "No report exists. Starting a new report generation task")
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    report = iam.get_credential_report()
    assert report["ReportFormat"] == "text/csv"
    table = list(csv.DictReader(io.StringIO(report["Content"].decode())))
    rows = {row["user"]: row for row in table}
    assert table[0]["user"] == "<root_account>" and table[0]["arn"] == cloud.arn("root")
    assert (table[0]["password_enabled"], table[0]["mfa_active"]) == ("not_supported", "false")

    row, moment = rows[user], "%Y-%m-%dT%H:%M:%S+00:00"
    shown = iam.get_user(UserName=user)["User"]
    assert (row["arn"], row["user_creation_time"]) == (shown["Arn"], shown["CreateDate"].strftime(moment))
    assert (row["password_enabled"], row["password_last_used"]) == ("true", "no_information")
    rotation = time.strptime(row["password_next_rotation"], moment)
    changed = time.strptime(row["password_last_changed"], moment)
    assert time.mktime(rotation) - time.mktime(changed) == 30 * 24 * 3600
    assert (row["access_key_1_active"], row["access_key_2_active"]) == ("true", "false")
    assert row["access_key_1_last_used_date"] == last["LastUsedDate"].strftime(moment)
    assert (row["access_key_1_last_used_region"], row["access_key_1_last_used_service"]) == (last["Region"], "iam")
    assert row["access_key_2_last_rotated"] == idle["CreateDate"].strftime(moment)
    assert row["access_key_2_last_used_date"] == "N/A"

    assert rows[with_mfa]["mfa_active"] == "true"
    row = rows[plain]
    assert row["arn"] == cloud.arn(f"user/a,b/{plain}")
    assert (row["password_enabled"], row["password_last_changed"], row["mfa_active"]) == ("false", "N/A", "false")
    assert (row["access_key_1_active"], row["access_key_1_last_rotated"], row["cert_1_active"]) == ("false", "N/A", "false")
