//! Opens connections to servers that the operator did not choose. There is no other way to them: names are resolved
//! here, each address is checked, and the checked address is the one that is connected.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::destination::{is_own, is_public, meant};

/// Concurrent connections of all tenants together.
const CONNECTIONS: usize = 64;
/// Addresses of one name that are tried.
const MOST_ADDRESSES: usize = 4;

/// Connects to the public Internet, and to other addresses only if the operator allows them. Cheap to clone; all clones
/// share one limit on connections.
#[derive(Clone)]
pub struct Dialler(Arc<Inner>);

struct Inner {
    allows: Box<dyn Fn(IpAddr) -> bool + Send + Sync>,
    slots: Arc<Semaphore>,
}

/// A connection with its permit, which is released when both are dropped.
pub(crate) struct Dialled {
    pub(crate) stream: TcpStream,
    pub(crate) slot: OwnedSemaphorePermit,
}

/// Why there is no connection.
pub(crate) enum NotDialled {
    /// The rules allow no address of the name.
    Refused,
    /// The server is not reachable.
    Failed(io::Error),
}

impl fmt::Debug for Dialler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dialler")
    }
}

impl Dialler {
    /// A dialler that also connects to the addresses for which `allows` is true: those in `[outbound] allow_networks`.
    pub fn new(allows: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner { allows: Box::new(allows), slots: Arc::new(Semaphore::new(CONNECTIONS)) }))
    }

    /// Whether the rules allow an address.
    fn may_call(&self, address: IpAddr) -> bool {
        let address = meant(address);
        (self.0.allows)(address) || (is_public(address) && !is_own(address))
    }

    pub(crate) async fn dial(&self, host: &str, port: u16) -> Result<Dialled, NotDialled> {
        let gone = |_| NotDialled::Failed(io::ErrorKind::NotConnected.into());
        let slot = Arc::clone(&self.0.slots).acquire_owned().await.map_err(gone)?;
        let host = host.to_owned();
        // The system's name resolution cannot be cancelled: the caller may leave, but the permit is held until the
        // resolution ends.
        let looked_up = tokio::spawn(async move {
            let found = tokio::net::lookup_host((host.as_str(), port)).await;
            found.map(|found| (found.collect::<Vec<SocketAddr>>(), slot))
        });
        let found = looked_up.await.map_err(|error| NotDialled::Failed(io::Error::other(error)))?;
        let (found, slot) = found.map_err(NotDialled::Failed)?;
        let callable = found.into_iter().filter(|address| self.may_call(address.ip()));
        let mut outcome = NotDialled::Refused;
        for address in callable.take(MOST_ADDRESSES) {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(Dialled { stream, slot }),
                Err(error) => outcome = NotDialled::Failed(error),
            }
        }
        Err(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn dialled(dialler: &Dialler, host: &str, port: u16) -> &'static str {
        match dialler.dial(host, port).await {
            Ok(_) => "connected",
            Err(NotDialled::Refused) => "refused",
            Err(NotDialled::Failed(_)) => "failed",
        }
    }

    #[tokio::test]
    async fn a_name_is_checked_by_its_addresses() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let public = Dialler::new(|_| false);
        // Spellings of loopback that the system's resolver accepts.
        for host in
            ["127.0.0.1", "localhost", "127.1", "0x7f000001", "2130706433", "0.0.0.0", "::ffff:127.0.0.1"]
        {
            assert_eq!(dialled(&public, host, port).await, "refused", "{host}");
        }
        let local = Dialler::new(|address| address == IpAddr::from([127, 0, 0, 1]));
        for host in ["127.0.0.1", "127.1", "::ffff:127.0.0.1"] {
            assert_eq!(dialled(&local, host, port).await, "connected", "{host}");
        }
        assert_eq!(dialled(&local, "127.0.0.2", port).await, "refused", "what is allowed is what was named");
    }

    #[tokio::test]
    async fn concurrent_connections_are_limited() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let local = Dialler::new(|_| true);
        let mut held = Vec::new();
        for _ in 0..CONNECTIONS {
            held.push(local.dial("127.0.0.1", port).await.ok().unwrap());
        }
        let clone = local.clone();
        let one_more = clone.dial("127.0.0.1", port);
        tokio::pin!(one_more);
        let soon = std::time::Duration::from_millis(50);
        assert!(tokio::time::timeout(soon, &mut one_more).await.is_err());
        held.pop();
        assert!(one_more.await.is_ok());
    }
}
