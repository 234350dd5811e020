"""Virtual MFA devices: their codes (RFC 6238), sessions with them, and the condition keys that they set."""

import base64
import hashlib
import hmac
import struct
import time

import pytest
from clients import ALLOW_ALL, allow, refused, unique

FAILED = "MultiFactorAuthentication failed with invalid MFA one time pass code. "
WITH_MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def code(seed, steps=0):
    """The code of a device, some steps later."""
    key = base64.b32decode(seed)
    mac = hmac.new(key, struct.pack(">q", int(time.time()) // 30 + steps), hashlib.sha1).digest()
    at = mac[-1] & 15
    return f"{(struct.unpack('>I', mac[at : at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


class Device:
    """A user with an enabled device."""

    def __init__(self, cloud, *statements):
        self.user = cloud.user(*statements)
        self.iam = cloud.iam
        made = cloud.iam.create_virtual_mfa_device(VirtualMFADeviceName=self.user, Path="/a/")["VirtualMFADevice"]
        self.serial, self.seed = made["SerialNumber"], made["Base32StringSeed"]
        self.picture = made["QRCodePNG"]
        self.named = {"UserName": self.user, "SerialNumber": self.serial}
        self.sts = cloud.client("sts", cloud.key(self.user))

    def enable(self):
        # The codes of the steps before: the newer one can then not be used again, and the next one can.
        pair = {"AuthenticationCode1": code(self.seed, -2), "AuthenticationCode2": code(self.seed, -1)}
        self.iam.enable_mfa_device(**self.named, **pair)
        return self


@pytest.fixture
def device(cloud):
    return Device(cloud, allow("*")).enable()


def test_a_device_is_created_enabled_and_taken_away(cloud):
    device = Device(cloud)
    assert device.serial == cloud.arn(f"mfa/a/{device.user}")
    assert len(base64.b32decode(device.seed)) == 40
    assert device.picture.startswith(b"\x89PNG")
    refused("EntityAlreadyExists", cloud.iam.create_virtual_mfa_device, VirtualMFADeviceName=device.user, Path="/a/")
    listed = cloud.iam.list_virtual_mfa_devices(AssignmentStatus="Unassigned")["VirtualMFADevices"]
    assert {"SerialNumber": device.serial} in listed
    for wrong in (("000000", "000000"), (code(device.seed, -1), code(device.seed, -2)), (code(device.seed),) * 2):
        pair = dict(zip(("AuthenticationCode1", "AuthenticationCode2"), wrong))
        refused("InvalidAuthenticationCode", cloud.iam.enable_mfa_device, **device.named, **pair)
    device.enable()
    (shown,) = cloud.iam.list_mfa_devices(UserName=device.user)["MFADevices"]
    assert (shown["UserName"], shown["SerialNumber"]) == (device.user, device.serial)
    listed = cloud.iam.list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"]
    assert [one["User"]["UserName"] for one in listed if one["SerialNumber"] == device.serial] == [device.user]
    refused("EntityAlreadyExists", Device.enable, self=device)
    refused("DeleteConflict", cloud.iam.delete_virtual_mfa_device, SerialNumber=device.serial)
    refused("DeleteConflict", cloud.iam.delete_user, UserName=Device(cloud).enable().user)
    cloud.iam.deactivate_mfa_device(**device.named)
    assert cloud.iam.list_mfa_devices(UserName=device.user)["MFADevices"] == []
    refused("NoSuchEntity", cloud.iam.deactivate_mfa_device, **device.named)
    cloud.iam.delete_virtual_mfa_device(SerialNumber=device.serial)
    refused("NoSuchEntity", cloud.iam.delete_virtual_mfa_device, SerialNumber=device.serial)


def test_a_session_with_a_code_has_the_condition_keys(cloud):
    needs = {"Effect": "Deny", "Action": "ecr:*", "Resource": "*"}
    needs |= {"Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}}
    old = {"Effect": "Deny", "Action": "ecr:*", "Resource": "*"}
    old |= {"Condition": {"NumericGreaterThan": {"aws:MultiFactorAuthAge": "300"}}}
    device = Device(cloud, ALLOW_ALL, needs, old).enable()
    plain = device.sts.get_session_token()["Credentials"]
    refused("AccessDeniedException", cloud.client("ecr", plain).describe_repositories)
    proof = {"SerialNumber": device.serial, "TokenCode": code(device.seed)}
    session = device.sts.get_session_token(**proof)["Credentials"]
    cloud.client("ecr", session).describe_repositories()
    # The code was used.
    refused("AccessDenied", device.sts.get_session_token, text=FAILED, **proof)
    earlier = proof | {"TokenCode": code(device.seed, -1)}
    refused("AccessDenied", device.sts.get_session_token, text=FAILED, **earlier)


def test_a_role_can_require_a_code(cloud, device):
    role = cloud.role({"AWS": cloud.account}, allow("ecr:*"), condition=WITH_MFA)
    asked = {"RoleArn": role["Arn"], "RoleSessionName": "session"}
    refused("AccessDenied", device.sts.assume_role, **asked)
    proof = {"SerialNumber": device.serial, "TokenCode": code(device.seed)}
    session = device.sts.assume_role(**asked, **proof)["Credentials"]
    cloud.client("ecr", session).describe_repositories()
    refused("AccessDenied", device.sts.assume_role, text=FAILED, **asked, **proof)


def test_nobody_uses_the_device_of_another_user(cloud, device):
    other = cloud.client("sts", cloud.key(cloud.user(allow("*"))))
    proof = {"SerialNumber": device.serial, "TokenCode": code(device.seed)}
    refused("AccessDenied", other.get_session_token, text=FAILED, **proof)
    absent = proof | {"SerialNumber": cloud.arn(f"mfa/{unique('none')}")}
    refused("AccessDenied", device.sts.get_session_token, text=FAILED, **absent)
    refused("ValidationError", device.sts.get_session_token, SerialNumber=device.serial)
    device.sts.get_session_token(**proof)


def test_attempts_are_limited(cloud, device):
    right = code(device.seed)
    wrong = "000000" if right != "000000" else "000001"
    for _ in range(5):
        proof = {"SerialNumber": device.serial, "TokenCode": wrong}
        refused("AccessDenied", device.sts.get_session_token, text=FAILED, **proof)
    proof = {"SerialNumber": device.serial, "TokenCode": code(device.seed)}
    refused("AccessDenied", device.sts.get_session_token, text=FAILED, **proof)


def test_a_device_is_synchronized(cloud, device):
    pair = {"AuthenticationCode1": code(device.seed, 8), "AuthenticationCode2": code(device.seed, 9)}
    cloud.iam.resync_mfa_device(**device.named, **pair)
    refused("InvalidAuthenticationCode", cloud.iam.resync_mfa_device, **device.named, **pair)
    proof = {"SerialNumber": device.serial, "TokenCode": code(device.seed)}
    refused("AccessDenied", device.sts.get_session_token, text=FAILED, **proof)
    device.sts.get_session_token(SerialNumber=device.serial, TokenCode=code(device.seed, 10))
