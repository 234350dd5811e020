//! The operations of the management account on moves of the whole store.

use access::context::Ctx;
use access::error::Result;
use access::op::organizations;
use aws::organizations::{WharfEndStoreMoveRequest, WharfStartStoreMoveRequest, WharfStartStoreMoveResponse};

use crate::Identity;

impl Identity {
    /// Makes the store read-only, and writes a snapshot of its rows. With the ID of a move it only compares.
    pub async fn wharf_start_store_move(
        &self,
        ctx: &Ctx,
        input: WharfStartStoreMoveRequest,
    ) -> Result<WharfStartStoreMoveResponse> {
        self.manages::<organizations::WharfStartStoreMove>(ctx, "*").await?;
        if let Some(move_id) = input.move_id {
            self.access.check_store_move(&move_id, input.data_path.as_deref()).await?;
            return Ok(WharfStartStoreMoveResponse { move_id, snapshot_path: None });
        }
        let fresh = uuid::Uuid::new_v4().simple().to_string();
        let begun = self.access.start_store_move(fresh, input.data_path.as_deref()).await?;
        Ok(WharfStartStoreMoveResponse {
            move_id: begun.id,
            snapshot_path: Some(begun.snapshot.to_string_lossy().into_owned()),
        })
    }

    /// Makes the store writable again.
    pub async fn wharf_end_store_move(&self, ctx: &Ctx, input: WharfEndStoreMoveRequest) -> Result<()> {
        self.manages::<organizations::WharfEndStoreMove>(ctx, "*").await?;
        self.access.end_store_move(input.move_id).await
    }
}
