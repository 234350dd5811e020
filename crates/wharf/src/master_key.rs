//! The key that seals secrets at rest.

use std::path::Path;

use access::settings::MasterKey;
use anyhow::Context as _;

use crate::key_file::{self, Kind};

const KIND: Kind = Kind { name: "master key", secret: "the master key opens every secret of the registry" };

/// Reads the key, which must exist.
pub(crate) fn load(path: &Path) -> anyhow::Result<MasterKey> {
    let found = key_file::read(path, &KIND)?;
    let key = found.with_context(|| format!("the master key {} does not exist", path.display()))?;
    Ok(MasterKey::new(key))
}

/// Reads the key, or creates it if it does not exist.
pub(crate) fn load_or_make(path: &Path) -> anyhow::Result<MasterKey> {
    key_file::load_or_make(path, &KIND).map(MasterKey::new)
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
