//! The operations of the management account on backups.

use std::path::Path;
use std::time::Duration;

use access::context::Ctx;
use access::error::Result;
use access::op::organizations;
use aws::organizations::{WharfEndBackupRequest, WharfStartBackupRequest, WharfStartBackupResponse};

use super::reconciler::seconds;
use crate::Identity;

/// How long the bytes of a snapshot stay, if the request does not say it.
const HOLD: Duration = Duration::from_hours(24);

impl Identity {
    /// Writes a snapshot of the rows, and holds the bytes that they name.
    pub async fn wharf_start_backup(
        &self,
        ctx: &Ctx,
        input: WharfStartBackupRequest,
    ) -> Result<WharfStartBackupResponse> {
        self.manages::<organizations::WharfStartBackup>(ctx, "*").await?;
        let hold = input.hold_seconds.map_or(HOLD, Duration::from_secs);
        let backup = self.access.start_backup(hold, ctx.now).await?;
        let text = |path: &Path| path.to_string_lossy().into_owned();
        Ok(WharfStartBackupResponse {
            backup_id: backup.id,
            held_until: seconds(backup.held_until),
            snapshot_path: text(&backup.snapshot),
            data_path: text(&backup.places.data_dir),
            blob_path: backup.places.blobs.as_deref().map(text).unwrap_or_default(),
            archive_path: backup.places.archive.as_deref().map(text),
            master_key_path: text(&backup.places.master_key),
            peer_key_path: Some(text(&backup.places.peer_key)),
        })
    }

    /// Ends a hold and removes its snapshot.
    pub async fn wharf_end_backup(&self, ctx: &Ctx, input: WharfEndBackupRequest) -> Result<()> {
        self.manages::<organizations::WharfEndBackup>(ctx, "*").await?;
        self.access.end_backup(&input.backup_id, ctx.now).await
    }
}
