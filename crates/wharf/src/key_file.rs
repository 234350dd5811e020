//! A key of 32 random bytes in its own file, as hexadecimal text.

use std::path::Path;

use anyhow::{Context as _, anyhow};

use crate::files;

const BYTES: usize = 32;

/// What a key is for.
pub(crate) struct Kind {
    /// Its name, after "is not a".
    pub(crate) name: &'static str,
    /// Why nobody else may read it.
    pub(crate) secret: &'static str,
}

/// Reads a key, if it exists.
pub(crate) fn read(path: &Path, kind: &Kind) -> anyhow::Result<Option<[u8; BYTES]>> {
    let Some(text) = files::read_optional(path)? else { return Ok(None) };
    files::check_secret(path).context(kind.secret)?;
    let key = parse(&text).with_context(|| format!("{} is not a {} of Wharf", path.display(), kind.name));
    key.map(Some)
}

/// Reads a key, or creates it if it does not exist.
pub(crate) fn load_or_make(path: &Path, kind: &Kind) -> anyhow::Result<[u8; BYTES]> {
    if let Some(key) = read(path, kind)? {
        return Ok(key);
    }
    let mut key = [0_u8; BYTES];
    aws_lc_rs::rand::fill(&mut key)
        .map_err(|_| anyhow!("the operating system provides no random numbers"))?;
    files::write_private(path, format!("{}\n", hex::encode(key)).as_bytes())?;
    Ok(key)
}

fn parse(text: &[u8]) -> anyhow::Result<[u8; BYTES]> {
    let key = hex::decode(text.trim_ascii())?;
    key.try_into().map_err(|_| anyhow!("it must contain {BYTES} bytes as hexadecimal digits"))
}
