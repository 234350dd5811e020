//! Files that hold secrets: readable by their owner alone, and whole or not there.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use anyhow::Context as _;

/// Makes a folder (and those above it) that only its owner may enter. A power cut does not take back a new one,
/// and with it what was synced inside.
pub(crate) fn make_private_folder(path: &Path) -> anyhow::Result<()> {
    let made = || -> io::Result<()> {
        let path = std::path::absolute(path)?;
        let missing: Vec<&Path> = path.ancestors().take_while(|folder| !folder.exists()).collect();
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        for parent in missing.iter().filter_map(|folder| folder.parent()) {
            fs::File::open(parent)?.sync_all()?;
        }
        Ok(())
    };
    made().with_context(|| format!("cannot make the folder {}", path.display()))
}

/// Writes a file of mode 0600 so that a crash leaves the old one or the new one.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let partial = path.with_extension("partial");
    let written = || -> io::Result<()> {
        // A left-over of a crash may have another mode.
        match fs::remove_file(&partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&partial, path)?;
        if let Some(folder) = path.parent() {
            fs::File::open(folder)?.sync_all()?;
        }
        Ok(())
    };
    written().with_context(|| format!("cannot write {}", path.display()))
}

/// Removes a file, if it is there.
pub(crate) fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Whether what lies there is a plain file of this user or of root, with none of these permission bits, or a link of
/// theirs to one (as Kubernetes mounts secrets). In a folder that others can write to, somebody may have put theirs there.
pub(crate) fn is_own(path: &Path, forbidden: u32) -> bool {
    let (Ok(entry), Ok(file)) = (fs::symlink_metadata(path), fs::metadata(path)) else { return false };
    let Ok(own) = fs::metadata("/proc/self") else { return false };
    let is_ours = |uid: u32| [own.uid(), 0].contains(&uid);
    file.is_file() && is_ours(entry.uid()) && is_ours(file.uid()) && file.mode() & forbidden == 0
}

/// The content of a file; None if there is no such file.
pub(crate) fn read_optional(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_secret_file_is_its_owners_alone_whatever_lay_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.toml");
        fs::write(path.with_extension("partial"), "left over").unwrap();
        write_private(&path, b"one").unwrap();
        write_private(&path, b"two").unwrap();
        assert_eq!(read_optional(&path).unwrap().unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read_optional(&folder.path().join("none")).unwrap(), None);
    }

    #[test]
    #[expect(clippy::print_stdout, reason = "what could not be tried is told")]
    fn a_file_is_not_ours_if_others_may_write_it_or_made_the_link_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        write_private(&path, b"one").unwrap();
        assert!(is_own(&path, 0o077));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(is_own(&path, 0o022) && !is_own(&path, 0o077));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o620)).unwrap();
        assert!(!is_own(&path, 0o022));
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(is_own(&link, 0o002) && !is_own(&link, 0o022), "as what it leads to");
        if fs::metadata("/proc/self").unwrap().uid() == 0 {
            std::os::unix::fs::lchown(&link, Some(65_534), None).unwrap();
            assert!(!is_own(&link, 0), "nobody's link");
        } else {
            println!("not tried: only root can give a link to somebody else");
        }
        assert!(!is_own(&folder.path().join("none"), 0));
    }
}
