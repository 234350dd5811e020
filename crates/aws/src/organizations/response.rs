//! What Organizations answers.

use serde::Serialize;

use crate::ecr::Tag;

macro_rules! shapes {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize)]
        #[serde(rename_all = "PascalCase")]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }
    )*};
}

shapes! {
    /// How the making of an account goes.
    CreateAccountStatus {
        /// `car-…`
        id: String,
        /// The name asked for.
        account_name: String,
        /// `SUCCEEDED` or `FAILED`.
        state: String,
        /// Seconds since 1970.
        requested_timestamp: f64,
        /// Seconds since 1970.
        #[serde(skip_serializing_if = "Option::is_none")]
        completed_timestamp: Option<f64>,
        /// The digits, once it is made.
        #[serde(skip_serializing_if = "Option::is_none")]
        account_id: Option<String>,
        /// Why it was not made.
        #[serde(skip_serializing_if = "Option::is_none")]
        failure_reason: Option<String>,
    }
    /// One such status.
    CreateAccountStatusResponse {
        /// The status.
        create_account_status: CreateAccountStatus,
    }
    /// A page of them.
    ListCreateAccountStatusResponse {
        /// The page.
        create_account_statuses: Vec<CreateAccountStatus>,
        /// Where it goes on.
        #[serde(skip_serializing_if = "Option::is_none")]
        next_token: Option<String>,
    }
    /// Wharf's own: a reconciler.
    Reconciler {
        /// Its name.
        name: String,
        /// `RUNNING`, `REQUESTED`, `FAILED` or `IDLE`.
        state: &'static str,
        /// The node that runs it, or ran it last.
        #[serde(skip_serializing_if = "Option::is_none")]
        node: Option<String>,
        /// When its last pass began; seconds since 1970.
        #[serde(skip_serializing_if = "Option::is_none")]
        last_started_at: Option<f64>,
        /// When its last pass ended; seconds since 1970.
        #[serde(skip_serializing_if = "Option::is_none")]
        last_ended_at: Option<f64>,
        /// When it runs next; seconds since 1970.
        #[serde(skip_serializing_if = "Option::is_none")]
        next_run_at: Option<f64>,
        /// How much its last pass did.
        done: i64,
        /// Whether its last pass left work.
        has_more: bool,
        /// Why its last pass failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        last_error: Option<String>,
    }
    /// Every reconciler, by name.
    WharfListReconcilersResponse {
        /// The reconcilers.
        reconcilers: Vec<Reconciler>,
    }
    /// Nothing: the run was asked for.
    WharfRunReconcilerResponse {}
    /// Wharf's own: a key that seals what the deployment gives out.
    SealingKey {
        /// Its number in the ring.
        key_id: u8,
        /// Seconds since 1970; absent for the first key of a deployment that is older than rotation.
        #[serde(skip_serializing_if = "Option::is_none")]
        made_at: Option<f64>,
        /// `WAITING` to seal, `SEALING`, or only `OPENING` what it sealed.
        state: &'static str,
        /// When one that waits will seal; seconds since 1970.
        #[serde(skip_serializing_if = "Option::is_none")]
        seals_from: Option<f64>,
        /// Until when one that only opens is needed; seconds since 1970.
        #[serde(skip_serializing_if = "Option::is_none")]
        needed_until: Option<f64>,
        /// The access keys whose secrets it seals.
        access_keys: u64,
    }
    /// The sealing keys.
    WharfListKeysResponse {
        /// The oldest first.
        keys: Vec<SealingKey>,
        /// How many master keys open the store: two while a rotation is to be finished.
        master_keys: usize,
    }
    /// The sealing keys, with the new one.
    WharfRotateKeysResponse {
        /// The oldest first.
        keys: Vec<SealingKey>,
    }
    /// An account.
    Account {
        /// Its digits.
        id: String,
        /// Its ARN.
        arn: String,
        /// Its root user's address.
        email: String,
        /// A name for people.
        name: String,
        /// `ACTIVE` or `SUSPENDED`.
        status: String,
        /// `ACTIVE` or `CLOSED`.
        state: String,
        /// `CREATED` or `INVITED`.
        joined_method: String,
        /// Seconds since 1970.
        joined_timestamp: f64,
    }
    /// One account.
    DescribeAccountResponse {
        /// The account.
        account: Account,
    }
    /// A page of accounts.
    ListAccountsResponse {
        /// The page.
        accounts: Vec<Account>,
        /// Where it goes on.
        #[serde(skip_serializing_if = "Option::is_none")]
        next_token: Option<String>,
    }
    /// A kind of policy that a root could have.
    PolicyTypeSummary {
        /// Its name.
        r#type: String,
        /// Whether it is on.
        status: String,
    }
    /// The organisation.
    Organization {
        /// `o-…`
        id: String,
        /// Its ARN.
        arn: String,
        /// `ALL`
        feature_set: String,
        /// The management account's ARN.
        master_account_arn: String,
        /// The management account's digits.
        master_account_id: String,
        /// The management account's address.
        master_account_email: String,
        /// None: there are no service control policies yet.
        available_policy_types: Vec<PolicyTypeSummary>,
    }
    /// The organisation.
    DescribeOrganizationResponse {
        /// The organisation.
        organization: Organization,
    }
    /// A root.
    Root {
        /// `r-…`
        id: String,
        /// Its ARN.
        arn: String,
        /// `Root`
        name: String,
        /// None: there are no service control policies yet.
        policy_types: Vec<PolicyTypeSummary>,
    }
    /// The roots.
    ListRootsResponse {
        /// The one root.
        roots: Vec<Root>,
    }
    /// Something in the tree of the organisation.
    Node {
        /// Its id.
        id: String,
        /// `ROOT` or `ACCOUNT`.
        r#type: String,
    }
    /// What holds an account.
    ListParentsResponse {
        /// The one root.
        parents: Vec<Node>,
    }
    /// What is right under a root.
    ListChildrenResponse {
        /// The page.
        children: Vec<Node>,
        /// Where it goes on.
        #[serde(skip_serializing_if = "Option::is_none")]
        next_token: Option<String>,
    }
    /// Organisational units.
    ListOrganizationalUnitsForParentResponse {
        /// None.
        organizational_units: Vec<Node>,
    }
    /// Tags.
    ListTagsForResourceResponse {
        /// The tags by key.
        tags: Vec<Tag>,
    }
    /// Services that may act in the organisation.
    ListAWSServiceAccessForOrganizationResponse {
        /// None.
        enabled_service_principals: Vec<Node>,
    }
    /// Accounts that administer for services.
    ListDelegatedAdministratorsResponse {
        /// None.
        delegated_administrators: Vec<Node>,
    }
    /// Nothing.
    Empty {}
}
