//! The other databases of a deployment, and the layers of their registries
//! (docs/adr/0047-registries-on-several-databases.md).
//!
//! Each has a store of blobs of its own, in a folder of the deployment's store. Its rows and its bytes belong together, so
//! its collector decides alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use meta::{GetSetting, HasArchivedObjects, Meta, PutSettingOnce};
use server::Deployment;

use crate::blob_store::{BlobFolders, BlobStore};
use crate::config::OtherDatabase;
use crate::files;

/// The setting of another database that names its directory.
const DIRECTORY: &str = "directory";
/// The setting that only the database of a deployment has.
const KEY_RING: &str = "key-ring";

/// A database that is connected.
pub(crate) struct Connected {
    name: String,
    meta: Meta,
    blobs: BlobStore,
}

/// Connects the databases. `blobs` is the store of the deployment.
pub(crate) async fn connect(
    databases: &[OtherDatabase],
    blobs: &BlobStore,
) -> anyhow::Result<Vec<Connected>> {
    let mut connected = Vec::with_capacity(databases.len());
    for OtherDatabase { name, url, options } in databases {
        let meta = Meta::postgres(url, *options).await;
        let meta = meta.with_context(|| format!("cannot open the database '{name}' of [[databases]]"))?;
        let blobs = blobs.of_database(name)?;
        if let BlobStore::Folders(BlobFolders { standard, archive }) = &blobs {
            for path in [Some(standard), archive.as_ref()].into_iter().flatten() {
                files::make_private_folder(path)?;
            }
        }
        connected.push(Connected { name: name.clone(), meta, blobs });
    }
    Ok(connected)
}

/// Refuses the database of `[database]` if it belongs to another directory.
pub(crate) async fn check_directory(meta: &Meta) -> anyhow::Result<()> {
    if meta.read(GetSetting { name: DIRECTORY.to_owned() }).await?.is_some() {
        bail!("database.url is a database of [[databases]]: it has registries, and no accounts of its own");
    }
    Ok(())
}

/// Adds the registries of these databases to a deployment.
pub(crate) async fn attach(deployment: &mut Deployment, databases: Vec<Connected>) -> anyhow::Result<()> {
    let mut accesses = BTreeMap::new();
    for Connected { name, meta, blobs } in databases {
        belongs(deployment, &name, &meta).await?;
        if !blobs.has_archive() && meta.read(HasArchivedObjects).await? {
            bail!("layers of the database '{name}' are in the archive: set blobs.archive_path to its folder");
        }
        let store =
            blobs.open(&meta).await.with_context(|| format!("the layers of the database '{name}'"))?;
        let access = deployment.access.beside(&name, meta);
        let registry = deployment.registry.beside(Arc::clone(&access), store);
        deployment.beside.insert(name.clone(), registry);
        accesses.insert(name, access);
    }
    deployment.access.set_databases(accesses);
    for name in deployment.access.placed_databases().await? {
        if !deployment.beside.contains_key(&name) {
            bail!("registries are placed in the database '{name}': [[databases]] must have it");
        }
    }
    Ok(())
}

/// Records whose database it is. It must not have another name, or belong to another deployment.
async fn belongs(deployment: &Deployment, name: &str, meta: &Meta) -> anyhow::Result<()> {
    if meta.read(GetSetting { name: KEY_RING.to_owned() }).await?.is_some() {
        bail!("the database '{name}' of [[databases]] has accounts of its own: it must be an empty one");
    }
    let own = format!("{}/{name}", deployment.access.organization.id);
    let put = PutSettingOnce { name: DIRECTORY.to_owned(), value: own.clone().into_bytes() };
    let known = meta.write(put).await?;
    if known != own.as_bytes() {
        let known = String::from_utf8_lossy(&known);
        bail!("the database '{name}' of [[databases]] belongs to {known}, and not to {own}: check its url");
    }
    Ok(())
}
