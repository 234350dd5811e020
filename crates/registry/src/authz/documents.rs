//! Compiled policies, kept at the version that the store counts: one that changed is never served.

use std::sync::Arc;

use meta::{
    LoadIdentityPolicies, LoadManagedDocuments, LoadRegistryPolicy, LoadRepositoryPolicy, ManagedDocument,
    RegistryKey, RepositoryKey,
};
use moka::sync::Cache;
use oci::digest::{Algorithm, Digest};

use crate::Registry;
use crate::context::SessionPolicy;
use crate::error::{Error, Result};
use crate::store::StoreResultExt as _;

const PRINCIPALS: u64 = 10_000;
const REPOSITORIES: u64 = 20_000;
const REGISTRIES: u64 = 2_000;
const SESSION_POLICIES: u64 = 2_000;

/// A policy with the name that it has in an explanation.
pub(crate) type Named = (iam::SourceName, Arc<iam::Policy>);

/// What decides for a principal, at one version.
pub(crate) struct PrincipalPolicies {
    version: i64,
    pub(crate) identity: Vec<Named>,
    pub(crate) boundary: Option<Named>,
    pub(crate) tags: Vec<(String, String)>,
}

/// A repository's policy at one version.
pub(crate) struct RepositoryPolicy {
    version: i64,
    pub(super) policy: Option<Named>,
}

/// A registry's policy at one version, with its reach.
pub(crate) struct RegistryPolicy {
    version: i64,
    pub(super) policy: Option<Named>,
    /// Whether it is enforced on every ECR action (V2), or on the three of V1 alone.
    pub(super) on_every_action: bool,
}

/// The caches of compiled policies.
pub(crate) struct PolicyCaches {
    principals: Cache<String, Arc<PrincipalPolicies>>,
    repositories: Cache<RepositoryKey, Arc<RepositoryPolicy>>,
    registries: Cache<RegistryKey, Arc<RegistryPolicy>>,
    /// Texts of session policies, which never change, by digest.
    texts: Cache<Digest, Arc<iam::Policy>>,
}

impl Default for PolicyCaches {
    fn default() -> Self {
        Self {
            principals: Cache::new(PRINCIPALS),
            repositories: Cache::new(REPOSITORIES),
            registries: Cache::new(REGISTRIES),
            texts: Cache::new(SESSION_POLICIES),
        }
    }
}

impl Registry {
    pub(super) async fn principal_policies(
        &self,
        unique_id: &str,
        version: i64,
    ) -> Result<Arc<PrincipalPolicies>> {
        let cache = &self.policies.principals;
        if let Some(kept) = cache.get(unique_id).filter(|kept| kept.version == version) {
            return Ok(kept);
        }
        let compiled = Arc::new(self.policies_of(unique_id).await?);
        cache.insert(unique_id.to_owned(), Arc::clone(&compiled));
        Ok(compiled)
    }

    /// The policies of a user, group or role as they are now; of a user with its groups'.
    pub(crate) async fn policies_of(&self, unique_id: &str) -> Result<PrincipalPolicies> {
        let loaded =
            self.meta.read(LoadIdentityPolicies { owner: unique_id.to_owned() }).await.or_store_error()?;
        let mut identity = Vec::new();
        for (name, document) in &loaded.inline {
            identity.push((iam::SourceName::new(name.as_str()), compile(document)?));
        }
        for managed in &loaded.managed {
            identity.push(compile_managed(managed)?);
        }
        let boundary = loaded.boundary.as_ref().map(compile_managed).transpose()?;
        Ok(PrincipalPolicies { version: loaded.version, identity, boundary, tags: loaded.tags })
    }

