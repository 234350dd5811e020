//! Compiled policies, cached by the version in the store: an outdated one is never used.

use std::sync::Arc;

use meta::{
    IdentityPolicies, LoadIdentityPolicies, LoadManagedDocuments, LoadRegistryPolicy, LoadRepositoryPolicy,
    ManagedDocument, RegistryKey, RepositoryKey, VersionedPolicy,
};
use oci::digest::{Algorithm, Digest};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::Access;
use crate::context::SessionPolicy;
use crate::error::{Error, Result};
use crate::store::StoreResultExt as _;

/// Bytes that each cache may hold; a policy in use is there twice at most, while it is replaced. An ordinary policy takes
/// some kilobytes.
const PRINCIPALS: u64 = 24 << 20;
const REPOSITORIES: u64 = 16 << 20;
const REGISTRIES: u64 = 4 << 20;
const SESSION_POLICIES: u64 = 4 << 20;
/// About how many policies are kept.
const ENTRIES: usize = 1_000;
/// The overhead of an entry: its key, its name, the cache's own data.
const ENTRY: usize = 512;

/// A policy with the name that it has in an explanation.
pub type Named = (policy::SourceName, Arc<policy::Policy>);

/// What decides about a principal, at one version.
#[derive(Default)]
pub struct PrincipalPolicies {
    version: i64,
    pub identity: Vec<Named>,
    pub boundary: Option<Named>,
    pub tags: Vec<(String, String)>,
}

/// A repository's policy at one version.
pub(super) struct RepositoryPolicy {
    version: i64,
    pub(super) policy: Option<Named>,
}

/// A registry's policy at one version, with its scope.
pub(super) struct RegistryPolicy {
    version: i64,
    pub(super) policy: Option<Named>,
    /// Whether it is enforced on every ECR action (V2), or on the three of V1 alone.
    pub(super) on_every_action: bool,
}

/// The caches of compiled policies.
pub struct PolicyCaches {
    principals: Cache<String, Arc<PrincipalPolicies>, Bytes>,
    repositories: Cache<RepositoryKey, Arc<RepositoryPolicy>, Bytes>,
    registries: Cache<RegistryKey, Arc<RegistryPolicy>, Bytes>,
    /// Texts of session policies, which never change, by digest.
    texts: Cache<Digest, Arc<policy::Policy>, Bytes>,
}

impl Default for PolicyCaches {
    fn default() -> Self {
        Self {
            principals: Cache::with_weighter(ENTRIES, PRINCIPALS, Bytes),
            repositories: Cache::with_weighter(ENTRIES, REPOSITORIES, Bytes),
            registries: Cache::with_weighter(ENTRIES, REGISTRIES, Bytes),
            texts: Cache::with_weighter(ENTRIES, SESSION_POLICIES, Bytes),
        }
    }
}

/// The caches have limits in bytes.
#[derive(Clone)]
struct Bytes;

trait Weighed {
    fn bytes(&self) -> usize;
}

impl<K, V: Weighed> Weighter<K, Arc<V>> for Bytes {
    fn weight(&self, _: &K, kept: &Arc<V>) -> u64 {
        u64::try_from(ENTRY + kept.bytes()).unwrap_or(u64::MAX)
    }
}

impl Weighed for PrincipalPolicies {
    fn bytes(&self) -> usize {
        let of_tags: usize = self.tags.iter().map(|(key, value)| key.len() + value.len() + 64).sum();
        of_named(self.identity.iter().chain(&self.boundary)) + of_tags
    }
}

impl Weighed for RepositoryPolicy {
    fn bytes(&self) -> usize {
        of_named(self.policy.iter())
    }
}

impl Weighed for RegistryPolicy {
    fn bytes(&self) -> usize {
        of_named(self.policy.iter())
    }
}

impl Weighed for policy::Policy {
    fn bytes(&self) -> usize {
        self.weight()
    }
}

fn of_named<'a>(policies: impl Iterator<Item = &'a Named>) -> usize {
    policies.map(|(name, policy)| name.as_str().len() + policy.weight()).sum()
}

impl PrincipalPolicies {
    /// Compiles what was loaded for a user, group or role; for a user with its groups'.
    pub fn compile(unique_id: &str, loaded: IdentityPolicies) -> Result<Self> {
        let mut identity = Vec::new();
        for (name, document) in &loaded.inline {
            identity.push((policy::SourceName::new(name.as_str()), stored(name, document)?));
        }
        for managed in &loaded.managed {
            identity.push(compile_managed(managed)?);
        }
        let boundary = loaded.boundary.as_ref().map(compile_managed).transpose()?;
        if loaded.version == 0 {
            // It was there when the caller was looked up. Its policies are gone with it, the denials among them.
            identity.push(missing(unique_id)?);
        }
        Ok(Self { version: loaded.version, identity, boundary, tags: loaded.tags })
    }
}

