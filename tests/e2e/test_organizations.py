"""Organizations with boto3: the calls of Terraform's aws_organizations_account in its order, and the permissions of a
member account."""

import uuid

import botocore.exceptions
import pytest


@pytest.fixture
def organizations(wharf):
    return wharf.client("organizations")


def refusal(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        call(**arguments)
    return refused.value.response["Error"]["Code"]


def address():
    return f"{uuid.uuid4().hex[:12]}@example.org"


def made(organizations, **more):
    """Creates an account and waits as Terraform does; returns its ID."""
    asked = {"Email": address(), "AccountName": "staging"} | more
    status = organizations.create_account(**asked)["CreateAccountStatus"]
    status = organizations.describe_create_account_status(CreateAccountRequestId=status["Id"])["CreateAccountStatus"]
    assert status["State"] == "SUCCEEDED", status
    assert status["AccountName"] == asked["AccountName"]
    return status["AccountId"]


def inside(wharf, account, role="OrganizationAccountAccessRole"):
    """Credentials of the role with which an account is created."""
    sts = wharf.client("sts")
    arn = f"arn:aws:iam::{account}:role/{role}"
    return sts.assume_role(RoleArn=arn, RoleSessionName="operator")["Credentials"]


def test_terraforms_order(organizations):
    email = address()
    account = made(organizations, Email=email, Tags=[{"Key": "team", "Value": "a"}])
    root = organizations.list_roots()["Roots"][0]

    def read():
        shown = organizations.describe_account(AccountId=account)["Account"]
        parents = organizations.list_parents(ChildId=account)["Parents"]
        tags = organizations.list_tags_for_resource(ResourceId=account)["Tags"]
        return shown, parents, tags

    shown, parents, tags = read()
    organization = organizations.describe_organization()["Organization"]
    management = organization["MasterAccountId"]
    assert shown["Arn"] == f"arn:aws:organizations::{management}:account/{organization['Id']}/{account}"
    assert (shown["Email"], shown["Name"], shown["Status"]) == (email, "staging", "ACTIVE")
    assert shown["JoinedMethod"] == "CREATED"
    assert parents == [{"Id": root["Id"], "Type": "ROOT"}]
    assert tags == [{"Key": "team", "Value": "a"}]
    assert read() == (shown, parents, tags)

    organizations.untag_resource(ResourceId=account, TagKeys=["team"])
    organizations.tag_resource(ResourceId=account, Tags=[{"Key": "stage", "Value": "b"}])
    assert read()[2] == [{"Key": "stage", "Value": "b"}]

    organizations.close_account(AccountId=account)
    assert organizations.describe_account(AccountId=account)["Account"]["Status"] == "SUSPENDED"
    assert refusal(organizations.close_account, AccountId=account) == "AccountAlreadyClosedException"

    leaves = made(organizations)
    organizations.remove_account_from_organization(AccountId=leaves)
    assert refusal(organizations.describe_account, AccountId=leaves) == "AccountNotFoundException"


def test_terraforms_order_for_units(wharf, organizations):
    """aws_organizations_organizational_unit, and parent_id of aws_organizations_account."""
    root = organizations.list_roots()["Roots"][0]["Id"]
    name = uuid.uuid4().hex[:12]
    tags = [{"Key": "team", "Value": "a"}]
    created = organizations.create_organizational_unit(ParentId=root, Name=name, Tags=tags)["OrganizationalUnit"]
    unit = created["Id"]

    def read():
        shown = organizations.describe_organizational_unit(OrganizationalUnitId=unit)["OrganizationalUnit"]
        parents = organizations.list_parents(ChildId=unit)["Parents"]
        accounts = organizations.list_accounts_for_parent(ParentId=unit)["Accounts"]
        tags = organizations.list_tags_for_resource(ResourceId=unit)["Tags"]
        return shown, parents, accounts, tags

    organization = organizations.describe_organization()["Organization"]
    management = organization["MasterAccountId"]
    assert read() == (created, [{"Id": root, "Type": "ROOT"}], [], tags)
    assert read() == (created, [{"Id": root, "Type": "ROOT"}], [], tags)
    assert created["Arn"] == f"arn:aws:organizations::{management}:ou/{organization['Id']}/{unit}"
    duplicate = refusal(organizations.create_organizational_unit, ParentId=root, Name=name)
    assert duplicate == "DuplicateOrganizationalUnitException"
    renamed = organizations.update_organizational_unit(OrganizationalUnitId=unit, Name=f"{name}-b")
    assert renamed["OrganizationalUnit"] == created | {"Name": f"{name}-b"}
    organizations.untag_resource(ResourceId=unit, TagKeys=["team"])
    organizations.tag_resource(ResourceId=unit, Tags=[{"Key": "stage", "Value": "b"}])
    assert read()[3] == [{"Key": "stage", "Value": "b"}]

    # parent_id: the account is created in the root, and moved from there.
    account = made(organizations)
    assert organizations.list_parents(ChildId=account)["Parents"] == [{"Id": root, "Type": "ROOT"}]
    organizations.move_account(AccountId=account, SourceParentId=root, DestinationParentId=unit)
    assert organizations.list_parents(ChildId=account)["Parents"] == [{"Id": unit, "Type": "ORGANIZATIONAL_UNIT"}]
    assert [one["Id"] for one in read()[2]] == [account]
    busy = refusal(organizations.delete_organizational_unit, OrganizationalUnitId=unit)
    assert busy == "OrganizationalUnitNotEmptyException"

    path = organizations.describe_account(AccountId=account)["Account"]["Paths"]
    assert path == [f"{organization['Id']}/{root}/{unit}/{account}/"]
    organizations.move_account(AccountId=account, SourceParentId=unit, DestinationParentId=root)
    organizations.delete_organizational_unit(OrganizationalUnitId=unit)
    for call in (organizations.describe_organizational_unit, organizations.delete_organizational_unit):
        assert refusal(call, OrganizationalUnitId=unit) == "OrganizationalUnitNotFoundException"
    assert refusal(organizations.list_tags_for_resource, ResourceId=unit) == "TargetNotFoundException"


def test_an_email_address_can_be_used_once(organizations):
    email = address()
    made(organizations, Email=email)
    status = organizations.create_account(Email=email, AccountName="again")["CreateAccountStatus"]
    assert (status["State"], status["FailureReason"]) == ("FAILED", "EMAIL_ALREADY_EXISTS")
    assert "AccountId" not in status
    assert refusal(organizations.create_account, Email="nobody", AccountName="x") == "InvalidInputException"


def test_accounts_in_pages(organizations):
    mine = {made(organizations) for _ in range(3)}
    listed, token = [], {}
    while True:
        page = organizations.list_accounts(MaxResults=2, **token)
        assert len(page["Accounts"]) <= 2
        listed += [account["Id"] for account in page["Accounts"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert listed == sorted(set(listed))
    assert mine <= set(listed)
    assert refusal(organizations.list_accounts, NextToken="forged") == "InvalidInputException"


def test_only_the_management_account_manages_the_organization(wharf, organizations):
    account = made(organizations, RoleName="Way-In")
    credentials = inside(wharf, account, "Way-In")
    assert wharf.client("sts", credentials).get_caller_identity()["Account"] == account
    member = wharf.client("organizations", credentials)
    assert member.describe_organization()["Organization"] == organizations.describe_organization()["Organization"]
    for call, arguments in [
        (member.list_accounts, {}),
        (member.create_account, {"Email": address(), "AccountName": "x"}),
        (member.close_account, {"AccountId": account}),
        (member.describe_account, {"AccountId": account}),
    ]:
        assert refusal(call, **arguments) == "AccessDeniedException"


def test_principals_of_a_closed_account_are_refused(wharf, organizations):
    account = made(organizations)
    credentials = inside(wharf, account)
    ecr = wharf.client("ecr", credentials)
    ecr.create_repository(repositoryName="kept")
    organizations.close_account(AccountId=account)
    assert refusal(ecr.describe_repositories) == "UnrecognizedClientException"
    management = organizations.describe_organization()["Organization"]["MasterAccountId"]
    assert refusal(organizations.close_account, AccountId=management) == "ConstraintViolationException"
