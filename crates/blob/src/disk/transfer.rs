//! Copies objects between a store on disk and a folder of the same layout, for backups. The copy is complete and durable
//! under its name, or it has another name.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use fault::Fault;
use oci::digest::{Digest, Hasher};

use super::missing::missing;
use crate::key::ObjectKey;

const CHUNK_BYTES: usize = 1 << 20;

/// Why an object was not copied.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// There is no file.
    #[error("its bytes are missing")]
    Missing,
    /// The file is too short.
    #[error("its file has {0} bytes")]
    Short(u64),
    /// The bytes have another digest.
    #[error("its bytes have the digest {0}")]
    Changed(Digest),
    /// The disk failed, at either side.
    #[error(transparent)]
    Io(#[from] io::Error),
}

fn place_of(root: &Path, key: &ObjectKey) -> PathBuf {
    root.join("objects").join(format!("{:02x}", key.folder()))
}

/// Copies the first `size` bytes of an object from the folder `from` to the folder `to`, if `to` does not have it. Returns
/// whether it was copied. The bytes are compared with `digest` before the copy gets its name. This call blocks.
pub fn transfer(
    (from, to): (&Path, &Path),
    key: &ObjectKey,
    digest: &Digest,
    size: u64,
) -> Result<bool, TransferError> {
    let (folder, name) = (place_of(to, key), key.file_name());
    let path = folder.join(&name);
    match fs::metadata(&path) {
        Ok(file) if file.len() == size => return Ok(false),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let source_path = place_of(from, key).join(&name);
    let source = match File::open(&source_path) {
        Ok(file) => file,
        // A folder that is missing as a whole is an error of the disk.
        Err(error) => {
            return Err(missing(&source_path, error).map_or_else(Into::into, |()| TransferError::Missing));
        }
    };
    fs::create_dir_all(&folder)?;
    let partial = folder.join(format!("{name}.partial"));
    let mut copy = File::create(&partial)?;
    let outcome = copy_bytes(source, &mut copy, digest, size);
    if let Err(error) = outcome {
        fs::remove_file(&partial)?;
        return Err(error);
    }
    fault::hit(Fault::CopyWritten);
    copy.sync_all()?;
    fs::rename(&partial, &path)?;
    File::open(&folder)?.sync_all()?;
    Ok(true)
}

fn copy_bytes(source: File, copy: &mut File, digest: &Digest, size: u64) -> Result<(), TransferError> {
    let mut source = source.take(size);
    let mut hasher = Hasher::new(digest.algorithm());
    let (mut buffer, mut len) = (vec![0; CHUNK_BYTES], 0);
    loop {
        let read = match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        let chunk = buffer.get(..read).unwrap_or_default();
        hasher.update(chunk);
        copy.write_all(chunk)?;
        len += read as u64;
    }
    if len < size {
        return Err(TransferError::Short(len));
    }
    let found = hasher.finish();
    if found == *digest { Ok(()) } else { Err(TransferError::Changed(found)) }
}

/// Removes the copies in the folder `root` that `is_kept` does not keep, and copies that are not complete. Returns how many
/// objects and bytes were removed. This call blocks.
pub fn remove_others(
    root: &Path,
    place: crate::Place,
    is_kept: impl Fn(&ObjectKey) -> bool,
) -> io::Result<(u64, u64)> {
    let (mut objects, mut bytes) = (0, 0);
    for byte in 0..=u8::MAX {
        let folder = match fs::read_dir(root.join("objects").join(format!("{byte:02x}"))) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            folder => folder?,
        };
        for file in folder {
            let file = file?;
            let name = file.file_name();
            let Some(name) = name.to_str() else { continue };
            let is_partial = name.ends_with(".partial");
            let Ok(key) = ObjectKey::of_file(place, name.trim_end_matches(".partial")) else { continue };
            if !is_partial && is_kept(&key) {
                continue;
            }
            bytes += file.metadata()?.len();
            objects += u64::from(!is_partial);
            fs::remove_file(file.path())?;
        }
    }
    Ok((objects, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Place;
    use oci::digest::Algorithm;

    #[test]
    fn an_object_is_copied_once_and_only_with_its_digest() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        let key = ObjectKey::from_bytes([7; 16]);
        let digest = Digest::of(Algorithm::Sha512, b"bytes");
        let copy = |digest: &Digest, size| transfer((&from, &to), &key, digest, size);
        assert!(matches!(copy(&digest, 5), Err(TransferError::Io(_))), "there is no store");
        let source = place_of(&from, &key);
        fs::create_dir_all(&source).unwrap();
        assert!(matches!(copy(&digest, 5), Err(TransferError::Missing)));
        // A stored object can be longer than its row says.
        fs::write(source.join(key.file_name()), b"bytes and more").unwrap();
        assert!(matches!(copy(&digest, 20), Err(TransferError::Short(14))));
        assert!(matches!(copy(&digest, 6), Err(TransferError::Changed(_))));
        let copied = place_of(&to, &key);
        assert_eq!(fs::read_dir(&copied).unwrap().count(), 0, "nothing is left");
        fs::write(copied.join(format!("{}.partial", key.file_name())), b"interrupted and long").unwrap();
        assert!(copy(&digest, 5).unwrap());
        assert!(!copy(&digest, 5).unwrap());
        assert_eq!(fs::read(copied.join(key.file_name())).unwrap(), b"bytes");

        fs::write(copied.join(format!("{}.partial", key.file_name())), b"12").unwrap();
        assert_eq!(remove_others(&to, Place::Standard, |kept| *kept == key).unwrap(), (0, 2));
        assert_eq!(remove_others(&to, Place::Standard, |_| false).unwrap(), (1, 5));
        assert!(copy(&digest, 5).unwrap());
    }
}
