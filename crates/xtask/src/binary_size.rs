//! The limit on the size of the binary. It is checked where a binary for use is built anyway, by `cargo xtask bench` and
//! `cargo xtask image`: a build of its own would be the longest step of the checks.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// A little more than the binary has now. The aim is 30 MB: lower it with each step. docs/performance.md tells what the bytes
/// are, and docs/adr/0048-the-size-of-the-binary.md what keeps them few.
const MAX_BYTES: u64 = 37_000_000;

/// Fails if a binary of the profiles `release` or `dist` is too large.
pub(crate) fn check(binary: &Path) -> Result<()> {
    let bytes = fs::metadata(binary).with_context(|| binary.display().to_string())?.len();
    ensure!(
        bytes <= MAX_BYTES,
        "{} has {bytes} bytes; the limit is {MAX_BYTES} (docs/adr/0048-the-size-of-the-binary.md)",
        binary.display()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_over_the_limit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wharf");
        let file = fs::File::create(&path).unwrap();
        file.set_len(MAX_BYTES).unwrap();
        check(&path).unwrap();
        file.set_len(MAX_BYTES + 1).unwrap();
        assert!(check(&path).unwrap_err().to_string().contains("37000001 bytes"));
    }
}
