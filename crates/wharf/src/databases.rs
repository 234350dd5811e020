//! The other databases of a deployment, and the layers of their registries
//! (docs/adr/0047-registries-on-several-databases.md).
//!
//! Each has a store of blobs of its own, in a folder of the deployment's store. Its rows and its bytes belong together, so
//! its collector decides alone. One that is away does not keep the others from being opened.

use std::sync::{Arc, OnceLock};

use access::error::{Code, Error};
use anyhow::{Context as _, bail};
use futures::future::join_all;
use jiff::Timestamp;
use meta::{
    DATABASE_ID_SETTING, DIRECTORY_SETTING, GetSetting, GetUnfinishedMove, HasArchivedObjects, JoinDirectory,
    Meta, READ_ONLY_SETTING, StoreError,
};
use server::Deployment;

use crate::blob_store::{BlobFolders, BlobStore};
use crate::config::OtherDatabase;
use crate::files;

/// The setting that only the database of a deployment has.
const KEY_RING: &str = "key-ring";

/// A database, and where the layers of its registries are.
pub(crate) struct Other {
    database: OtherDatabase,
    blobs: BlobStore,
}

/// The databases of a configuration. `blobs` is the store of the deployment.
pub(crate) fn others(databases: Vec<OtherDatabase>, blobs: &BlobStore) -> anyhow::Result<Vec<Other>> {
    let other = |database: OtherDatabase| {
        let blobs = blobs.of_database(&database.name)?;
        Ok(Other { database, blobs })
    };
    databases.into_iter().map(other).collect()
}

/// Refuses the database of `[database]` if it belongs to another directory.
pub(crate) async fn check_directory(meta: &Meta) -> anyhow::Result<()> {
    if meta.read(GetSetting { name: DIRECTORY_SETTING.to_owned() }).await?.is_some() {
        bail!("database.url is a database of [[databases]]: it has registries, and no accounts of its own");
    }
    Ok(())
}

/// Adds the registries of these databases to a deployment. Returns those that are away.
pub(crate) async fn attach(deployment: &mut Deployment, databases: Vec<Other>) -> anyhow::Result<Vec<Other>> {
    let names = || databases.iter().map(|other| other.database.name.clone());
    deployment.access.name_databases(names());
    deployment.beside = Arc::new(names().map(|name| (name, OnceLock::new())).collect());
    for name in deployment.access.placed_databases().await? {
        if !deployment.beside.contains_key(&name) {
            bail!("registries are placed in the database '{name}': [[databases]] must have it");
        }
    }
    open_all(deployment, databases).await
}

/// Opens databases, at the same time. Returns those that are away.
async fn open_all(deployment: &Deployment, databases: Vec<Other>) -> anyhow::Result<Vec<Other>> {
    let opened = join_all(databases.iter().map(|other| Box::pin(open(deployment, other)))).await;
    let mut away = Vec::new();
    for (other, opened) in databases.into_iter().zip(opened) {
        match opened {
            Ok(()) => {}
            Err(error) if is_away(&error) => {
                let error = format!("{error:#}");
                tracing::error!(database = other.database.name, error, "requests to its registries get 503");
                away.push(other);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(away)
}

/// Tries again to open a database, which is returned if that fails.
pub(crate) async fn open_again(deployment: &Deployment, other: Other) -> Option<Other> {
    let name = &other.database.name;
    match Box::pin(open(deployment, &other)).await {
        Ok(()) => {
            tracing::info!(database = name, "the database is open");
            None
        }
        Err(error) => {
            tracing::warn!(database = name, error = format!("{error:#}"), "the database is not open yet");
            Some(other)
        }
    }
}

/// Whether a database could not be reached, so that nothing is known about it.
fn is_away(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let of_service = cause.downcast_ref::<Error>().is_some_and(|error| error.code == Code::Unavailable);
        let of_store = matches!(
            cause.downcast_ref(),
            Some(
                StoreError::Connect(_)
                    | StoreError::TimedOut(_)
                    | StoreError::Postgres(_)
                    | StoreError::Unsettled
                    | StoreError::Overloaded
                    | StoreError::Away
            )
        );
        of_service || of_store
    })
}

async fn open(deployment: &Deployment, Other { database, blobs }: &Other) -> anyhow::Result<()> {
    let OtherDatabase { name, url, options } = database;
    let cannot = || format!("cannot open the database '{name}' of [[databases]]");
    // A database of something else stays as it is.
    let found =
        Meta::settings_at(url, *options, &[KEY_RING, DATABASE_ID_SETTING]).await.with_context(cannot)?;
    if found.iter().any(|found| found == KEY_RING) {
        bail!("the database '{name}' of [[databases]] has accounts of its own: it must be an empty one");
    }
    let has_id = found.iter().any(|found| found == DATABASE_ID_SETTING);
    if !has_id && deployment.access.known_database(name).await?.is_some() {
        bail!(
            "the database '{name}' of [[databases]] has no registries, and the directory knows another one with this \
             name: check its url, or restore it"
        );
    }
    let meta = Meta::postgres(url, *options).await.with_context(cannot)?;
    belongs(deployment, name, &meta).await?;
    if meta.read(GetUnfinishedMove).await?.is_some() {
        bail!("the database '{name}' of [[databases]] is the destination of a move that has not ended");
    }
    if meta.read(GetSetting { name: READ_ONLY_SETTING.to_owned() }).await?.is_some() {
        tracing::warn!(database = name, "this database is read-only, because it is or was moved");
    }
    if let BlobStore::Folders(BlobFolders { standard, archive }) = blobs {
        for path in [Some(standard), archive.as_ref()].into_iter().flatten() {
            files::make_private_folder(path)?;
        }
    }
    if !blobs.has_archive() && meta.read(HasArchivedObjects).await? {
        bail!("layers of the database '{name}' are in the archive: set blobs.archive_path to its folder");
    }
    let store = blobs.clone().open(&meta).await;
    let store = store.with_context(|| format!("the layers of the database '{name}'"))?;
    let access = deployment.access.beside(name, meta);
    deployment.access.compare_placements(&access, name, Timestamp::now()).await?;
    let registry = deployment.registry.beside(Arc::clone(&access), store);
    if let Some(place) = deployment.beside.get(name) {
        // Requests find both, in this order, or neither.
        drop(place.set(registry));
        deployment.access.open_database(name, access);
    }
    Ok(())
}

/// Records whose database it is, in both. It must not have another name, or belong to another deployment, and it must be
/// the one that had this name before: another one has none of its registries.
async fn belongs(deployment: &Deployment, name: &str, meta: &Meta) -> anyhow::Result<()> {
    let own = format!("{}/{name}", deployment.access.organization.id);
    let join = JoinDirectory { directory: own.clone(), id: blob::ObjectKey::random().to_string() };
    let (directory, id) = meta.write(join).await?;
    if directory != own {
        bail!(
            "the database '{name}' of [[databases]] belongs to {directory}, and not to {own}: check its url"
        );
    }
    let known = deployment.access.ensure_database(name, &id).await?;
    if known != id {
        bail!(
            "the database '{name}' of [[databases]] has the ID {id}, and the directory knows the ID {known}: check its \
             url"
        );
    }
    Ok(())
}
