//! The resources that IAM's requests name: users, groups, roles, policies, instance profiles and identity providers. The
//! gate finds them in its own account, decides on the ARN of what it found, and puts the key of the same row into the
//! permit.

use std::ops::Deref;
use std::sync::Arc;

use aws::ids::AccountId;
use meta::{
    Entity, EntityKind, FindEntity, FindInstanceProfile, FindManagedPolicy, FindOidcProvider,
    InstanceProfile, ManagedPolicy, OidcProvider,
};

use super::Gate;
use crate::error::Result;
use crate::op::{Effect, Op};
use crate::permit::sealed::Sealed;
use crate::permit::{Of, OnAccount, OnResource, Permit, ResourceKey};

/// A row that a gate found. Other crates cannot make one, so its ARN and its key belong together.
#[derive(Debug)]
pub struct Found<T>(T);

impl<T> Deref for Found<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Found<T> {
    pub(super) fn new(row: T) -> Self {
        Self(row)
    }

    /// The row, for the answer.
    pub fn into_row(self) -> T {
        self.0
    }
}

/// A row that policies name by an ARN.
pub trait HasArn: Sealed {
    /// Its ARN.
    fn arn(&self, account_id: &AccountId) -> String;

    /// Its unique ID; the ARN of a provider, which has no other.
    fn id(&self) -> &str;
}

impl Sealed for Entity {}
impl Sealed for ManagedPolicy {}
impl Sealed for InstanceProfile {}
impl Sealed for OidcProvider {}

impl HasArn for Entity {
    fn arn(&self, account_id: &AccountId) -> String {
        format!("arn:aws:iam::{account_id}:{}{}{}", self.kind, self.path, self.name)
    }

    fn id(&self) -> &str {
        &self.unique_id
    }
}

impl HasArn for ManagedPolicy {
    fn arn(&self, _account_id: &AccountId) -> String {
        self.arn.clone()
    }

    fn id(&self) -> &str {
        &self.policy_id
    }
}

impl HasArn for InstanceProfile {
    fn arn(&self, account_id: &AccountId) -> String {
        format!("arn:aws:iam::{account_id}:instance-profile{}{}", self.path, self.name)
    }

    fn id(&self) -> &str {
        &self.unique_id
    }
}

impl HasArn for OidcProvider {
    fn arn(&self, _account_id: &AccountId) -> String {
        self.arn.clone()
    }

    fn id(&self) -> &str {
        &self.arn
    }
}

impl Gate {
    /// The user, group or role of the account with a name.
    pub async fn find_entity(&self, kind: EntityKind, name: &str) -> Result<Option<Found<Entity>>> {
        let find = FindEntity { account_id: self.account_id.clone(), kind, name: name.to_owned() };
        Ok(self.read(find).await?.map(Found))
    }

    /// The instance profile of the account with a name.
    pub async fn find_instance_profile(&self, name: &str) -> Result<Option<Found<InstanceProfile>>> {
        let find = FindInstanceProfile { account_id: self.account_id.clone(), name: name.to_owned() };
        Ok(self.read(find).await?.map(Found))
    }

    /// The policy of the account with an ARN.
    pub async fn find_policy(&self, arn: &str) -> Result<Option<Found<ManagedPolicy>>> {
        if !self.is_own(arn, "policy/") {
            return Ok(None);
        }
        Ok(self.read(FindManagedPolicy { arn: arn.to_owned() }).await?.map(Found))
    }

    /// The identity provider of the account with an ARN.
    pub async fn find_provider(&self, arn: &str) -> Result<Option<Found<OidcProvider>>> {
        if !self.is_own(arn, "oidc-provider/") {
            return Ok(None);
        }
        Ok(self.read(FindOidcProvider { arn: arn.to_owned() }).await?.map(Found))
    }

    fn is_own(&self, arn: &str, kind: &str) -> bool {
        arn.starts_with(&format!("arn:aws:iam::{}:{kind}", self.account_id))
    }

    /// Decides on an operation on a row that the request names without its path. Without a row, the decision is on
    /// `shown`, and there is no permit. A denial shows only `shown`.
    pub fn permit_found<E: Effect<On = OnAccount>, T: HasArn>(
        &self,
        found: Option<&Found<T>>,
        shown: &str,
        keys: policy::Context,
    ) -> Result<Option<Permit<Of<E>>>> {
        let found = found.map(|found| (found.id(), found.arn(&self.account_id)));
        let on = self.allowed_found(E::OP, found, shown, keys)?;
        Ok(on.map(|on| Permit::new(self.store.clone(), on)))
    }

    /// The part that is the same for each operation, and is compiled once. What was found is an ID and an ARN.
    fn allowed_found(
        &self,
        op: Op,
        found: Option<(&str, String)>,
        shown: &str,
        keys: policy::Context,
    ) -> Result<Option<OnResource>> {
        let arn = found.as_ref().map_or(shown, |(_, arn)| arn.as_str());
        self.decide((op, arn), shown, &self.context_of(op, keys))?;
        Ok(found.map(|(id, arn)| self.on_resource(id, &arn)))
    }

    /// Decides on an operation on what the request names by its ARN, which is its key in the store. A found row adds its
    /// unique ID.
    pub fn permit_arn<E: Effect<On = OnAccount>, T: HasArn>(
        &self,
        found: Option<&Found<T>>,
        arn: &str,
        keys: policy::Context,
    ) -> Result<Permit<Of<E>>> {
        self.allow_on(E::OP, arn, keys)?;
        let found = found.filter(|found| found.arn(&self.account_id) == arn);
        Ok(self.permit_of(found.map_or(arn, |found| found.id()), arn))
    }

    /// Decides on an operation of the caller on itself.
    pub fn permit_caller<E: Effect<On = OnAccount>>(&self) -> Result<Permit<Of<E>>> {
        let arn = &self.caller.arn;
        self.allow_on(E::OP, arn, policy::Context::new())?;
        Ok(self.permit_of(&self.caller.unique_id, arn))
    }

    pub(super) fn permit_of<E: Effect<On = OnAccount>>(&self, id: &str, arn: &str) -> Permit<Of<E>> {
        Permit::new(self.store.clone(), self.on_resource(id, arn))
    }

    fn on_resource(&self, id: &str, arn: &str) -> OnResource {
        let (caller, account_id) = (Arc::clone(&self.caller), self.account_id.clone());
        OnResource { caller, account_id, key: ResourceKey::new(id, arn) }
    }
}
