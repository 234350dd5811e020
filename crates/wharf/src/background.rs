//! What a running node does when nobody asks: it ends left uploads, empties deleted repositories, removes the bytes
//! that neither needs any more, and forgets sessions that ended.

use std::sync::Arc;

use jiff::Timestamp;
use registry::Registry;
use registry::error::{Error, Internal};

/// Goes round until it is stopped. The order matters: bytes are freed by the two passes before the last.
pub(crate) async fn clean(registry: Arc<Registry>) {
    loop {
        let uploads = done("ending uploads that were left", registry.expire_uploads(Timestamp::now()).await);
        let repositories =
            done("emptying deleted repositories", registry.purge_repositories(Timestamp::now()).await);
        let objects =
            done("removing bytes whose rows are gone", registry.sweep_doomed(Timestamp::now()).await);
        let contexts =
            done("forgetting sessions that ended", registry.forget_session_contexts(Timestamp::now()).await);
        if uploads + repositories + objects + contexts == 0 {
            tokio::time::sleep(registry::sweep::PAUSE).await;
        } else {
            tracing::debug!(uploads, repositories, objects, contexts, "cleaned");
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
