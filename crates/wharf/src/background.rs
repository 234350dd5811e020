//! What a running node does that no request asks for: it runs the reconcilers, and follows changes of the keys.

use std::path::PathBuf;

use registry::reconcile::Driver;
use server::Deployment;

use crate::master_rotation;

/// The file of the master key, and whether only this process can open the store.
pub(crate) struct MasterKeyFile {
    pub(crate) path: PathBuf,
    pub(crate) is_alone: bool,
}

/// Follows rotations of the sealing keys and of the master key until it is stopped. After a failure the keys that were
/// read before stay in use.
pub(crate) async fn follow_keys(deployment: Deployment, file: MasterKeyFile) {
    loop {
        if let Err(error) = master_rotation::follow(&deployment, &file.path, file.is_alone).await {
            tracing::error!(error = format!("{error:#}"), "the keys could not be read again");
        }
        tokio::time::sleep(access::keys::REFRESH).await;
    }
}

/// Runs the reconcilers until it is stopped.
pub(crate) async fn reconcile(deployment: Deployment) {
    Driver::new(&deployment.registry).run().await;
}
