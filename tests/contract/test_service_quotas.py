"""Service Quotas with boto3: the values of the deployment, in pages, with AWS's codes."""

import pytest
from clients import refused
from test_presence import served

SERVICE = "service-quotas"
IMAGES = {"ServiceCode": "ecr", "QuotaCode": "L-03A36CE1"}


@pytest.fixture
def quotas(cloud):
    return cloud.client(SERVICE)


def listed(quotas, operation, **arguments):
    pages = quotas.get_paginator(operation).paginate(**arguments)
    return [quota for page in pages for quota in page["Quotas"]]


def test_every_operation_answers_within_its_shape(cloud, quotas):
    services = quotas.list_services()["Services"]
    assert [service["ServiceCode"] for service in services] == ["ecr", "iam", "organizations"]
    for service in services:
        code = service["ServiceCode"]
        applied = listed(quotas, "list_service_quotas", ServiceCode=code)
        assert applied
        assert len(listed(quotas, "list_aws_default_service_quotas", ServiceCode=code)) >= len(applied)
        for quota in applied:
            name = {"ServiceCode": code, "QuotaCode": quota["QuotaCode"]}
            assert quotas.get_service_quota(**name)["Quota"] == quota
            assert quotas.get_aws_default_service_quota(**name)["Quota"]["QuotaName"] == quota["QuotaName"]
    never = {"RequestServiceQuotaIncrease"}
    assert cloud.answered[SERVICE] | never == served(cloud, SERVICE)


def test_a_quota_has_awss_code_and_its_value(cloud, quotas):
    images = quotas.get_service_quota(**IMAGES)["Quota"]
    arn = f"arn:aws:servicequotas:{cloud.region}:{cloud.account}:ecr/L-03A36CE1"
    assert (images["QuotaName"], images["Value"], images["QuotaArn"]) == ("Images per repository", 100_000, arn)
    assert images["Adjustable"] and not images["GlobalQuota"]
    roles = quotas.get_service_quota(ServiceCode="iam", QuotaCode="L-FE177D64")["Quota"]
    assert (roles["QuotaName"], roles["Value"], roles["GlobalQuota"]) == ("Roles per account", 5_000, True)
    # Rates are off until the operator enables them; AWS's default is known.
    rate = {"ServiceCode": "ecr", "QuotaCode": "L-AD52DFB2"}
    default = quotas.get_aws_default_service_quota(**rate)["Quota"]
    assert (default["QuotaName"], default["Value"]) == ("Rate of PutImage requests", 10)
    assert default["UsageMetric"]["MetricDimensions"]["Resource"] == "PutImage"
    refused("NoSuchResourceException", quotas.get_service_quota, **rate)


def test_quotas_in_pages(quotas):
    for operation in ("list_service_quotas", "list_aws_default_service_quotas"):
        whole = listed(quotas, operation, ServiceCode="ecr")
        assert listed(quotas, operation, ServiceCode="ecr", PaginationConfig={"PageSize": 2}) == whole
    one = listed(quotas, "list_service_quotas", **IMAGES)
    assert [quota["QuotaCode"] for quota in one] == ["L-03A36CE1"]
    assert listed(quotas, "list_service_quotas", ServiceCode="ecr", QuotaAppliedAtLevel="RESOURCE") == []
    token = {"ServiceCode": "ecr", "NextToken": "forged"}
    refused("InvalidPaginationTokenException", quotas.list_service_quotas, **token)


def test_the_operator_alone_changes_quotas(quotas):
    said = refused("IllegalArgumentException", quotas.request_service_quota_increase, **IMAGES, DesiredValue=5.5)
    assert "quotas.images_per_repository" in said
    for unknown in ({"ServiceCode": "ec2", "QuotaCode": "L-1"}, {"ServiceCode": "ecr", "QuotaCode": "L-1"}):
        refused("NoSuchResourceException", quotas.get_service_quota, **unknown)
        refused("NoSuchResourceException", quotas.request_service_quota_increase, **unknown, DesiredValue=5)
    refused("IllegalArgumentException", quotas.get_service_quota, ServiceCode="e c r", QuotaCode="L-1")
    refused("IllegalArgumentException", quotas.list_service_quotas, ServiceCode="ecr", MaxResults=101)
