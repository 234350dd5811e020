//! What Organizations is asked.

use serde::Deserialize;

use super::pattern::{
    ACCOUNT_ID, ACCOUNT_NAME, CHILD_ID, EMAIL, PARENT_ID, REQUEST_ID, ROLE_NAME, TAGGABLE_ID,
};
use crate::ecr::Tag;
use crate::shape::{Member, Request, Rule};
use crate::tag;

const TAGS: Rule = Rule::List {
    of: &Rule::Structure {
        name: "Tag",
        members: &[
            Member::required("Key", Rule::text(1, tag::MAX_KEY_CHARACTERS)),
            Member::required("Value", Rule::text(0, tag::MAX_VALUE_CHARACTERS)),
        ],
    },
    min: 0,
    max: tag::MAX_TAGS,
};
const TAG_KEYS: Rule = Rule::List { of: &Rule::text(1, tag::MAX_KEY_CHARACTERS), min: 0, max: tag::MAX_TAGS };
const MAX_RESULTS: Rule = Rule::Integer { min: 1, max: 20 };
const TOKEN: Rule = Rule::text(0, 100_000);
const STATES: Rule =
    Rule::List { of: &Rule::Choice(&["IN_PROGRESS", "SUCCEEDED", "FAILED"]), min: 0, max: 100 };

