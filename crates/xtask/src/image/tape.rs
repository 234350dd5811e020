//! A tar archive that depends only on its content: POSIX ustar, in the given order, with all times 1970.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

const BLOCK: usize = 512;

/// The owner and the permissions of an entry.
#[derive(Clone, Copy)]
pub(super) struct Owned {
    pub(super) mode: u32,
    pub(super) id: u32,
}

impl Owned {
    /// Root's, with these permissions.
    pub(super) const fn by_root(mode: u32) -> Self {
        Self { mode, id: 0 }
    }
}

/// An archive that is being written.
#[derive(Default)]
pub(super) struct Tape(Vec<u8>);

impl Tape {
    /// Adds a folder.
    pub(super) fn folder(&mut self, path: &str, owned: Owned) -> Result<()> {
        self.entry(&format!("{path}/"), owned, b'5', &[])
    }

    /// Adds a file.
    pub(super) fn file(&mut self, path: &str, owned: Owned, content: &[u8]) -> Result<()> {
        self.entry(path, owned, b'0', content)
    }

    fn entry(&mut self, path: &str, owned: Owned, kind: u8, content: &[u8]) -> Result<()> {
        if path.len() > 100 {
            bail!("the path {path} is too long for an archive");
        }
        let mut header = Vec::with_capacity(BLOCK);
        padded(&mut header, path.as_bytes(), 100);
        for number in [owned.mode, owned.id, owned.id] {
            header.extend(format!("{number:07o}\0").bytes());
        }
        header.extend(format!("{:011o}\0{:011o}\0", content.len(), 0).bytes());
        // While the sum is made, its field has spaces.
        header.extend([b' '; 8]);
        header.push(kind);
        padded(&mut header, b"", 100);
        header.extend(b"ustar\x0000");
        padded(&mut header, b"", BLOCK - 265);
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header.splice(148..156, format!("{sum:06o}\0 ").bytes());
        self.0.extend(header);
        self.0.extend(content);
        self.0.resize(self.0.len().next_multiple_of(BLOCK), 0);
        Ok(())
    }

    /// The archive, with its end.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 2 * BLOCK, 0);
        self.0
    }
}

fn padded(header: &mut Vec<u8>, text: &[u8], length: usize) {
    let end = header.len() + length;
    header.extend(text);
    header.resize(end, 0);
}

/// Writes all files of a folder into one archive.
pub(super) fn pack_folder(folder: &Path, archive: &Path) -> Result<()> {
    let mut tape = Tape::default();
    add_folder(&mut tape, folder, "")?;
    fs::write(archive, tape.finish()).with_context(|| format!("cannot write {}", archive.display()))
}

fn add_folder(tape: &mut Tape, folder: &Path, prefix: &str) -> Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            tape.folder(&name, Owned::by_root(0o755))?;
            add_folder(tape, &entry.path(), &format!("{name}/"))?;
        } else {
            tape.file(&name, Owned::by_root(0o644), &fs::read(entry.path())?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn tar_reads_the_archive() {
        let folder = tempfile::tempdir().unwrap();
        let mut tape = Tape::default();
        tape.folder("etc", Owned::by_root(0o755)).unwrap();
        tape.file("etc/name", Owned { mode: 0o600, id: 65532 }, &[b'x'; 700]).unwrap();
        fs::write(folder.path().join("a.tar"), tape.finish()).unwrap();
        let mut tar = Command::new("tar");
        tar.current_dir(folder.path()).env("TZ", "UTC").args(["--numeric-owner", "-tvf", "a.tar"]);
        let listed = crate::command::capture(&mut tar).unwrap();
        let words: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(words[0], ["drwxr-xr-x", "0/0", "0", "1970-01-01", "00:00", "etc/"]);
        assert_eq!(words[1], ["-rw-------", "65532/65532", "700", "1970-01-01", "00:00", "etc/name"]);
        assert!(Tape::default().file(&"x".repeat(101), Owned::by_root(0), b"").is_err());
    }
}
