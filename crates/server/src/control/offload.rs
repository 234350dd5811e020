//! Work on large bodies, off the threads that serve connections: hashing or decoding a layer part of 20 MiB
//! takes tens of milliseconds, in which such a thread would serve nobody.

use access::error::Error;

/// From this size on, handing work over costs less than it holds up others.
const LARGE_BYTES: usize = 256 * 1024;

/// Does work on `bytes` bytes, here or on a thread for such work.
pub(super) async fn by_size<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    if bytes < LARGE_BYTES {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}
