//! Where the generated types of Organizations, EventBridge, Secrets Manager, Service Quotas and the Resource Groups Tagging API differ from
//! their models, and why.

use super::overrides::{NOTHING, Overrides};

pub(super) const ORGANIZATIONS: Overrides = Overrides {
    // Accounts and the statuses of their creation have one shape in several answers.
    same: &[
        ("DescribeCreateAccountStatusResponse", "CreateAccountResponse"),
        ("CreateOrganizationResponse", "DescribeOrganizationResponse"),
        ("CreateOrganizationalUnitResponse", "DescribeOrganizationalUnitResponse"),
        ("UpdateOrganizationalUnitResponse", "DescribeOrganizationalUnitResponse"),
        ("ListAccountsForParentResponse", "ListAccountsResponse"),
    ],
    types: &[
        ("SealingKey.KeyId", "u8"),
        ("WharfListKeysResponse.MasterKeys", "usize"),
        ("DeadLetter.Sequence", "i64"),
        ("DeadLetter.Attempts", "i64"),
        ("EventTarget.Waiting", "i64"),
        ("EventTarget.DeadLetters", "i64"),
        ("EventTarget.Delivered", "i64"),
        ("EventTarget.Dropped", "i64"),
        ("EventTarget.Failures", "i64"),
        ("WharfListDeadLettersRequest.AfterSequence", "i64"),
        ("WharfListDeadLettersResponse.LastSequence", "i64"),
        ("WharfReplayDeadLettersRequest.Sequence", "i64"),
        ("Reconciler.Done", "i64"),
        ("Reconciler.Backlog", "i64"),
    ],
    present: &[
        ("Account", &["Id", "Arn", "Email", "Name", "JoinedTimestamp"]),
        ("Child", &["Id", "Type"]),
        ("CreateAccountResponse", &["CreateAccountStatus"]),
        ("CreateAccountStatus", &["Id", "AccountName", "RequestedTimestamp"]),
        ("DescribeAccountResponse", &["Account"]),
        ("DescribeOrganizationResponse", &["Organization"]),
        ("DescribeOrganizationalUnitResponse", &["OrganizationalUnit"]),
        (
            "Organization",
            &["Id", "Arn", "FeatureSet", "MasterAccountArn", "MasterAccountId", "MasterAccountEmail"],
        ),
        ("OrganizationalUnit", &["Id", "Arn", "Name", "Path"]),
        ("Parent", &["Id", "Type"]),
        ("Root", &["Id", "Arn", "Name"]),
    ],
    empty_is_written: &["Organization.AvailablePolicyTypes", "Root.PolicyTypes"],
    limits: &[(50, &["Tags", "TagKeys"]), (100, &["CreateAccountStates"])],
    unquoted: &[
        "AccountId",
        "ChildId",
        "CreateAccountName",
        "CreateAccountRequestId",
        "Email",
        "NextToken",
        "OrganizationalUnitId",
        "OrganizationalUnitName",
        "ParentId",
        "RoleName",
        "ServicePrincipal",
        "TagKey",
        "TagValue",
        "TaggableResourceId",
    ],
    ..NOTHING
};

pub(super) const SECRETS_MANAGER: Overrides = Overrides {
    // The base64 of the bytes.
    types: &[("GetSecretValueResponse.SecretBinary", "Option<String>")],
    secret: &[
        "CreateSecretRequest",
        "GetSecretValueResponse",
        "PutSecretValueRequest",
        "UpdateSecretRequest",
    ],
    ..NOTHING
};

pub(super) const SERVICE_QUOTAS: Overrides = Overrides {
    same: &[
        ("GetAWSDefaultServiceQuotaResponse", "GetServiceQuotaResponse"),
        ("ListAWSDefaultServiceQuotasResponse", "ListServiceQuotasResponse"),
    ],
    present: &[
        ("GetServiceQuotaResponse", &["Quota"]),
        ("ServiceInfo", &["ServiceCode", "ServiceName"]),
        (
            "ServiceQuota",
            &[
                "ServiceCode",
                "ServiceName",
                "QuotaArn",
                "QuotaCode",
                "QuotaName",
                "Value",
                "Unit",
                "Adjustable",
                "GlobalQuota",
            ],
        ),
    ],
    ..NOTHING
};

pub(super) const TAGGING: Overrides = Overrides {
    // The model has only the API's own codes; the reference also has those of the service with the resource.
    types: &[("FailureInfo.ErrorCode", "String")],
    present: &[
        ("FailureInfo", &["StatusCode", "ErrorCode", "ErrorMessage"]),
        ("GetResourcesOutput", &["PaginationToken"]),
        ("GetTagKeysOutput", &["PaginationToken"]),
        ("GetTagValuesOutput", &["PaginationToken"]),
        ("ResourceTagMapping", &["ResourceARN"]),
    ],
    empty_is_written: &["ResourceTagMapping.Tags"],
    limits: &[(100, &["ResourceTypeFilterList"])],
    ..NOTHING
};

pub(super) const EVENT_BRIDGE: Overrides = Overrides {
    secret: &[
        "ConnectionAuthResponseParameters",
        "ConnectionBodyParameter",
        "ConnectionHeaderParameter",
        "ConnectionHttpParameters",
        "ConnectionOAuthResponseParameters",
        "ConnectionQueryStringParameter",
        "CreateConnectionApiKeyAuthRequestParameters",
        "CreateConnectionAuthRequestParameters",
        "CreateConnectionBasicAuthRequestParameters",
        "CreateConnectionOAuthClientRequestParameters",
        "CreateConnectionOAuthRequestParameters",
        "CreateConnectionRequest",
        "DescribeConnectionResponse",
        "UpdateConnectionApiKeyAuthRequestParameters",
        "UpdateConnectionAuthRequestParameters",
        "UpdateConnectionBasicAuthRequestParameters",
        "UpdateConnectionOAuthClientRequestParameters",
        "UpdateConnectionOAuthRequestParameters",
        "UpdateConnectionRequest",
    ],
    ..NOTHING
};
