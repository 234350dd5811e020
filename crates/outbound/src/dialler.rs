//! Opens connections to servers that somebody else than the operator named. It is the only way there: names are looked
//! up here, each address is held against the rules, and the address that was held is the one that is connected.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::destination::{is_own, is_public, meant};

/// Connections of all tenants together, at a time.
const CONNECTIONS: usize = 64;
/// Addresses of one name that are tried.
const MOST_ADDRESSES: usize = 4;

/// Connects to the public Internet, and elsewhere only where the operator allows it. Cheap to clone; all clones share
/// one bound on connections.
#[derive(Clone)]
pub struct Dialler(Arc<Inner>);

struct Inner {
    allows: Box<dyn Fn(IpAddr) -> bool + Send + Sync>,
    slots: Arc<Semaphore>,
}

/// A connection with its slot, which is free again when both are gone.
pub(crate) struct Dialled {
    pub(crate) stream: TcpStream,
    pub(crate) slot: OwnedSemaphorePermit,
}

/// Why there is no connection.
pub(crate) enum NotDialled {
    /// No address of the name may be called.
    Refused,
    /// Nobody is there.
    Failed(io::Error),
}

impl fmt::Debug for Dialler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dialler")
    }
}

impl Dialler {
    /// One that also connects to the addresses for which `allows` is true: those that `[outbound] allow_networks` names.
    pub fn new(allows: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner { allows: Box::new(allows), slots: Arc::new(Semaphore::new(CONNECTIONS)) }))
    }

    /// Whether an address may be called.
    fn may_call(&self, address: IpAddr) -> bool {
        let address = meant(address);
        (self.0.allows)(address) || (is_public(address) && !is_own(address))
    }

    pub(crate) async fn dial(&self, host: &str, port: u16) -> Result<Dialled, NotDialled> {
        let gone = |_| NotDialled::Failed(io::ErrorKind::NotConnected.into());
        let slot = Arc::clone(&self.0.slots).acquire_owned().await.map_err(gone)?;
        let host = host.to_owned();
        // The system's look-up of a name cannot be given up: whoever waits may go, the slot is taken until it ends.
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
    async fn a_name_is_held_against_the_rules_by_its_addresses() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let public = Dialler::new(|_| false);
        // Spellings of loopback that the system's look-up understands.
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
    async fn connections_at_a_time_are_bounded() {
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
