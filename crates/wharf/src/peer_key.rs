//! The key that proves to other deployments who asks: 32 random bytes in its own file, as hexadecimal text.

use std::path::Path;

use access::peer::PeerKey;
use access::settings::{Dialler, Peers};
use anyhow::{Context as _, anyhow};

use crate::config::PeerSettings;
use crate::files;

/// Reads the key, or creates it if it does not exist.
pub(crate) fn load_or_make(path: &Path) -> anyhow::Result<PeerKey> {
    let text = match files::read_optional(path)? {
        Some(text) => {
            files::check_secret(path).context("the peer key proves to peers who this deployment is")?;
            text
        }
        None => make(path)?,
    };
    let seed = hex::decode(text.trim_ascii()).ok().and_then(|bytes| bytes.try_into().ok());
    let key = seed.and_then(|seed: [u8; 32]| PeerKey::from_seed(&seed));
    key.with_context(|| format!("{} is not a peer key of Wharf", path.display()))
}

fn make(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut seed = [0_u8; 32];
    aws_lc_rs::rand::fill(&mut seed)
        .map_err(|_| anyhow!("the operating system provides no random numbers"))?;
    let mut text = hex::encode(seed);
    text.push('\n');
    files::write_private(path, text.as_bytes())?;
    Ok(text.into_bytes())
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