    /// None where there never was a policy, which is told without a read.
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
        let policy = named("repository policy", loaded.document.as_deref())?;
        let compiled = Arc::new(RepositoryPolicy { version: loaded.version, policy });
        cache.insert(repository, Arc::clone(&compiled));
        Ok(Some(compiled))
    }

    /// None where there never was a policy, which is told without a read.
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
        let policy = named("registry policy", loaded.policy.document.as_deref())?;
        let on_every_action = loaded.scope.as_deref() != Some("V1");
        let compiled = Arc::new(RegistryPolicy { version: loaded.policy.version, policy, on_every_action });
        cache.insert(registry, Arc::clone(&compiled));
        Ok(Some(compiled))
    }

    /// The policies of a session. Managed ones of an account are read each time, since no version counts them.
    pub(super) async fn session_policies(&self, policies: &[SessionPolicy]) -> Result<Vec<Named>> {
        let mut compiled = Vec::new();
        let mut kept_here = Vec::new();
        for policy in policies {
            match policy {
                SessionPolicy::Inline(text) => {
                    compiled.push((iam::SourceName::new("session policy"), self.compiled_text(text)?));
                }
                SessionPolicy::Managed(arn) => match iam::managed::find(arn) {
                    Some(text) => {
                        compiled.push((iam::SourceName::new(arn.as_str()), self.compiled_text(text)?));
                    }
                    None => kept_here.push(arn.clone()),
                },
            }
        }
        if !kept_here.is_empty() {
            // One that was deleted since allows nothing any more.
            let read = LoadManagedDocuments { arns: kept_here };
            for (arn, document) in self.meta.read(read).await.or_store_error()? {
                compiled.push((iam::SourceName::new(arn), compile(&document)?));
            }
        }
        Ok(compiled)
    }

    fn compiled_text(&self, text: &str) -> Result<Arc<iam::Policy>> {
        let key = Digest::of(Algorithm::Sha256, text.as_bytes());
        if let Some(kept) = self.policies.texts.get(&key) {
            return Ok(kept);
        }
        let policy = compile(text)?;
        self.policies.texts.insert(key, Arc::clone(&policy));
        Ok(policy)
    }
}

fn compile(document: &str) -> Result<Arc<iam::Policy>> {
    iam::Policy::parse(document).map(Arc::new).map_err(Error::internal)
}

fn named(name: &'static str, document: Option<&str>) -> Result<Option<Named>> {
    document.map(|text| Ok((iam::SourceName::new(name), compile(text)?))).transpose()
}

/// A policy that is in the store, or one of AWS's. What is neither cannot be attached; were it there, it denies.
fn compile_managed(managed: &ManagedDocument) -> Result<Named> {
    const NOTHING: &str =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;
    // Once, AWS's policies could be attached under the ARNs of other partitions: what is attached so goes on as it did.
    let arn = ["arn:aws-cn:", "arn:aws-us-gov:"].iter().find_map(|prefix| managed.arn.strip_prefix(prefix));
    let arn = arn.map_or_else(|| managed.arn.clone(), |rest| format!("arn:aws:{rest}"));
    let known = managed.document.as_deref().or_else(|| iam::managed::find(&arn));
    if known.is_none() {
        tracing::error!(arn = managed.arn, "an attached policy is not there: everything is denied");
    }
    Ok((iam::SourceName::new(managed.arn.as_str()), compile(known.unwrap_or(NOTHING))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_attached_under_another_partition_goes_on_and_what_is_nowhere_denies() {
        let allows = |arn: &str| {
            let (name, policy) =
                compile_managed(&ManagedDocument { arn: arn.to_owned(), document: None }).unwrap();
            let context = iam::Context::new();
            let resource = "arn:aws:ecr:us-east-1:123456789012:repository/app";
            let request = iam::Request { action: "ecr:BatchGetImage", resource, context: &context };
            iam::evaluate_identity(&[(&name, &*policy)], &request).is_allowed()
        };
        assert!(allows("arn:aws-cn:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"));
        assert!(allows("arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"));
        assert!(!allows("arn:aws-cn:iam::aws:policy/Nothing"));
    }
}