impl Access {
    pub(super) async fn principal_policies(
        &self,
        unique_id: &str,
        version: i64,
    ) -> Result<Arc<PrincipalPolicies>> {
        let cache = &self.policies.principals;
        if let Some(kept) = cache.get(unique_id).filter(|kept| kept.version == version) {
            return Ok(kept);
        }
        let load = LoadIdentityPolicies { owner: unique_id.to_owned() };
        let loaded = self.meta.read(load).await.or_store_error()?;
        let compiled = Arc::new(PrincipalPolicies::compile(unique_id, loaded)?);
        cache.insert(unique_id.to_owned(), Arc::clone(&compiled));
        Ok(compiled)
    }

    /// None if there never was a policy, which needs no read.
    pub(super) async fn repository_policy(
        &self,
        repository: RepositoryKey,
        version: i64,
    ) -> Result<Option<Arc<RepositoryPolicy>>> {
        if version == 0 {
            return Ok(None);
        }
        let cache = &self.policies.repositories;
        if let Some(kept) = cache.get(&repository).filter(|kept| kept.version == version) {
            return Ok(Some(kept));
        }
        let loaded = self.meta.read(LoadRepositoryPolicy { repository }).await.or_store_error()?;
        let policy = of_resource("repository policy", &loaded)?;
        let compiled = Arc::new(RepositoryPolicy { version: loaded.version, policy });
        cache.insert(repository, Arc::clone(&compiled));
        Ok(Some(compiled))
    }

    /// None if there never was a policy, which needs no read.
    pub(super) async fn registry_policy(
        &self,
        registry: RegistryKey,
        version: i64,
    ) -> Result<Option<Arc<RegistryPolicy>>> {
        if version == 0 {
            return Ok(None);
        }
        let cache = &self.policies.registries;
        if let Some(kept) = cache.get(&registry).filter(|kept| kept.version == version) {
            return Ok(Some(kept));
        }
        let loaded = self.meta.read(LoadRegistryPolicy { registry }).await.or_store_error()?;
        let policy = of_resource("registry policy", &loaded.policy)?;
        let on_every_action = loaded.scope.as_deref() != Some("V1");
        let compiled = Arc::new(RegistryPolicy { version: loaded.policy.version, policy, on_every_action });
        cache.insert(registry, Arc::clone(&compiled));
        Ok(Some(compiled))
    }

    /// The policies of a session. An account's managed policies have no version: they are read each time,
    /// from memory where the store has not changed.
    pub(super) async fn session_policies(&self, policies: &[SessionPolicy]) -> Result<Vec<Named>> {
        let mut compiled = Vec::new();
        let mut kept_here = Vec::new();
        for policy in policies {
            match policy {
                SessionPolicy::Inline(text) => {
                    compiled.push((policy::SourceName::new("session policy"), self.compiled_text(text)?));
                }
                SessionPolicy::Managed(arn) => match policy::managed::find(arn) {
                    Some(text) => {
                        compiled.push((policy::SourceName::new(arn.as_str()), self.compiled_text(text)?));
                    }
                    None => kept_here.push(arn.clone()),
                },
            }
        }
        if !kept_here.is_empty() {
            let read = LoadManagedDocuments { arns: kept_here.clone() };
            let documents = self.meta.read_kept(read).await.or_store_error()?;
            for arn in kept_here {
                let document =
                    documents.iter().find(|(known, _)| *known == arn).map(|(_, text)| text.clone());
                compiled.push(compile_managed(&ManagedDocument { arn, document })?);
            }
        }
        Ok(compiled)
    }

    fn compiled_text(&self, text: &str) -> Result<Arc<policy::Policy>> {
        let key = Digest::of(Algorithm::Sha256, text.as_bytes());
        if let Some(kept) = self.policies.texts.get(&key) {
            return Ok(kept);
        }
        let policy = compile(text)?;
        self.policies.texts.insert(key, Arc::clone(&policy));
        Ok(policy)
    }
}

fn compile(document: &str) -> Result<Arc<policy::Policy>> {
    policy::Policy::parse(document).map(Arc::new).map_err(Error::internal)
}

/// Replaces a policy that should exist: it is unknown what it denied.
const EVERYTHING_DENIED: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;

fn missing(name: &str) -> Result<Named> {
    tracing::error!(name, "a policy that the decision needs does not exist: everything is denied");
    Ok((policy::SourceName::new(name), compile(EVERYTHING_DENIED)?))
}

