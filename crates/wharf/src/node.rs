//! One running node: stores, registry, server, background work, signals.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use access::Access;
use access::settings::Settings;
use anyhow::bail;
use events::Events;
use identity::Identity;
use registry::Registry;
use server::{Deployment, Listener, Server};
use tokio::signal::unix::{SignalKind, signal};

use crate::background::{self, MasterKeyFile};
use crate::blob_store::BlobStore;
use crate::databases::{self, Other};
use crate::telemetry::Exporter;
use crate::{logging, systemd};

/// Opens the deployment on SQLite or PostgreSQL, its store of blobs, and its other databases. Returns those that are away.
pub(crate) async fn open(
    settings: Settings,
    meta: meta::Meta,
    blobs: BlobStore,
    others: Vec<Other>,
) -> anyhow::Result<(Deployment, Vec<Other>)> {
    databases::check_directory(&meta).await?;
    if meta.read(meta::GetUnfinishedMove).await?.is_some() {
        bail!("a store is being moved to this database: run wharf migrate-store again until it has ended");
    }
    if !blobs.has_archive() && meta.read(meta::HasArchivedObjects).await? {
        bail!("layers are in the archive: set blobs.archive_path (WHARF__BLOBS__ARCHIVE_PATH) to its folder");
    }
    let store = blobs.open(&meta).await?;
    let mut deployment = of_parts(settings, meta, store).await?;
    let away = databases::attach(&mut deployment, others).await?;
    Ok((deployment, away))
}

/// A deployment of a database and a store of blobs that belong together.
pub(crate) async fn of_parts(
    settings: Settings,
    meta: meta::Meta,
    store: blob::Store,
) -> anyhow::Result<Deployment> {
    let access = Access::open(settings, meta).await?;
    Ok(Deployment {
        identity: Identity::new(Arc::clone(&access)),
        events: Events::new(Arc::clone(&access))?,
        registry: Registry::new(Arc::clone(&access), store),
        beside: Arc::default(),
        access,
    })
}

/// How long a node that stops waits until the times of the last pulls are written.
const LAST_WRITE: Duration = Duration::from_secs(5);

/// Serves until a signal arrives, then drains.
pub(crate) async fn run(
    listener: Listener,
    (deployment, away): (Deployment, Vec<Other>),
    master_key: MasterKeyFile,
    exporter: Option<Exporter>,
) -> anyhow::Result<()> {
    let shutdown = stop_signal()?;
    let tracer = exporter.as_ref().map(Exporter::tracer).unwrap_or_default();
    let exporting = exporter.map(Exporter::start);
    let beside = tokio::spawn(background::run_beside(deployment.clone(), away, tracer.clone()));
    let reconcilers = tokio::spawn(background::reconcile(deployment.clone(), tracer.clone()));
    let peers = tokio::spawn(background::replicate_to_peers(deployment.clone(), tracer.clone()));
    let delivery = tokio::spawn(background::deliver(deployment.clone(), tracer));
    let alive = tokio::spawn(systemd::keep_alive());
    let follower = tokio::spawn(background::follow_keys(deployment.clone(), master_key));
    let clock = tokio::spawn(background::watch_clock(Arc::clone(&deployment.access)));
    let (own, others) = (Arc::clone(&deployment.registry), Arc::clone(&deployment.beside));
    let drained = Server::new(listener, deployment).run(Box::pin(shutdown)).await;
    let registries = std::iter::once(&own).chain(others.values().filter_map(|opened| opened.get()));
    let last_writes = futures::future::join_all(registries.map(|registry| registry.write_pull_times()));
    if tokio::time::timeout(LAST_WRITE, last_writes).await.is_err() {
        tracing::warn!("the times of the last pulls were not recorded: the store does not answer");
    }
    // Each pass consists of complete transactions, so a stop between two of them leaves nothing half done.
    beside.abort();
    reconcilers.abort();
    peers.abort();
    delivery.abort();
    follower.abort();
    clock.abort();
    alive.abort();
    if let Some(exporting) = exporting {
        exporting.finish().await;
    }
    if !drained? {
        tracing::warn!("stopped; unfinished requests were cut off");
    }
    tracing::info!("stopped");
    Ok(())
}

/// Resolves at SIGTERM or SIGINT. A second signal ends the process immediately.
pub(crate) fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        systemd::stopping();
        tracing::info!("stopping: running requests may finish; a second signal cuts them off");
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            logging::finish_at_once();
            std::process::exit(130);
        });
    })
}
