//! Short functions for users, groups, roles and policies, and for the principals that a change affects.

use std::{collections::BTreeMap, future::Future};

use super::world::{ACCOUNT, REGION, World};
use crate::*;

/// The ID of the account that [`World::second_account`] creates.
pub(super) const SECOND: &str = "210987654321";

pub(super) fn digits(text: &str) -> aws::ids::AccountId {
    text.parse().unwrap()
}

pub(super) fn pairs(tags: &[(&str, &str)]) -> Vec<(String, String)> {
    tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// The ARN of a managed policy of the world's account.
pub(super) fn policy_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:policy/{name}")
}

impl World {
    /// A user, group or role of the world's account, with this unique ID.
    pub(super) fn new_entity(&self, unique_id: &str, name: &str) -> CreateEntity {
        let kind = match &unique_id[..4] {
            "AIDA" => EntityKind::User,
            "AGPA" => EntityKind::Group,
            "AROA" => EntityKind::Role,
            other => panic!("no entity has an id that begins with {other}"),
        };
        let role = RoleFields {
            trust_policy: "{}".into(),
            description: None,
            max_session_seconds: 3_600,
            service_name: None,
        };
        CreateEntity {
            account: AccountKey(1),
            kind,
            unique_id: unique_id.to_owned(),
            path: "/".into(),
            name: name.into(),
            boundary: None,
            role: (kind == EntityKind::Role).then_some(role),
            tags: Vec::new(),
            limit: 5_000,
            at: Micros(self.id()),
        }
    }

    /// An entity whose name is its ID in lower case.
    pub(super) async fn entity(&self, unique_id: &str) -> Entity {
        let create = self.new_entity(unique_id, &unique_id.to_ascii_lowercase());
        self.meta.write(create).await.unwrap()
    }

    pub(super) fn new_policy(&self, name: &str) -> CreateManagedPolicy {
        CreateManagedPolicy {
            account: AccountKey(1),
            arn: policy_arn(name),
            policy_id: format!("ANPA{}", self.id()),
            path: "/".into(),
            name: name.into(),
            description: None,
            document: format!("{name} 1"),
            tags: Vec::new(),
            limit: 1_500,
            at: Micros(self.id()),
        }
    }

    /// Creates a managed policy and returns its ARN.
    pub(super) async fn policy(&self, name: &str) -> String {
        self.meta.write(self.new_policy(name)).await.unwrap().arn
    }

    pub(super) fn new_profile(&self, unique_id: &str, name: &str) -> CreateInstanceProfile {
        CreateInstanceProfile {
            account: AccountKey(1),
            unique_id: unique_id.to_owned(),
            path: "/".into(),
            name: name.into(),
            tags: Vec::new(),
            limit: 1_000,
            at: Micros(self.id()),
        }
    }

    pub(super) fn new_provider(&self, host: &str) -> CreateOidcProvider {
        let provider = OidcProvider {
            arn: format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{host}"),
            url: format!("https://{host}"),
            client_ids: "[\"sts\"]".into(),
            thumbprints: "[]".into(),
            certificate_authority: None,
            key_set: None,
            created_at: Micros(self.id()),
        };
        CreateOidcProvider { account: AccountKey(1), provider, tags: Vec::new(), limit: 100 }
    }

    pub(super) async fn attach(&self, owner: &str, arn: &str) {
        let attach = AttachPolicy { owner: owner.to_owned(), arn: arn.to_owned(), limit: 10 };
        self.meta.write(attach).await.unwrap();
    }

    pub(super) async fn join(&self, user_id: &str, group_id: &str) {
        let add = AddToGroup { group_id: group_id.to_owned(), user_id: user_id.into(), limit: 10 };
        self.meta.write(add).await.unwrap();
    }

    pub(super) async fn second_account(&self) -> AccountKey {
        let (key, account_id) = (AccountKey(2), digits(SECOND));
        let create = CreateAccount { key, account_id, name: "second".into(), at: Micros(self.id()) };
        self.meta.write(create).await.unwrap().key
    }

    pub(super) async fn policies_of(&self, owner: &str) -> IdentityPolicies {
        self.meta.read(LoadIdentityPolicies { owner: owner.to_owned() }).await.unwrap()
    }

    pub(super) async fn tags_of(&self, owner: &str) -> Vec<(String, String)> {
        self.meta.read(ListIamTags { owner: owner.to_owned() }).await.unwrap()
    }

    /// What the gate reads about a caller without a long-term key.
    pub(super) async fn caller(&self, unique_id: &str) -> Option<CallerState> {
        let resolve = Resolve {
            account_id: digits(ACCOUNT),
            region: REGION.parse().unwrap(),
            repository: None,
            target: Target::None,
            caller: Some(CallerRef { unique_id: unique_id.to_owned(), access_key_id: None }),
        };
        self.meta.resolve(resolve).await.unwrap().basis.caller.clone()
    }

    /// The versions at which cached data of each principal is valid.
    async fn versions(&self) -> BTreeMap<String, i64> {
        let mut versions = BTreeMap::new();
        for unique_id in self.texts("SELECT unique_id FROM principal").await {
            let version = self.caller(&unique_id).await.unwrap().version;
            let loaded = self.policies_of(&unique_id).await.version;
            assert_eq!(loaded, version, "what is loaded for {unique_id} is of the version that is asked for");
            versions.insert(unique_id, version);
        }
        versions
    }

    /// The principals whose version a change increments, among those that exist before and after.
    pub(super) async fn concerned<T, R: std::fmt::Debug>(
        &self,
        change: impl Future<Output = Result<T, OpError<R>>>,
    ) -> Vec<String> {
        let before = self.versions().await;
        assert!(change.await.is_ok(), "the change was not made");
        let after = self.versions().await;
        let mut concerned = Vec::new();
        for (unique_id, version) in before {
            match after.get(&unique_id) {
                Some(now) if *now > version => concerned.push(unique_id),
                Some(now) => assert_eq!(*now, version, "a version never goes back"),
                None => {}
            }
        }
        concerned
    }
}
