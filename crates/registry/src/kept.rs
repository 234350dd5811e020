//! Sealed values that are too large for where they have to go. The server keeps those, sealed, until they end; what goes
//! out is a handle, sealed for the same purpose.

use jiff::Timestamp;
use meta::{FindSessionContext, PutSessionContext};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Registry;
use crate::context::micros;
use crate::error::{Error, Result};
use crate::seal::Purpose;
use crate::store::StoreResultExt as _;

/// What stands in a sealed text: the value, or the handle of one that is kept.
#[derive(Deserialize)]
#[serde(untagged)]
enum Sealed<T> {
    Whole(Box<T>),
    Handle(Handle),
}

#[derive(Serialize, Deserialize)]
struct Handle {
    #[serde(rename = "h")]
    id: String,
}

impl Registry {
    /// Seals a value into at most `most` characters. One that is kept goes with its owner, and when it has ended.
    pub(crate) async fn seal_or_keep<T: Serialize + Sync>(
        &self,
        purpose: Purpose,
        value: &T,
        most: usize,
        (owner, expires_at): (&str, Timestamp),
    ) -> Result<String> {
        let text = self.keys.seal_json(purpose, value).map_err(Error::internal)?;
        if text.len() <= most {
            return Ok(text);
        }
        let plain = serde_json::to_vec(value).map_err(Error::internal)?;
        let handle = Handle { id: uuid::Uuid::new_v4().to_string() };
        let put = PutSessionContext {
            id: handle.id.clone(),
            owner: owner.to_owned(),
            context: self.keys.seal(Purpose::SessionContext, &plain).map_err(Error::internal)?,
            expires_at: micros(expires_at),
        };
        self.meta.write(put).await.or_store_error()?;
        self.keys.seal_json(purpose, &handle).map_err(Error::internal)
    }

    /// The value that `seal_or_keep` sealed for this purpose; None if it is not of our making or was forgotten.
    pub(crate) async fn open_or_find<T: DeserializeOwned + Send>(
        &self,
        purpose: Purpose,
        text: &str,
    ) -> Result<Option<T>> {
        let id = match self.keys.open_json::<Sealed<T>>(purpose, text) {
            Ok(Sealed::Whole(value)) => return Ok(Some(*value)),
            Ok(Sealed::Handle(handle)) => handle.id,
            Err(_) => return Ok(None),
        };
        let Some(sealed) = self.meta.read(FindSessionContext { id }).await.or_store_error()? else {
            return Ok(None);
        };
        let plain = self.keys.open_value(Purpose::SessionContext, &sealed).ok();
        Ok(plain.and_then(|plain| serde_json::from_slice(&plain).ok()))
    }
}
