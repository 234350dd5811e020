//! Background work of a running node: it ends abandoned uploads, empties deleted repositories, removes the bytes that
//! nothing needs any more, forgets expired sessions, and follows rotations of the keys.

use std::path::PathBuf;

use access::error::{Error, Internal};
use jiff::Timestamp;
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

/// Repeats until it is stopped. The order matters: the first two passes free the bytes that the third removes.
pub(crate) async fn clean(deployment: Deployment) {
    loop {
        let uploads =
            done("ending abandoned uploads", deployment.registry.expire_uploads(Timestamp::now()).await);
        let repositories = done(
            "emptying deleted repositories",
            deployment.registry.purge_repositories(Timestamp::now()).await,
        );
        let objects = done(
            "removing bytes whose rows are gone",
            deployment.registry.sweep_doomed(Timestamp::now()).await,
        );
        let contexts = done(
            "forgetting expired sessions",
            deployment.access.forget_session_contexts(Timestamp::now()).await,
        );
        let keys = done("re-sealing secrets", deployment.access.tend_keys(Timestamp::now()).await);
        if uploads + repositories + objects + contexts + keys == 0 {
            tokio::time::sleep(registry::sweep::PAUSE).await;
        } else {
            tracing::debug!(uploads, repositories, objects, contexts, keys, "cleaned");
        }
    }
}

/// How much a pass did. A failed pass is logged with its cause and retried after the pause.
fn done(what: &str, pass: Result<usize, Error>) -> usize {
    pass.unwrap_or_else(|error| {
        let cause = error.internal.as_ref().map(Internal::chain);
        tracing::error!(%error, cause, "{what} failed");
        0
    })
}
