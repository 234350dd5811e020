//! A registry on temporary stores, with an administrator and the users that a test creates.

use std::sync::Arc;

use access::Access;
use access::context::{Caller, CallerKind, Ctx, Peer, Plane, RepositoryRef, micros};
use access::error::{Code, Result};
use access::settings::{Limits, MasterKey, PublicAddress, Settings, VpcEndpoint};
use access::storage_quota::StorageQuota;
use aws::ecr::CreateRepositoryRequest;
use aws::ids::Region;
use identity::Identity;
use identity::bootstrap::{self, Administrator};
use jiff::Timestamp;
use meta::{CreateAccessKey, CreateUser, FindAccount, Meta, PutInlinePolicy};
use oci::digest::{Algorithm, Digest};
use oci::name::Reference;
use registry::Registry;
use registry::image::push::Pushed;
use registry::layer::upload::Incoming;

pub(crate) const ACCOUNT: &str = "123456789012";

/// The rules of one process.
pub(crate) struct Rules {
    pub(crate) access: Arc<Access>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) registry: Arc<Registry>,
}

pub(crate) struct World {
    pub(crate) rules: Rules,
    pub(crate) meta: Meta,
    pub(crate) admin: Arc<Caller>,
    pub(crate) folder: tempfile::TempDir,
}

pub(crate) fn region() -> Region {
    "eu-west-1".parse().unwrap()
}

/// The context of one request of a caller.
pub(crate) fn at(caller: &Arc<Caller>, now: Timestamp) -> Ctx {
    let peer = Peer { address: [127, 0, 0, 1].into(), tls: false };
    let id = uuid::Uuid::new_v4().to_string();
    Ctx::new(Arc::clone(caller), peer, None, id, now, Plane::Data)
}

pub(crate) fn ctx(caller: &Arc<Caller>) -> Ctx {
    at(caller, Timestamp::now())
}

pub(crate) fn repository(name: &str) -> RepositoryRef {
    RepositoryRef { account_id: ACCOUNT.parse().unwrap(), region: region(), name: name.parse().unwrap() }
}

pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, bytes)
}

/// The code of an error; panics on success.
pub(crate) fn code<T>(result: Result<T>) -> Code {
    match result {
        Ok(_) => panic!("it was not refused"),
        Err(error) => error.code,
    }
}

/// An image whose config is this blob and which has no layers.
pub(crate) fn manifest(config: &[u8]) -> Vec<u8> {
    let digest = sha256(config);
    format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{digest}","size":{}}},"layers":[]}}"#,
        config.len()
    )
    .into_bytes()
}

async fn opened(folder: &tempfile::TempDir, meta: Meta) -> Rules {
    opened_with(folder, meta, [7; 32]).await.unwrap()
}

async fn opened_with(folder: &tempfile::TempDir, meta: Meta, master_key: [u8; 32]) -> Result<Rules> {
    opened_as(folder, meta, master_key, |_| ()).await
}