/// A document that was accepted once. One that cannot be read any more denies.
pub(super) fn stored(name: &str, document: &str) -> Result<Arc<policy::Policy>> {
    policy::Policy::parse(document).map(Arc::new).or_else(|error| {
        tracing::error!(name, %error, "a stored policy cannot be read: everything is denied");
        compile(EVERYTHING_DENIED)
    })
}

/// The policy of a repository or registry. Where the row has gone since it was found, so has its policy, with what it
/// denied.
fn of_resource(name: &'static str, loaded: &VersionedPolicy) -> Result<Option<Named>> {
    match &loaded.document {
        Some(text) => Ok(Some((policy::SourceName::new(name), stored(name, text)?))),
        None if loaded.version == 0 => missing(name).map(Some),
        None => Ok(None),
    }
}

/// A policy that is in the store, or one of AWS's. What is neither cannot be attached; were it there, it denies.
fn compile_managed(managed: &ManagedDocument) -> Result<Named> {
    // Once, AWS's policies could be attached under the ARNs of other partitions: what is attached so goes on as it did.
    let arn = ["arn:aws-cn:", "arn:aws-us-gov:"].iter().find_map(|prefix| managed.arn.strip_prefix(prefix));
    let arn = arn.map_or_else(|| managed.arn.clone(), |rest| format!("arn:aws:{rest}"));
    match managed.document.as_deref().or_else(|| policy::managed::find(&arn)) {
        Some(text) => Ok((policy::SourceName::new(managed.arn.as_str()), stored(&managed.arn, text)?)),
        None => missing(&managed.arn),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_partitions_work_and_unknown_policies_deny() {
        let allows = |arn: &str| {
            let (name, policy) =
                compile_managed(&ManagedDocument { arn: arn.to_owned(), document: None }).unwrap();
            let context = policy::Context::new();
            let resource = "arn:aws:ecr:us-east-1:123456789012:repository/app";
            let request = policy::Request { action: "ecr:BatchGetImage", resource, context: &context };
            policy::evaluate_identity(&[(&name, &*policy)], &request).is_allowed()
        };
        assert!(allows("arn:aws-cn:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"));
        assert!(allows("arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"));
        assert!(!allows("arn:aws-cn:iam::aws:policy/Nothing"));
    }

    fn everything(policy: &policy::Policy) -> policy::Decision {
        let context = policy::Context::new();
        let all = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
        let all = compile(all).unwrap();
        let name = policy::SourceName::new("policy");
        let request = policy::Request { action: "ecr:ListImages", resource: "*", context: &context };
        policy::evaluate_identity(&[(&name, &*all), (&name, policy)], &request)
    }

    #[test]
    fn a_stored_policy_that_cannot_be_read_denies() {
        for text in ["", "{}", r#"{"Version":"2030-01-01","Statement":[]}"#] {
            assert!(
                matches!(everything(&stored("p", text).unwrap()), policy::Decision::ExplicitDeny(_)),
                "{text}"
            );
            let managed = ManagedDocument {
                arn: "arn:aws:iam::1:policy/p".to_owned(),
                document: Some(text.to_owned()),
            };
            let (_, policy) = compile_managed(&managed).unwrap();
            assert!(matches!(everything(&policy), policy::Decision::ExplicitDeny(_)), "{text}");
            let loaded = VersionedPolicy { version: 3, document: Some(text.to_owned()) };
            let (_, policy) = of_resource("repository policy", &loaded).unwrap().unwrap();
            assert!(matches!(everything(&policy), policy::Decision::ExplicitDeny(_)), "{text}");
        }
    }

    #[test]
    fn a_resource_that_is_gone_denies() {
        let gone = of_resource("repository policy", &VersionedPolicy::default()).unwrap();
        let (_, policy) = gone.unwrap();
        assert!(matches!(everything(&policy), policy::Decision::ExplicitDeny(_)));
        let none = VersionedPolicy { version: 2, document: None };
        assert!(of_resource("repository policy", &none).unwrap().is_none());
    }

    #[test]
    fn the_cache_of_policies_has_a_limit_in_bytes() {
        let resources = vec!["\"arn:a:b:c:d:e\""; 600].join(",");
        let text = format!(r#"{{"Statement":{{"Effect":"Deny","Action":"*","Resource":[{resources}]}}}}"#);
        let policy = compile(&text).unwrap();
        let caches = PolicyCaches::default();
        for number in 0..1_000 {
            let key = Digest::of(Algorithm::Sha256, format!("{number}").as_bytes());
            caches.texts.insert(key, Arc::clone(&policy));
        }
        assert!(caches.texts.weight() <= SESSION_POLICIES);
        let count = caches.texts.len();
        assert!(count > 0 && count * policy.weight() <= 4 << 20, "{count} of {}", policy.weight());
    }
}
