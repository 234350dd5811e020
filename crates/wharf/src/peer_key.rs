//! The key that proves to other deployments who asks.

use std::path::Path;

use access::peer::PeerKey;
use access::settings::{Dialler, Peers};
use anyhow::Context as _;

use crate::config::PeerSettings;
use crate::key_file::{self, Kind};

const KIND: Kind = Kind { name: "peer key", secret: "the peer key proves to peers who this deployment is" };

/// Reads the key, or creates it if it does not exist.
pub(crate) fn load_or_make(path: &Path) -> anyhow::Result<PeerKey> {
    let seed = key_file::load_or_make(path, &KIND)?;
    PeerKey::from_seed(&seed).with_context(|| format!("{} is not a peer key of Wharf", path.display()))
}

/// The peers of a server. The key is needed only if there are any.
pub(crate) fn peers(settings: &PeerSettings, key: &Path, dialler: &Dialler) -> anyhow::Result<Peers> {
    if settings.is_empty() {
        return Ok(Peers::default());
    }
    Ok(settings.with(load_or_make(key)?, dialler))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_key_is_created_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("peer.key");
        let first = load_or_make(&path).unwrap().public();
        assert!(load_or_make(&path).unwrap().public() == first);
        std::fs::write(&path, "abcd").unwrap();
        assert!(load_or_make(&path).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"abcd", "a damaged key is never written over");
    }
}