macro_rules! requests {
    ($($(#[$doc:meta])* $name:ident = $operation:literal { $($(#[$field_doc:meta])* $field:ident: $type:ty = $member:expr;)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
        #[serde(rename_all = "PascalCase", default)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }

        impl Request for $name {
            type Response = ();
            const OPERATION: &'static str = $operation;
            const MEMBERS: &'static [Member] = &[$($member),*];
        }
    )*};
}

requests! {
    /// Makes an account.
    CreateAccountRequest = "CreateAccount" {
        /// Its root user's address, which no other account has.
        email: String = Member::required("Email", EMAIL);
        /// A name for people.
        account_name: String = Member::required("AccountName", ACCOUNT_NAME);
        /// The role that the management account can take on; `OrganizationAccountAccessRole` if absent.
        role_name: Option<String> = Member::optional("RoleName", ROLE_NAME);
        /// Accepted and not kept: there is no billing here.
        iam_user_access_to_billing: Option<String> =
            Member::optional("IamUserAccessToBilling", Rule::Choice(&["ALLOW", "DENY"]));
        /// Its tags.
        tags: Vec<Tag> = Member::optional("Tags", TAGS);
        /// Wharf's own: the digits that the account shall have.
        wharf_account_id: Option<String> = Member::optional("WharfAccountId", ACCOUNT_ID);
    }
    /// Asks how the making of an account goes.
    DescribeCreateAccountStatusRequest = "DescribeCreateAccountStatus" {
        /// What CreateAccount gave.
        create_account_request_id: String = Member::required("CreateAccountRequestId", REQUEST_ID);
    }
    /// Lists what was asked to be made.
    ListCreateAccountStatusRequest = "ListCreateAccountStatus" {
        /// Only those in these states.
        states: Vec<String> = Member::optional("States", STATES);
        /// Where the last page ended.
        next_token: Option<String> = Member::optional("NextToken", TOKEN);
        /// Page size.
        max_results: Option<u32> = Member::optional("MaxResults", MAX_RESULTS);
    }
    /// Lists accounts.
    ListAccountsRequest = "ListAccounts" {
        /// Where the last page ended.
        next_token: Option<String> = Member::optional("NextToken", TOKEN);
        /// Page size.
        max_results: Option<u32> = Member::optional("MaxResults", MAX_RESULTS);
    }
    /// Lists the accounts right under a root.
    ListAccountsForParentRequest = "ListAccountsForParent" {
        /// The root.
        parent_id: String = Member::required("ParentId", PARENT_ID);
        /// Where the last page ended.
        next_token: Option<String> = Member::optional("NextToken", TOKEN);
        /// Page size.
        max_results: Option<u32> = Member::optional("MaxResults", MAX_RESULTS);
    }
    /// Shows an account.
    DescribeAccountRequest = "DescribeAccount" {
        /// Its digits.
        account_id: String = Member::required("AccountId", ACCOUNT_ID);
    }
    /// Closes an account.
    CloseAccountRequest = "CloseAccount" {
        /// Its digits.
        account_id: String = Member::required("AccountId", ACCOUNT_ID);
    }
    /// Takes an account out of the organisation.
    RemoveAccountFromOrganizationRequest = "RemoveAccountFromOrganization" {
        /// Its digits.
        account_id: String = Member::required("AccountId", ACCOUNT_ID);
    }
    /// Moves an account.
    MoveAccountRequest = "MoveAccount" {
        /// Its digits.
        account_id: String = Member::required("AccountId", ACCOUNT_ID);
        /// Where it is.
        source_parent_id: String = Member::required("SourceParentId", PARENT_ID);
        /// Where it shall be.
        destination_parent_id: String = Member::required("DestinationParentId", PARENT_ID);
    }
    /// Wharf's own: gives an account another name.
    WharfRenameAccountRequest = "WharfRenameAccount" {
        /// Its digits.
        account_id: String = Member::required("AccountId", ACCOUNT_ID);
        /// Its name from now on.
        account_name: String = Member::required("AccountName", ACCOUNT_NAME);
    }
    /// Wharf's own: lists the keys that seal what the deployment gives out.
    WharfListKeysRequest = "WharfListKeys" {}
    /// Wharf's own: lists the reconcilers and their states.
    WharfListReconcilersRequest = "WharfListReconcilers" {}
    /// Wharf's own: asks for a run of a reconciler.
    WharfRunReconcilerRequest = "WharfRunReconciler" {
        /// Its name.
        name: String = Member::required("Name", Rule::text(1, 64));
    }
    /// Wharf's own: makes a new sealing key.
    WharfRotateKeysRequest = "WharfRotateKeys" {}
    /// Shows the organisation.
    DescribeOrganizationRequest = "DescribeOrganization" {}
    /// Lists the roots; there is one.
    ListRootsRequest = "ListRoots" {}
    /// Lists what holds an account; it is one.
    ListParentsRequest = "ListParents" {
        /// The account.
        child_id: String = Member::required("ChildId", CHILD_ID);
    }
    /// Lists what is right under a root.
    ListChildrenRequest = "ListChildren" {
        /// The root.
        parent_id: String = Member::required("ParentId", PARENT_ID);
        /// Of which kind.
        child_type: String = Member::required("ChildType", Rule::Choice(&["ACCOUNT", "ORGANIZATIONAL_UNIT"]));
        /// Where the last page ended.
        next_token: Option<String> = Member::optional("NextToken", TOKEN);
        /// Page size.
        max_results: Option<u32> = Member::optional("MaxResults", MAX_RESULTS);
    }
    /// Lists organisational units; there are none.
    ListOrganizationalUnitsForParentRequest = "ListOrganizationalUnitsForParent" {
        /// The root.
        parent_id: String = Member::required("ParentId", PARENT_ID);
    }
    /// Lists the tags of an account.
    ListTagsForResourceRequest = "ListTagsForResource" {
        /// The account.
        resource_id: String = Member::required("ResourceId", TAGGABLE_ID);
    }
    /// Sets tags of an account.
    TagResourceRequest = "TagResource" {
        /// The account.
        resource_id: String = Member::required("ResourceId", TAGGABLE_ID);
        /// The tags.
        tags: Vec<Tag> = Member::required("Tags", TAGS);
    }
    /// Removes tags of an account.
    UntagResourceRequest = "UntagResource" {
        /// The account.
        resource_id: String = Member::required("ResourceId", TAGGABLE_ID);
        /// The keys.
        tag_keys: Vec<String> = Member::required("TagKeys", TAG_KEYS);
    }
    /// Lists services that may act in the organisation; there are none.
    ListAWSServiceAccessForOrganizationRequest = "ListAWSServiceAccessForOrganization" {}
    /// Lists accounts that administer for services; there are none.
    ListDelegatedAdministratorsRequest = "ListDelegatedAdministrators" {}
}
