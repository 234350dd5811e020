//! Files with secrets: only the owner can read them, and they are complete or absent.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use aws::ids::SecretKey;

/// Creates a folder (and its parents) that only its owner can enter. A power cut does not remove a new folder, or what
/// was synced inside it.
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
    made().with_context(|| format!("cannot create the folder {}", path.display()))
}

/// Whether users other than the owner have any permission.
fn is_open(file: &fs::Metadata) -> bool {
    file.mode() & 0o077 != 0
}

/// Whether this process can set the modes of the user's files.
fn may_close(file: &fs::Metadata) -> bool {
    let own = rustix::process::geteuid().as_raw();
    file.uid() == own || own == 0
}

/// Removes the permissions of other users from an existing folder. `marks` are names that a folder of Wharf contains. A
/// folder that contains other things is refused, and so is a folder into which other users can have put files.
pub(crate) fn close_folder(path: &Path, marks: &[&str]) -> anyhow::Result<()> {
    let shown = path.display();
    let entry = fs::metadata(path).with_context(|| format!("cannot look at {shown}"))?;
    if !is_open(&entry) {
        return Ok(());
    }
    let mode = entry.mode() & 0o7777;
    let refused = |why: &str| {
        bail!(
            "{shown} is open to other users of this machine (mode {mode:04o}) and {why}: choose a separate folder, or a new folder inside it"
        )
    };
    if !may_close(&entry) {
        return refused("belongs to another user");
    }
    let names = fs::read_dir(path).with_context(|| format!("cannot read {shown}"))?;
    let names: Vec<_> = names.flatten().map(|entry| entry.file_name()).collect();
    // The root of a file system contains lost+found.
    let is_empty = names.iter().all(|name| name == "lost+found");
    let is_ours = names.iter().any(|name| marks.iter().any(|mark| name == mark));
    if mode & 0o1000 != 0 {
        return refused("is shared, like /tmp");
    }
    if !is_empty && !is_ours {
        return refused("holds other things");
    }
    if !is_empty && mode & 0o002 != 0 {
        return refused("others may have put files there");
    }
    tracing::warn!(folder = %shown, mode = format!("{mode:04o}"), "other users could read this folder; they no longer can");
    set_mode(path, 0o700)
}

/// Removes the permissions of other users from existing files. Anything that is not a plain file of this user is not
/// changed.
pub(crate) fn close_files(paths: &[PathBuf]) -> anyhow::Result<()> {
    for path in paths {
        let Ok(entry) = fs::symlink_metadata(path) else { continue };
        if is_open(&entry) && may_close(&entry) && (entry.is_file() || entry.is_dir()) {
            set_mode(path, if entry.is_dir() { 0o700 } else { 0o600 })?;
        }
    }
    Ok(())
}

fn set_mode(path: &Path, mode: u32) -> anyhow::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .with_context(|| format!("cannot set the mode of {} to {mode:04o}", path.display()))
}

/// Refuses a file with a secret that other users can have read or created. A file of root may be readable by a group:
/// Kubernetes mounts secrets for a pod's `fsGroup` in this way, and PostgreSQL accepts such keys. The mode is not
/// corrected, because other users may know the secret already.
pub(crate) fn check_secret(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    let file = fs::metadata(path).with_context(|| format!("cannot look at {shown}"))?;
    let forbidden = if file.uid() == 0 { 0o037 } else { 0o077 };
    if !is_own(path, 0) {
        bail!("{shown} belongs neither to the user of this process nor to root: use chown");
    }
    if !is_own(path, forbidden) {
        let mode = file.mode() & 0o7777;
        bail!(
            "{shown} can be read or written by other users of this machine (mode {mode:04o}): chmod 600 it, and count \
             its secret as known if there are such users (a secret of Kubernetes: defaultMode 0400, with fsGroup)"
        );
    }
    Ok(())
}

