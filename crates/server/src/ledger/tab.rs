//! The charges of one request until its answer has been sent.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use access::error::{Code, Error};
use access::memory::Memory;
use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::{Charge, Full, Share};

/// The memory of a request in a share. It is released with the last frame of its answer.
#[derive(Debug)]
pub(crate) struct Tab {
    share: Arc<Share>,
    charge: Mutex<Charge>,
}

impl Tab {
    pub(crate) fn new(share: Arc<Share>) -> Self {
        Self { charge: Mutex::new(share.nothing()), share }
    }

    pub(crate) fn share(&self) -> &Arc<Share> {
        &self.share
    }

    fn charge(&self) -> MutexGuard<'_, Charge> {
        self.charge.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds to the charge.
    pub(crate) async fn add(&self, bytes: u64) -> Result<(), Full> {
        let more = self.share.take(bytes).await?;
        self.charge().merge(more);
        Ok(())
    }

    /// From now on charges exactly the bytes of the answer.
    pub(crate) async fn settle(&self, bytes: u64) -> Result<(), Full> {
        let held = {
            let mut charge = self.charge();
            charge.shrink_to(bytes);
            charge.bytes()
        };
        if held < bytes { self.add(bytes - held).await } else { Ok(()) }
    }
}

impl Memory for Tab {
    fn hold_now(&self, bytes: u64) -> bool {
        let more = self.share.try_take(bytes);
        more.map(|more| self.charge().merge(more)).is_some()
    }

    fn hold(&self, bytes: u64) -> BoxFuture<'_, Result<(), Error>> {
        async move { self.add(bytes).await.map_err(|full| Error::new(Code::Unavailable, busy()).caused_by(full)) }.boxed()
    }
}

/// The answer to a client for whose request there is no room.
pub(crate) fn busy() -> &'static str {
    "The server is serving too many requests at the moment. Try again shortly."
}
