//! The last credentials of `wharf credentials process`, in a private file. SDKs run the command once for each process
//! that they start, and the cache avoids a call of STS each time.

use std::fs;
use std::path::{Path, PathBuf};

use aws::ids::SecretKey;
use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Temporary;
use crate::files;

/// Larger than credentials with the largest session token.
const MAX_BYTES: u64 = 64 * 1024;

#[derive(Serialize, Deserialize)]
struct Stored {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    /// Seconds since 1970; also the next field.
    obtained_at: i64,
    expires_at: i64,
}

/// The cache file for one source of credentials.
pub(super) struct Cache(PathBuf);

impl Cache {
    /// `identity` distinguishes sources; it is not written to the file.
    pub(super) fn of(folder: &Path, identity: &str) -> Self {
        let name = hex::encode(digest(&SHA256, identity.as_bytes()));
        Self(folder.join(format!("{name}.json")))
    }

    /// The cached credentials, if they are still valid. A file that cannot be read counts as missing.
    pub(super) fn load(&self, now: Timestamp) -> Option<Temporary> {
        self.is_private().then_some(())?;
        let stored: Stored = serde_json::from_slice(&fs::read(&self.0).ok()?).ok()?;
        let found = Temporary {
            access_key_id: stored.access_key_id,
            secret: SecretKey::new(stored.secret_access_key),
            session_token: stored.session_token,
            obtained_at: Timestamp::from_second(stored.obtained_at).ok()?,
            expires_at: Timestamp::from_second(stored.expires_at).ok()?,
        };
        found.is_good(now).then_some(found)
    }

    /// Caches credentials for the next call.
    pub(super) fn store(&self, credentials: &Temporary) -> anyhow::Result<()> {
        let stored = Stored {
            access_key_id: credentials.access_key_id.clone(),
            secret_access_key: credentials.secret.expose().to_owned(),
            session_token: credentials.session_token.clone(),
            obtained_at: credentials.obtained_at.as_second(),
            expires_at: credentials.expires_at.as_second(),
        };
        if let Some(folder) = self.0.parent() {
            files::make_private_folder(folder)?;
        }
        files::write_private(&self.0, &serde_json::to_vec(&stored)?)
    }

    /// Whether only this user controls the file. With credentials of another user, a push would go to another account.
    fn is_private(&self) -> bool {
        files::is_own(&self.0, 0o077) && fs::metadata(&self.0).is_ok_and(|file| file.len() <= MAX_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::node_identity::temporary::tests::temporary;

    #[test]
    fn cached_credentials_are_found_by_source_while_valid() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("new");
        let at = |second| Timestamp::from_second(second).unwrap();
        let cache = Cache::of(&folder, "one");
        assert!(cache.load(at(0)).is_none());
        cache.store(&temporary("A", 0, 3600)).unwrap();
        let found = cache.load(at(3599)).unwrap();
        assert_eq!((found.access_key_id.as_str(), found.secret.expose()), ("ASIAA", "secret-A"));
        assert!(cache.load(at(3600)).is_none());
        assert!(Cache::of(&folder, "other").load(at(0)).is_none());
        fs::set_permissions(&cache.0, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(cache.load(at(0)).is_none(), "readable by others");
        fs::set_permissions(&cache.0, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&cache.0, "{").unwrap();
        assert!(cache.load(at(0)).is_none(), "damaged");
    }
}
