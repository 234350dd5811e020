//! The key that seals secrets at rest: 32 random bytes in its own file, as hexadecimal text.

use std::path::Path;

use access::settings::MasterKey;
use anyhow::{Context as _, anyhow};

use crate::files;

const BYTES: usize = 32;

/// Reads the key, which must exist.
pub(crate) fn load(path: &Path) -> anyhow::Result<MasterKey> {
    let found = read(path)?;
    found.with_context(|| format!("the master key {} does not exist", path.display()))
}

fn read(path: &Path) -> anyhow::Result<Option<MasterKey>> {
    let Some(text) = files::read_optional(path)? else { return Ok(None) };
    files::check_secret(path).context("the master key opens every secret of the registry")?;
    let parsed = parse(&text).with_context(|| format!("{} is not a master key of Wharf", path.display()));
    parsed.map(Some)
}

/// Reads the key, or creates it if it does not exist.
pub(crate) fn load_or_make(path: &Path) -> anyhow::Result<MasterKey> {
    if let Some(key) = read(path)? {
        return Ok(key);
    }
    let mut bytes = [0_u8; BYTES];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| anyhow!("the operating system provides no random numbers"))?;
    let mut text = hex::encode(bytes);
    text.push('\n');
    files::write_private(path, text.as_bytes())?;
    Ok(MasterKey::new(bytes))
}

fn parse(text: &[u8]) -> anyhow::Result<MasterKey> {
    let bytes = hex::decode(text.trim_ascii())?;
    let bytes: [u8; BYTES] =
        bytes.try_into().map_err(|_| anyhow!("it must contain {BYTES} bytes as hexadecimal digits"))?;
    Ok(MasterKey::new(bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_created_once_and_a_damaged_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        load_or_make(&path).unwrap();
        let first = std::fs::read(&path).unwrap();
        load_or_make(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), first);
        let open = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(&path, open).unwrap();
        let refused = format!("{:#}", load_or_make(&path).err().unwrap());
        assert!(refused.contains("master key") && refused.contains("mode 0644"), "{refused}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "abcd").unwrap();
        assert!(load_or_make(&path).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"abcd", "a damaged key is never written over");
    }
}
