//! The operations of the management account on moves of the whole store.

use access::context::Ctx;
use access::error::Result;
use access::op::organizations;
use aws::organizations::{WharfEndStoreMoveRequest, WharfStartStoreMoveRequest, WharfStartStoreMoveResponse};

use crate::Identity;

impl Identity {
    /// Makes the store read-only, and writes a snapshot of its rows.
    pub async fn wharf_start_store_move(
        &self,
        ctx: &Ctx,
        input: WharfStartStoreMoveRequest,
    ) -> Result<WharfStartStoreMoveResponse> {
        self.manages::<organizations::WharfStartStoreMove>(ctx, "*").await?;
        let fresh = uuid::Uuid::new_v4().simple().to_string();
        let begun = self.access.start_store_move(fresh, input.data_path.as_deref()).await?;
        Ok(WharfStartStoreMoveResponse {
            move_id: begun.id,
            snapshot_path: begun.snapshot.to_string_lossy().into_owned(),
        })
    }

    /// Makes the store writable again.
    pub async fn wharf_end_store_move(&self, ctx: &Ctx, input: WharfEndStoreMoveRequest) -> Result<()> {
        self.manages::<organizations::WharfEndStoreMove>(ctx, "*").await?;
        self.access.end_store_move(input.move_id).await
    }
}