/// Writes a file of mode 0600. After a crash the old file or the new one exists.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let partial = path.with_extension("partial");
    let written = || -> io::Result<()> {
        // A file that a crash left behind can have another mode.
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

/// Removes a file if it exists.
pub(crate) fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Whether this is a plain file of this user or of root without any of these permission bits, or a link of theirs to
/// such a file (Kubernetes mounts secrets as links). In a folder that others can write to, another user can have put a
/// file there.
pub(crate) fn is_own(path: &Path, forbidden: u32) -> bool {
    let (Ok(entry), Ok(file)) = (fs::symlink_metadata(path), fs::metadata(path)) else { return false };
    let Ok(own) = fs::metadata("/proc/self") else { return false };
    let is_ours = |uid: u32| [own.uid(), 0].contains(&uid);
    file.is_file() && is_ours(entry.uid()) && is_ours(file.uid()) && file.mode() & forbidden == 0
}

/// The content of a file; None if it does not exist.
pub(crate) fn read_optional(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// The secret access key in a file that a setting names.
pub(crate) fn secret_access_key(setting: &str, path: &Path) -> anyhow::Result<SecretKey> {
    let shown = format!("{setting}: {}", path.display());
    let secret = read_optional(path)?.with_context(|| format!("{shown} does not exist"))?;
    check_secret(path)?;
    let secret = String::from_utf8(secret).ok().map(|secret| secret.trim().to_owned());
    let secret = secret.filter(|secret| (16..=128).contains(&secret.len()));
    Ok(SecretKey::new(secret.with_context(|| format!("{shown} must have 16 to 128 characters"))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_file_is_private_even_if_a_file_existed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.toml");
        fs::write(path.with_extension("partial"), "left over").unwrap();
        write_private(&path, b"one").unwrap();
        write_private(&path, b"two").unwrap();
        assert_eq!(read_optional(&path).unwrap().unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read_optional(&folder.path().join("none")).unwrap(), None);
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn an_open_folder_is_closed_if_it_contains_only_our_files() {
        let above = tempfile::tempdir().unwrap();
        let folder = |name: &str, mode: u32, content: &[&str]| {
            let path = above.path().join(name);
            fs::create_dir(&path).unwrap();
            for name in content {
                fs::write(path.join(name), "").unwrap();
            }
            set_mode(&path, mode).unwrap();
            path
        };
        for (name, before, content) in [
            ("empty", 0o755, &[][..]),
            ("shared and empty", 0o777, &[]),
            ("mount", 0o775, &["lost+found"]),
            ("used", 0o755, &["lock", "notes"]),
        ] {
            let path = folder(name, before, content);
            close_folder(&path, &["lock"]).unwrap();
            assert_eq!(mode(&path), 0o700, "{name}");
        }
        for (name, before, content, why) in [
            ("home", 0o755, &["notes"][..], "holds other things"),
            ("tmp", 0o1777, &["lock"], "is shared"),
            ("new tmp", 0o1777, &[], "is shared"),
            ("writable", 0o777, &["lock"], "others may have put files there"),
        ] {
            let path = folder(name, before, content);
            let error = close_folder(&path, &["lock"]).unwrap_err().to_string();
            assert!(error.contains(why) && error.contains(&format!("{before:04o}")), "{error}");
            assert_eq!(mode(&path), before, "{name}");
        }
        let private = folder("private", 0o700, &["notes"]);
        close_folder(&private, &["lock"]).unwrap();
    }

    #[test]
    fn files_are_closed_and_links_are_not_changed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("db"), "").unwrap();
        fs::write(at("elsewhere"), "").unwrap();
        fs::create_dir(at("blobs")).unwrap();
        for (name, mode) in [("db", 0o644), ("elsewhere", 0o644), ("blobs", 0o755)] {
            set_mode(&at(name), mode).unwrap();
        }
        std::os::unix::fs::symlink(at("elsewhere"), at("link")).unwrap();
        close_files(&[at("db"), at("blobs"), at("link"), at("none")]).unwrap();
        assert_eq!((mode(&at("db")), mode(&at("blobs")), mode(&at("elsewhere"))), (0o600, 0o700, 0o644));
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        write_private(&path, b"secret").unwrap();
        check_secret(&path).unwrap();
        for mode in [0o604, 0o602, 0o620, 0o644] {
            set_mode(&path, mode).unwrap();
            let error = check_secret(&path).unwrap_err().to_string();
            assert!(error.contains(&format!("mode {mode:04o}")) && error.contains("chmod 600"), "{error}");
        }
        set_mode(&path, 0o440).unwrap();
        let is_roots = fs::metadata(&path).unwrap().uid() == 0;
        assert_eq!(check_secret(&path).is_ok(), is_roots, "a group may read what is root's");
        if is_roots {
            set_mode(&path, 0o600).unwrap();
            std::os::unix::fs::chown(&path, Some(65_534), None).unwrap();
            let error = check_secret(&path).unwrap_err().to_string();
            assert!(error.contains("chown"), "{error}");
        }
    }

    #[test]
    #[expect(clippy::print_stdout, reason = "what could not be tried is told")]
    fn a_file_or_link_that_others_control_is_not_ours() {
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
            assert!(!is_own(&link, 0), "another user's link");
        } else {
            println!("not tried: only root can change the owner of a link");
        }
        assert!(!is_own(&folder.path().join("none"), 0));
    }
}
