//! A server to test: sockets, stores, deployment, a caller and its docker password.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use access::Access;
use access::context::{Caller, CallerKind, Ctx, Peer, Plane};
use access::rate::Rates;
use access::settings::{MasterKey, PublicAddress, Settings};
use aws::ecr::{
    CreateRepositoryRequest, DescribeImagesRequest, GetAuthorizationTokenRequest, ImageTagMutability,
    PutAccountSettingRequest,
};
use aws::ids::Region;
use identity::Identity;
use identity::bootstrap::{self, Administrator};
use jiff::{SignedDuration, Timestamp};
use registry::Registry;
use server::{Deployment, Listener, Options, Server};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::client::Client;

pub(crate) const REPOSITORY: &str = "team/app";

pub(crate) struct Node {
    pub(crate) address: SocketAddr,
    pub(crate) metrics: Option<SocketAddr>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) password: String,
    pub(crate) meta: meta::Meta,
    caller: Arc<Caller>,
    stop: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<bool>>,
    folder: tempfile::TempDir,
}

/// The root of another account, with a docker password.
pub(crate) struct Member {
    pub(crate) ctx: Ctx,
    password: String,
}

impl Node {
    /// HTTP without TLS, with the repository [`REPOSITORY`].
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options::plain("127.0.0.1:0".parse().unwrap());
        change(&mut options);
        Self::start_in(options, |_| {}).await
    }

    /// A server with other settings of the deployment.
    pub(crate) async fn start_as(change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_in(Options::plain("127.0.0.1:0".parse().unwrap()), change).await
    }

    /// A server with rates and a listener for metrics.
    pub(crate) async fn start_with_rates(rates: Rates) -> Self {
        let mut options = Options::plain("127.0.0.1:0".parse().unwrap());
        options.metrics_listen = Some("127.0.0.1:0".parse().unwrap());
        Self::start_in(options, |settings| settings.rates = rates).await
    }

    async fn start_in(options: Options, change: impl FnOnce(&mut Settings)) -> Self {
        let listener = Listener::bind(options).await.unwrap();
        let (address, metrics) = (listener.address(), listener.metrics_address());
        let folder = tempfile::tempdir().unwrap();
        let (deployment, meta, caller) = open(&folder, address, change).await;
        let (stop, stopped) = oneshot::channel::<()>();
        let server = Server::new(listener, deployment.clone());
        let running =
            tokio::spawn(async move { server.run(Box::pin(async { drop(stopped.await) })).await.unwrap() });
        let mut node = Self {
            address,
            metrics,
            identity: deployment.identity,
            registry: deployment.registry,
            password: String::new(),
            meta,
            caller,
            stop: Some(stop),
            running: Some(running),
            folder,
        };
        node.password = node.password_of(Timestamp::now()).await;
        node.create(REPOSITORY, None).await;
        node
    }

    pub(crate) async fn create(&self, name: &str, mutability: Option<ImageTagMutability>) {
        let input = CreateRepositoryRequest {
            repository_name: name.to_owned(),
            image_tag_mutability: mutability,
            ..CreateRepositoryRequest::default()
        };
        self.registry.create_repository(&self.ctx(Timestamp::now()), &region(), input).await.unwrap();
    }

    /// Changes a setting of the registry.
    pub(crate) async fn set(&self, name: &str, value: &str) {
        let input = PutAccountSettingRequest { name: name.to_owned(), value: value.to_owned() };
        self.registry.put_account_setting(&self.ctx(Timestamp::now()), &region(), input).await.unwrap();
    }

    /// Whether a pull of the only image of [`REPOSITORY`] has been recorded.
    pub(crate) async fn is_pulled(&self) -> bool {
        let input = DescribeImagesRequest {
            repository_name: REPOSITORY.to_owned(),
            ..DescribeImagesRequest::default()
        };
        let ctx = self.ctx(Timestamp::now());
        let answer = self.registry.describe_images(&ctx, &region(), input).await.unwrap();
        let [image] = answer.image_details.as_slice() else { panic!("there is not one image") };
        serde_json::to_value(image).unwrap().get("lastRecordedPullTime").is_some()
    }

    /// A docker password that was requested at a given time.
    pub(crate) async fn password_of(&self, at: Timestamp) -> String {
        let input = GetAuthorizationTokenRequest::default();
        let answer = self.registry.get_authorization_token(&self.ctx(at), &region(), input).await.unwrap();
        answer.authorization_data.into_iter().next().unwrap().authorization_token
    }

    /// A password that expired an hour ago.
    pub(crate) async fn expired_password(&self) -> String {
        self.password_of(Timestamp::now() - SignedDuration::from_hours(13)).await
    }

    pub(crate) fn ctx(&self, now: Timestamp) -> Ctx {
        let peer = Peer { address: self.address.ip(), tls: false };
        let id = format!("test-{}", now.as_nanosecond());
        Ctx::new(Arc::clone(&self.caller), peer, None, id, now, Plane::Control)
    }

    /// A client that is logged in.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.address).authorization(Some(format!("Basic {}", self.password)))
    }

    /// Another account of the deployment.
    pub(crate) async fn member(&self, id: &str) -> Member {
        let (id, now) = (id.parse().unwrap(), Timestamp::now());
        self.identity.ensure_member("member", Some(&id), now).await.unwrap();
        let (key, _) = self.identity.make_root_key(&id, now).await.unwrap();
        let caller = Arc::new(Caller::with_key(id.clone(), id.to_string(), CallerKind::Root, key));
        let ctx = Ctx { caller, ..self.ctx(now) };
        let input = GetAuthorizationTokenRequest::default();
        let answer = self.registry.get_authorization_token(&ctx, &region(), input).await.unwrap();
        let granted = answer.authorization_data.into_iter().next().unwrap();
        assert_eq!(granted.proxy_endpoint, format!("http://localhost:{}/{id}", self.address.port()));
        Member { ctx, password: granted.authorization_token }
    }

    /// A client that is logged in as a member account.
    pub(crate) fn client_of(&self, member: &Member) -> Client {
        self.client().authorization(Some(format!("Basic {}", member.password)))
    }

    /// The number of its open blobs.
    pub(crate) fn open_files(&self) -> usize {
        let blobs = self.folder.path().join("blobs");
        let links = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        let files = links.filter_map(|entry| std::fs::read_link(entry.path()).ok());
        files.filter(|file| file.starts_with(&blobs) && file.is_file()).count()
    }

    /// Removes the files of all objects, and returns how many there were.
    pub(crate) fn lose_objects(&self) -> usize {
        let mut folders = vec![self.folder.path().join("blobs/objects")];
        let mut count = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                } else {
                    std::fs::remove_file(entry.path()).unwrap();
                    count += 1;
                }
            }
        }
        count
    }

    /// Asks the server to stop. The future is ready when it has stopped, and returns whether all requests finished.
    pub(crate) fn stop(&mut self) -> impl Future<Output = bool> + use<> {
        drop(self.stop.take());
        let running = self.running.take().unwrap();
        async move { running.await.unwrap() }
    }
}

