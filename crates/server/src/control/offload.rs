//! Moves work on large bodies off the threads that serve connections: hashing or decoding a layer part of 20 MiB takes
//! tens of milliseconds, during which such a thread would serve no other connection.

use access::error::Error;

/// From this size on, moving the work costs less than the delay of other connections.
const LARGE_BYTES: usize = 256 * 1024;

/// Works on `bytes` bytes, here or on a separate thread.
pub(crate) async fn by_size<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    if bytes < LARGE_BYTES {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}
