//! The identities of a temporary store, with an administrator and the users that a test creates.

use std::sync::Arc;

use access::Access;
use access::context::{Caller, CallerKind, Ctx, Peer, Plane, micros};
use access::error::{Code, Result};
use access::quota::Quotas;
use access::settings::{Limits, MasterKey, PublicAddress, Settings};
use aws::ids::Region;
use identity::Identity;
use identity::bootstrap::{self, Administrator};
use jiff::Timestamp;
use meta::{CreateAccessKey, CreateUser, FindAccount, Meta, PutInlinePolicy};

pub(crate) const ACCOUNT: &str = "123456789012";

/// The rules of one process.
pub(crate) struct Rules {
    pub(crate) access: Arc<Access>,
    pub(crate) identity: Arc<Identity>,
}

pub(crate) struct World {
    pub(crate) rules: Rules,
    pub(crate) meta: Meta,
    pub(crate) admin: Arc<Caller>,
    _folder: tempfile::TempDir,
}

pub(crate) fn region() -> Region {
    "eu-west-1".parse().unwrap()
}

/// The context of one request of a caller.
pub(crate) fn ctx(caller: &Arc<Caller>) -> Ctx {
    let peer = Peer { address: [127, 0, 0, 1].into(), tls: false };
    let id = uuid::Uuid::new_v4().to_string();
    Ctx::new(Arc::clone(caller), peer, None, id, Timestamp::now(), Plane::Control).recorded_in(Arc::default())
}

/// The code of an error; panics on success.
pub(crate) fn code<T>(result: Result<T>) -> Code {
    match result {
        Ok(_) => panic!("it was not refused"),
        Err(error) => error.code,
    }
}

async fn opened(meta: Meta, quotas: &Quotas) -> Rules {
    let settings = Settings {
        address: PublicAddress {
            scheme: "http",
            suffix: None,
            host: "localhost".to_owned(),
            ecr_public_host: None,
            port: 5100,
        },
        default_region: region(),
        limits: Limits { quotas: *quotas, ..Limits::default() },
        rates: access::rate::Rates::default(),
        storage_quotas: Vec::new(),
        vpc_endpoints: Vec::new(),
        event_sinks: Vec::new(),
        dialler: access::settings::Dialler::new(|_| false),
        peers: access::settings::Peers::default(),
        pull_through_cache: access::settings::PullThroughCache::new(access::settings::Dialler::new(|_| {
            false
        })),
        master_key: MasterKey::new([7; 32]),
        backup: None,
    };
    let access = Access::open(settings, meta).await.unwrap();
    Rules { identity: Identity::new(Arc::clone(&access)), access }
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = meta::SqliteOptions::default();
        let meta = Meta::sqlite(folder.path().join("wharf.db"), options).await.unwrap();
        let rules = opened(meta.clone(), &Quotas::default()).await;
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
        Self { rules, meta, admin, _folder: folder }
    }

    /// Opens the same store as another process.
    pub(crate) async fn another(&self) -> Rules {
        self.another_with(&Quotas::default()).await
    }

    /// Opens the same store as another process with these quotas.
    pub(crate) async fn another_with(&self, quotas: &Quotas) -> Rules {
        opened(self.meta.clone(), quotas).await
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
}

fn caller(name: &str, unique_id: String, access_key_id: aws::ids::AccessKeyId) -> Arc<Caller> {
    let kind = CallerKind::User { path: "/".to_owned(), name: name.to_owned() };
    Arc::new(Caller::with_key(ACCOUNT.parse().unwrap(), unique_id, kind, access_key_id))
}
