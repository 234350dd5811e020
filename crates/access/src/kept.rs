//! Callers whose sessions are too large for a sealed value. The server stores these sessions, sealed, until the last
//! value with their handle expires. A session is stored once, however often it logs in.

use jiff::Timestamp;
use meta::{FindSessionContext, PutSessionContext};
use oci::digest::{Algorithm, Digest};
use serde::{Deserialize, Serialize};

use crate::Access;
use crate::context::{Caller, micros};
use crate::effects::authority;
use crate::error::{Error, Result};
use crate::permit::Permit;
use crate::seal::Purpose;
use crate::session::Carried;
use crate::store::StoreResultExt as _;

/// The caller in a sealed value: complete, or the handle of a stored one.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub enum SealedCaller {
    Whole(Box<Carried>),
    Kept {
        #[serde(rename = "h")]
        id: String,
    },
}

/// The end of the hour, so a session that requests many such values extends its stored context once an hour.
fn to_the_hour(at: Timestamp) -> Timestamp {
    let seconds = at.as_second();
    Timestamp::from_second(seconds - seconds.rem_euclid(3_600) + 3_600).unwrap_or(Timestamp::MAX)
}

impl Access {
    /// Seals what `with` makes of a caller into at most `most` characters. The stored context is removed with the
    /// principal, or after `expires_at`.
    pub async fn seal_with_caller<T: Serialize>(
        &self,
        purpose: Purpose,
        (caller, most, expires_at): (&Caller, usize, Timestamp),
        with: impl Fn(SealedCaller) -> T + Send,
    ) -> Result<String> {
        let whole = with(SealedCaller::Whole(Box::new(Carried::of(caller))));
        let text = self.keys.seal_json(purpose, &whole).map_err(Error::internal)?;
        if text.len() <= most {
            return Ok(text);
        }
        let plain = serde_json::to_vec(&Carried::of(caller)).map_err(Error::internal)?;
        let id = Digest::of(Algorithm::Sha256, &plain).to_string();
        let put = PutSessionContext {
            id: id.clone(),
            owner: caller.unique_id.clone(),
            context: self.keys.seal(Purpose::SessionContext, &plain).map_err(Error::internal)?,
            expires_at: micros(to_the_hour(expires_at)),
        };
        let permit = Permit::for_service(authority::StoreSessions, self);
        permit.write(|()| put).await.or_store_error()?;
        self.keys.seal_json(purpose, &with(SealedCaller::Kept { id })).map_err(Error::internal)
    }

    /// The caller of a sealed value; None if the value is invalid or its context was removed.
    pub async fn caller_of(&self, sealed: SealedCaller) -> Result<Option<Caller>> {
        let id = match sealed {
            SealedCaller::Whole(carried) => return Ok(carried.into_caller()),
            SealedCaller::Kept { id } => id,
        };
        let Some(kept) = self.meta.read(FindSessionContext { id }).await.or_store_error()? else {
            return Ok(None);
        };
        let plain = self.keys.open_value(Purpose::SessionContext, &kept).ok();
        let carried = plain.and_then(|plain| serde_json::from_slice::<Carried>(&plain).ok());
        Ok(carried.and_then(Carried::into_caller))
    }
}