async fn open(
    folder: &tempfile::TempDir,
    address: SocketAddr,
    change: impl FnOnce(&mut Settings),
) -> (Deployment, meta::Meta, Arc<Caller>) {
    let meta =
        meta::Meta::sqlite(folder.path().join("wharf.db"), meta::SqliteOptions::default()).await.unwrap();
    let blobs = blob::Store::disk(folder.path().join("blobs"), blob::DiskOptions::default()).unwrap();
    let mut settings = Settings {
        address: PublicAddress {
            scheme: "http",
            suffix: None,
            host: "localhost".to_owned(),
            ecr_public_host: None,
            port: address.port(),
        },
        default_region: region(),
        limits: access::settings::Limits::default(),
        rates: Rates::default(),
        storage_quotas: Vec::new(),
        vpc_endpoints: Vec::new(),
        event_sinks: Vec::new(),
        dialler: access::settings::Dialler::new(|_| false),
        peers: access::settings::Peers::default(),
        pull_through_cache: access::settings::PullThroughCache {
            insecure_hosts: vec!["127.0.0.1".to_owned()],
            ..access::settings::PullThroughCache::new(access::settings::Dialler::new(|address| {
                address.is_loopback()
            }))
        },
        master_key: MasterKey::new([7; 32]),
        backup: None,
    };
    change(&mut settings);
    let access = Access::open(settings, meta.clone()).await.unwrap();
    let deployment = Deployment {
        identity: Identity::new(Arc::clone(&access)),
        events: events::Events::new(Arc::clone(&access)).unwrap(),
        registry: Registry::new(Arc::clone(&access), blobs),
        beside: Arc::default(),
        access,
    };
    let (access_key_id, secret) = bootstrap::random_access_key().unwrap();
    let administrator = Administrator {
        account_id: "123456789012".parse().unwrap(),
        region: region(),
        access_key_id: access_key_id.clone(),
        secret,
    };
    deployment.identity.ensure_administrator(&administrator, Timestamp::now()).await.unwrap();
    let key = meta.read(meta::FindAccessKey { id: access_key_id.clone() }).await.unwrap().unwrap();
    let principal = key.principal;
    let kind = CallerKind::User { path: principal.path, name: principal.name };
    let caller = Caller::with_key(principal.account_id, principal.unique_id, kind, access_key_id);
    (deployment, meta, Arc::new(caller))
}

pub(crate) fn region() -> Region {
    "us-east-1".parse().unwrap()
}
