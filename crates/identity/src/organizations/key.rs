//! The keys that seal tokens and secrets of the deployment. The management account lists and rotates them.

use access::context::Ctx;
use access::error::Result;
use access::op::organizations;
use aws::organizations::{
    WharfListKeysRequest, WharfListKeysResponse, WharfRotateKeysRequest, WharfRotateKeysResponse,
};

use crate::Identity;

impl Identity {
    /// Lists the sealing keys.
    pub async fn wharf_list_keys(
        &self,
        ctx: &Ctx,
        _input: WharfListKeysRequest,
    ) -> Result<WharfListKeysResponse> {
        self.manages::<organizations::WharfListKeys>(ctx, "*").await?;
        self.access.listed_keys(ctx.now).await
    }

    /// Creates a new sealing key.
    pub async fn wharf_rotate_keys(
        &self,
        ctx: &Ctx,
        _input: WharfRotateKeysRequest,
    ) -> Result<WharfRotateKeysResponse> {
        self.manages::<organizations::WharfRotateKeys>(ctx, "*").await?;
        Ok(WharfRotateKeysResponse { keys: self.access.rotate_sealing_key(ctx.now).await? })
    }
}
