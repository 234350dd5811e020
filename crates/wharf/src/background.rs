//! What a running node does when nobody asks: it ends left uploads, empties deleted repositories, removes the bytes
//! that neither needs any more, forgets sessions that ended, and follows what becomes of the keys.

use std::path::PathBuf;

use access::error::{Error, Internal};
use jiff::Timestamp;
use server::Deployment;

use crate::master_rotation;

/// The file of the master key, and whether no other node has the store.
pub(crate) struct MasterKeyFile {
    pub(crate) path: PathBuf,
    pub(crate) is_alone: bool,
}

/// Follows rotations of the sealing keys and of the master key until it is stopped. What was read before goes on
/// while that fails.
pub(crate) async fn follow_keys(deployment: Deployment, file: MasterKeyFile) {
    loop {
        if let Err(error) = master_rotation::follow(&deployment, &file.path, file.is_alone).await {
            tracing::error!(error = format!("{error:#}"), "the keys could not be read again");
        }
        tokio::time::sleep(access::keys::REFRESH).await;
    }
}

/// Goes round until it is stopped. The order matters: bytes are freed by the two passes before the last.
pub(crate) async fn clean(deployment: Deployment) {
    loop {
        let uploads =
            done("ending uploads that were left", deployment.registry.expire_uploads(Timestamp::now()).await);
        let repositories = done(
            "emptying deleted repositories",
            deployment.registry.purge_repositories(Timestamp::now()).await,
        );
        let objects = done(
            "removing bytes whose rows are gone",
            deployment.registry.sweep_doomed(Timestamp::now()).await,
        );
        let contexts = done(
            "forgetting sessions that ended",
            deployment.access.forget_session_contexts(Timestamp::now()).await,
        );
        let keys = done("sealing secrets anew", deployment.access.tend_keys(Timestamp::now()).await);
        if uploads + repositories + objects + contexts + keys == 0 {
            tokio::time::sleep(registry::sweep::PAUSE).await;
        } else {
            tracing::debug!(uploads, repositories, objects, contexts, keys, "cleaned");
        }
    }
}

/// How much a pass did; a pass that failed is logged with its cause and tried again after the pause.
fn done(what: &str, pass: Result<usize, Error>) -> usize {
    pass.unwrap_or_else(|error| {
        let cause = error.internal.as_ref().map(Internal::chain);
        tracing::error!(%error, cause, "{what} failed");
        0
    })
}