async fn opened_as(
    folder: &tempfile::TempDir,
    meta: Meta,
    master_key: [u8; 32],
    change: impl FnOnce(&mut Settings),
) -> Result<Rules> {
    let blobs = blob::Store::disk(folder.path().join("blobs"), blob::DiskOptions::default()).unwrap();
    let mut settings = Settings {
        address: PublicAddress {
            scheme: "http",
            suffix: None,
            host: "localhost".to_owned(),
            ecr_public_host: None,
            port: 5100,
        },
        default_region: region(),
        limits: Limits::default(),
        rates: access::rate::Rates::default(),
        storage_quotas: vec![StorageQuota {
            name: "of team/small".to_owned(),
            bytes: 1_000,
            account_id: None,
            prefix: Some("team/small".to_owned()),
        }],
        vpc_endpoints: vec![VpcEndpoint {
            id: "vpce-1a2b3c4d".to_owned(),
            vpc: "vpc-1a2b3c4d".to_owned(),
            networks: vec!["10.1.0.0/16".parse().unwrap()],
        }],
        event_sinks: Vec::new(),
        dialler: access::settings::Dialler::new(|_| false),
        peers: access::settings::Peers::default(),
        pull_through_cache: access::settings::PullThroughCache {
            insecure_hosts: vec!["127.0.0.1".to_owned()],
            ..access::settings::PullThroughCache::new(access::settings::Dialler::new(|address| {
                address.is_loopback()
            }))
        },
        master_key: MasterKey::new(master_key),
        backup: None,
    };
    change(&mut settings);
    let access = Access::open(settings, meta).await?;
    Ok(Rules {
        identity: Identity::new(Arc::clone(&access)),
        registry: Registry::new(Arc::clone(&access), blobs),
        access,
    })
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::in_folder(tempfile::tempdir().unwrap(), meta::SqliteOptions::default()).await
    }

    pub(crate) async fn in_folder(folder: tempfile::TempDir, options: meta::SqliteOptions) -> Self {
        let meta = Meta::sqlite(folder.path().join("wharf.db"), options).await.unwrap();
        let rules = opened(&folder, meta.clone()).await;
        let (access_key_id, secret) = bootstrap::random_access_key().unwrap();
        let administrator = Administrator {
            account_id: ACCOUNT.parse().unwrap(),
            region: region(),
            access_key_id: access_key_id.clone(),
            secret,
        };
        rules.identity.ensure_administrator(&administrator, Timestamp::now()).await.unwrap();
        let key = meta.read(meta::FindAccessKey { id: access_key_id.clone() }).await.unwrap().unwrap();
        let admin = caller(&key.principal.name, key.principal.unique_id, access_key_id);
        Self { rules, meta, admin, folder }
    }

    /// Opens the registry on the same stores, like another process.
    pub(crate) async fn another(&self) -> Rules {
        opened(&self.folder, self.meta.clone()).await
    }

    /// The same world after its operator changed the settings.
    pub(crate) async fn set(self, change: impl FnOnce(&mut Settings)) -> Self {
        let rules = opened_as(&self.folder, self.meta.clone(), [7; 32], change).await.unwrap();
        Self { rules, ..self }
    }

    /// The registry on another node: the same metadata, and its own folder of bytes.
    pub(crate) async fn another_node(&self, folder: &tempfile::TempDir) -> Rules {
        let rules = opened(folder, self.meta.clone()).await;
        let blobs = blob::Store::disk(folder.path().join("blobs"), blob::DiskOptions::default()).unwrap();
        Rules { registry: Registry::on_node(Arc::clone(&rules.access), blobs, true), ..rules }
    }

    /// The same, with this master key.
    pub(crate) async fn opened_with(&self, master_key: [u8; 32]) -> Result<Rules> {
        opened_with(&self.folder, self.meta.clone(), master_key).await
    }

    /// A user of the account with this identity policy.
    pub(crate) async fn user(&self, name: &str, statements: &str) -> Arc<Caller> {
        let account = FindAccount { account_id: ACCOUNT.parse().unwrap() };
        let account = self.meta.read(account).await.unwrap().unwrap().key;
        let unique_id = format!("AIDA{:0>17}", name.to_ascii_uppercase());
        let at = micros(Timestamp::now());
        let user = CreateUser {
            account,
            unique_id: unique_id.clone(),
            path: "/".to_owned(),
            name: name.to_owned(),
            at,
        };
        self.meta.write(user).await.unwrap();
        let (id, _) = bootstrap::random_access_key().unwrap();
        let key = CreateAccessKey { id: id.clone(), owner: unique_id.clone(), sealed_secret: vec![1], at };
        self.meta.write(key).await.unwrap();
        self.set_policy(&unique_id, statements).await;
        caller(name, unique_id, id)
    }

    pub(crate) async fn set_policy(&self, owner: &str, statements: &str) {
        let put = PutInlinePolicy {
            owner: owner.to_owned(),
            name: "rights".to_owned(),
            document: format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#),
        };
        self.meta.write(put).await.unwrap();
    }

    pub(crate) async fn create(&self, name: &str) -> RepositoryRef {
        let input = CreateRepositoryRequest {
            repository_name: name.to_owned(),
            ..CreateRepositoryRequest::default()
        };
        self.rules.registry.create_repository(&ctx(&self.admin), &region(), input).await.unwrap();
        repository(name)
    }

    /// The key of a repository in the store.
    pub(crate) async fn row(&self, repository: &RepositoryRef) -> meta::RepositoryKey {
        let find = meta::Resolve {
            account_id: repository.account_id.clone(),
            region: repository.region.clone(),
            repository: Some(repository.name.to_string()),
            target: meta::Target::None,
            caller: None,
        };
        self.meta.resolve(find).await.unwrap().basis.repository.as_ref().unwrap().key
    }

    pub(crate) async fn push_blob(&self, repository: &RepositoryRef, bytes: &'static [u8]) -> Digest {
        let digest = sha256(bytes);
        let incoming = Incoming::buffered(bytes.into());
        self.rules.registry.put_blob(&ctx(&self.admin), repository, &digest, incoming).await.unwrap();
        digest
    }

    /// Pushes an image under a tag as the administrator.
    pub(crate) async fn push(
        &self,
        repository: &RepositoryRef,
        tag: &str,
        config: &'static [u8],
    ) -> Result<Pushed> {
        self.push_by(&self.admin, (repository, tag), config).await
    }

    /// Pushes an image under a tag.
    pub(crate) async fn push_by(
        &self,
        by: &Arc<Caller>,
        (repository, tag): (&RepositoryRef, &str),
        config: &'static [u8],
    ) -> Result<Pushed> {
        let registry = &self.rules.registry;
        let incoming = Incoming::buffered(config.into());
        registry.put_blob(&ctx(by), repository, &sha256(config), incoming).await.unwrap();
        let reference = Reference::Tag(tag.parse().unwrap());
        let body = manifest(config).into();
        registry.put_manifest(&ctx(by), repository, &reference, &[], None, body).await
    }

    /// The number of files in the blob store.
    pub(crate) fn files(&self) -> usize {
        self.objects().len()
    }

    /// The files of the blob store.
    pub(crate) fn objects(&self) -> Vec<std::path::PathBuf> {
        fn all(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
            let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            entries.flat_map(|path| if path.is_dir() { all(&path) } else { vec![path] }).collect()
        }
        all(&self.folder.path().join("blobs/objects"))
    }
}

/// The number of files in the folders of a folder.
pub(crate) fn files(folder: &std::path::Path) -> usize {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| std::fs::read_dir(entry.unwrap().path()).unwrap().count())
        .sum()
}

fn caller(name: &str, unique_id: String, access_key_id: aws::ids::AccessKeyId) -> Arc<Caller> {
    let kind = CallerKind::User { path: "/".to_owned(), name: name.to_owned() };
    Arc::new(Caller::with_key(ACCOUNT.parse().unwrap(), unique_id, kind, access_key_id))
}
