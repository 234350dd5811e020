//! The operations of Organizations (API 2016-11-28) that Wharf has.

/// Calls a macro with every operation of this service: name, IAM action, resource of the action, request type in
/// `aws::organizations`, handler. A permission is an action that operations require and that is not itself an
/// operation.
#[macro_export]
macro_rules! organizations_operations {
    ($callback:ident $($prefix:tt)*) => {
        $callback! { $($prefix)*
            operations {
                CloseAccount: "organizations:CloseAccount" on Named => CloseAccountRequest, close_account;
                CreateAccount: "organizations:CreateAccount" on Named => CreateAccountRequest, create_account;
                CreateOrganization: "organizations:CreateOrganization" on Named => CreateOrganizationRequest, create_organization;
                CreateOrganizationalUnit: "organizations:CreateOrganizationalUnit" on Named => CreateOrganizationalUnitRequest, create_organizational_unit;
                DeleteOrganization: "organizations:DeleteOrganization" on Named => DeleteOrganizationRequest, delete_organization;
                DeleteOrganizationalUnit: "organizations:DeleteOrganizationalUnit" on Named => DeleteOrganizationalUnitRequest, delete_organizational_unit;
                DescribeAccount: "organizations:DescribeAccount" on Named => DescribeAccountRequest, describe_account;
                DescribeCreateAccountStatus: "organizations:DescribeCreateAccountStatus" on Named => DescribeCreateAccountStatusRequest, describe_create_account_status;
                DescribeOrganization: "organizations:DescribeOrganization" on Named => DescribeOrganizationRequest, describe_organization;
                DescribeOrganizationalUnit: "organizations:DescribeOrganizationalUnit" on Named => DescribeOrganizationalUnitRequest, describe_organizational_unit;
                ListAWSServiceAccessForOrganization: "organizations:ListAWSServiceAccessForOrganization" on Named => ListAWSServiceAccessForOrganizationRequest, list_aws_service_access_for_organization;
                ListAccounts: "organizations:ListAccounts" on Named => ListAccountsRequest, list_accounts;
                ListAccountsForParent: "organizations:ListAccountsForParent" on Named => ListAccountsForParentRequest, list_accounts_for_parent;
                ListChildren: "organizations:ListChildren" on Named => ListChildrenRequest, list_children;
                ListCreateAccountStatus: "organizations:ListCreateAccountStatus" on Named => ListCreateAccountStatusRequest, list_create_account_status;
                ListDelegatedAdministrators: "organizations:ListDelegatedAdministrators" on Named => ListDelegatedAdministratorsRequest, list_delegated_administrators;
                ListOrganizationalUnitsForParent: "organizations:ListOrganizationalUnitsForParent" on Named => ListOrganizationalUnitsForParentRequest, list_organizational_units_for_parent;
                ListParents: "organizations:ListParents" on Named => ListParentsRequest, list_parents;
                ListRoots: "organizations:ListRoots" on Named => ListRootsRequest, list_roots;
                ListTagsForResource: "organizations:ListTagsForResource" on Named => ListTagsForResourceRequest, list_tags_of_node;
                MoveAccount: "organizations:MoveAccount" on Named => MoveAccountRequest, move_account;
                RemoveAccountFromOrganization: "organizations:RemoveAccountFromOrganization" on Named => RemoveAccountFromOrganizationRequest, remove_account_from_organization;
                TagResource: "organizations:TagResource" on Named => TagResourceRequest, tag_node;
                UntagResource: "organizations:UntagResource" on Named => UntagResourceRequest, untag_node;
                UpdateOrganizationalUnit: "organizations:UpdateOrganizationalUnit" on Named => UpdateOrganizationalUnitRequest, update_organizational_unit;
                WharfDescribeCheck: "organizations:WharfDescribeCheck" on Named => WharfDescribeCheckRequest, wharf_describe_check;
                WharfDescribeCollection: "organizations:WharfDescribeCollection" on Named => WharfDescribeCollectionRequest, wharf_describe_collection;
                WharfDescribeQuotas: "organizations:WharfDescribeQuotas" on Named => WharfDescribeQuotasRequest, wharf_describe_quotas;
                WharfDescribeUsage: "organizations:WharfDescribeUsage" on Named => WharfDescribeUsageRequest, wharf_describe_usage;
                WharfEndBackup: "organizations:WharfEndBackup" on Named => WharfEndBackupRequest, wharf_end_backup;
                WharfEndStoreMove: "organizations:WharfEndStoreMove" on Named => WharfEndStoreMoveRequest, wharf_end_store_move;
                WharfExplainDigest: "organizations:WharfExplainDigest" on Named => WharfExplainDigestRequest, wharf_explain_digest;
                WharfListDeadLetters: "organizations:WharfListDeadLetters" on Named => WharfListDeadLettersRequest, wharf_list_dead_letters;
                WharfListEventTargets: "organizations:WharfListEventTargets" on Named => WharfListEventTargetsRequest, wharf_list_event_targets;
                WharfListKeys: "organizations:WharfListKeys" on Named => WharfListKeysRequest, wharf_list_keys;
                WharfListReconcilers: "organizations:WharfListReconcilers" on Named => WharfListReconcilersRequest, wharf_list_reconcilers;
                WharfPreviewCollection: "organizations:WharfPreviewCollection" on Named => WharfPreviewCollectionRequest, wharf_preview_collection;
                WharfRunReconciler: "organizations:WharfRunReconciler" on Named => WharfRunReconcilerRequest, wharf_run_reconciler;
                WharfReplayDeadLetters: "organizations:WharfReplayDeadLetters" on Named => WharfReplayDeadLettersRequest, wharf_replay_dead_letters;
                WharfRenameAccount: "account:PutAccountName" on Named => WharfRenameAccountRequest, wharf_rename_account;
                WharfRotateKeys: "organizations:WharfRotateKeys" on Named => WharfRotateKeysRequest, wharf_rotate_keys;
                WharfStartBackup: "organizations:WharfStartBackup" on Named => WharfStartBackupRequest, wharf_start_backup;
                WharfStartCheck: "organizations:WharfStartCheck" on Named => WharfStartCheckRequest, wharf_start_check;
                WharfStartStoreMove: "organizations:WharfStartStoreMove" on Named => WharfStartStoreMoveRequest, wharf_start_store_move;
            }
            unsigned {
            }
            permissions {
            }
        }
    };
}
