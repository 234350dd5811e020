//! Organizations' operations: from the decoded request to the rule that answers it, and back to JSON.

use aws::ecr::{Breach, InvalidKind};
use http::StatusCode;

use super::ecr::give;
use super::fault::Fault;
use super::signed::Signed;
use crate::serve::App;

macro_rules! operations {
    ($($name:literal: $request:ident => $method:ident;)*) => {
        /// The operations that are there, by the API's names.
        pub(super) const NAMES: &[&str] = &[$($name),*];

        /// Runs an operation out of [`NAMES`].
        pub(super) async fn run(app: &App, operation: &str, signed: Signed) -> Result<Vec<u8>, Fault> {
            match operation {
                $($name => {
                    let input: aws::organizations::$request =
                        aws::ecr::decode(&signed.body).map_err(invalid)?;
                    give(app.identity.$method(&signed.ctx, input).await)
                })*
                other => Err(Fault::new(
                    StatusCode::BAD_REQUEST,
                    "UnknownOperationException",
                    format!("The operation organizations:{other} is not available in this version of Wharf."),
                )),
            }
        }
    };
}

operations! {
    "CloseAccount": CloseAccountRequest => close_account;
    "CreateAccount": CreateAccountRequest => create_account;
    "DescribeAccount": DescribeAccountRequest => describe_account;
    "DescribeCreateAccountStatus": DescribeCreateAccountStatusRequest => describe_create_account_status;
    "DescribeOrganization": DescribeOrganizationRequest => describe_organization;
    "ListAWSServiceAccessForOrganization": ListAWSServiceAccessForOrganizationRequest => list_aws_service_access_for_organization;
    "ListAccounts": ListAccountsRequest => list_accounts;
    "ListAccountsForParent": ListAccountsForParentRequest => list_accounts_for_parent;
    "ListChildren": ListChildrenRequest => list_children;
    "ListCreateAccountStatus": ListCreateAccountStatusRequest => list_create_account_status;
    "ListDelegatedAdministrators": ListDelegatedAdministratorsRequest => list_delegated_administrators;
    "ListOrganizationalUnitsForParent": ListOrganizationalUnitsForParentRequest => list_organizational_units_for_parent;
    "ListParents": ListParentsRequest => list_parents;
    "ListRoots": ListRootsRequest => list_roots;
    "ListTagsForResource": ListTagsForResourceRequest => list_tags_for_account;
    "MoveAccount": MoveAccountRequest => move_account;
    "RemoveAccountFromOrganization": RemoveAccountFromOrganizationRequest => remove_account_from_organization;
    "TagResource": TagResourceRequest => tag_account;
    "UntagResource": UntagResourceRequest => untag_account;
    "WharfListKeys": WharfListKeysRequest => wharf_list_keys;
    "WharfRenameAccount": WharfRenameAccountRequest => wharf_rename_account;
    "WharfRotateKeys": WharfRotateKeysRequest => wharf_rotate_keys;
}

/// The operation of this name, if it is there.
pub(super) fn find(name: &str) -> Option<&'static str> {
    NAMES.iter().find(|known| **known == name).copied()
}

/// Organizations has another name for a parameter that breaks a rule, and sentences and reasons of its own (Organizations
/// API reference, "InvalidInputException"). They do not name the parameter, so the constraint follows.
fn invalid(invalid: aws::ecr::Invalid) -> Fault {
    if invalid.kind != InvalidKind::Parameter {
        return invalid.into();
    }
    let (reason, sentence) = match invalid.breach {
        Breach::Missing => ("INPUT_REQUIRED", "You must include a value for all required parameters."),
        Breach::TooShort => {
            ("MIN_LENGTH_EXCEEDED", "You provided a string parameter that is shorter than allowed.")
        }
        Breach::TooLong => {
            ("MAX_LENGTH_EXCEEDED", "You provided a string parameter that is longer than allowed.")
        }
        Breach::TooSmall => {
            ("MIN_VALUE_EXCEEDED", "You provided a numeric parameter that has a smaller value than allowed.")
        }
        Breach::TooLarge => {
            ("MAX_VALUE_EXCEEDED", "You provided a numeric parameter that has a larger value than allowed.")
        }
        // AWS's sentence alone, which is well known.
        Breach::Pattern => return refused("INVALID_PATTERN", PATTERN.to_owned()),
        Breach::Choice => ("INVALID_ENUM", "You specified an invalid value."),
        Breach::Other => ("INVALID_LIST_MEMBER", "You provided an invalid value."),
    };
    refused(reason, format!("{sentence} {}", invalid.message))
}

const PATTERN: &str = "You provided a value that does not match the required pattern.";

fn refused(reason: &str, message: String) -> Fault {
    let extra = vec![("Reason", reason.into())];
    Fault { extra, ..Fault::new(StatusCode::BAD_REQUEST, "InvalidInputException", message) }
}
