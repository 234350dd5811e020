//! Rows with a sealed value: those of older keys are sealed again, and a key stays while it still seals one.

use meta::{
    ListConnectionsNotUnder, ListSecretValuesNotUnder, ListSecretsNotUnder, ListSeedsNotUnder, Never,
    Operation, ResealConnection, ResealSecret, ResealSecretValue, ResealSeed, SealedConnection, SealedSecret,
    SealedSecretValue, SealedSeed,
};

use crate::Access;
use crate::effects::authority;
use crate::error::{Error, Result};
use crate::permit::{Opens, Permit};
use crate::seal::Purpose;
use crate::store::StoreResultExt as _;

/// Values that one pass seals again.
const SLICE: usize = 200;

/// A kind of row with a sealed value.
trait SealedRow: Sized + Send + Sync {
    /// What the value is sealed for.
    const PURPOSE: Purpose;
    /// What the log says if a value does not open.
    const DOES_NOT_OPEN: &str;
    /// Rows that the sealing key does not seal, in the order of their IDs.
    type List: Operation<Output = Vec<Self>, Refusal = Never>;
    /// Replaces the value that was read; false if it has changed.
    type Reseal: Operation<Output = bool, Refusal = Never>;

    fn list(sealing_key: u8, after: String, limit: usize) -> Self::List;
    fn reseal(self, sealed: Vec<u8>) -> Self::Reseal;
    fn id(&self) -> String;
    fn sealed(&self) -> &[u8];
}

macro_rules! sealed_rows {
    ($($row:ident by $id:ident for $purpose:ident: $list:ident, $reseal:ident, $text:literal;)*) => {
        $(impl SealedRow for $row {
            const PURPOSE: Purpose = Purpose::$purpose;
            const DOES_NOT_OPEN: &str = $text;
            type List = $list;
            type Reseal = $reseal;

            fn list(sealing_key: u8, after: String, limit: usize) -> $list {
                $list { sealing_key, after, limit }
            }

            fn reseal(self, sealed: Vec<u8>) -> $reseal {
                $reseal { old: self, sealed }
            }

            fn id(&self) -> String {
                self.$id.to_string()
            }

            fn sealed(&self) -> &[u8] {
                &self.sealed
            }
        })*

        impl Access {
            /// Seals values of older keys again, a slice of each kind; returns how many.
            pub(crate) async fn reseal_rows(&self) -> Result<usize> {
                let mut done = 0;
                $(done += self.reseal_kind::<$row>().await?;)*
                Ok(done)
            }

            /// Whether a key that is not the sealing one still seals a value.
            pub(crate) async fn seals_a_row(&self, key: u8) -> Result<bool> {
                Ok($(self.seals_kind::<$row>(key).await? ||)* false)
            }
        }
    };
}

sealed_rows! {
    SealedSecret by id for AccessKey: ListSecretsNotUnder, ResealSecret,
        "the secret of an access key does not open; make another key";
    SealedConnection by arn for Connection: ListConnectionsNotUnder, ResealConnection,
        "the secrets of a connection do not open; update it";
    SealedSeed by serial_number for MfaSeed: ListSeedsNotUnder, ResealSeed,
        "the seed of an MFA device does not open; make another device";
    SealedSecretValue by version for SecretValue: ListSecretValuesNotUnder, ResealSecretValue,
        "the value of a secret does not open; put a new value";
}

impl Access {
    async fn reseal_kind<S: SealedRow>(&self) -> Result<usize>
    where
        authority::ResealSecrets: Opens<S::List> + Opens<S::Reseal>,
    {
        let permit = Permit::for_service(authority::ResealSecrets, self);
        let (mut after, mut done) = (String::new(), 0);
        while done < SLICE {
            let list = S::list(self.keys.sealing(), after, SLICE);
            let slice = permit.read(|()| list).await?;
            let Some(last) = slice.last().map(S::id) else { break };
            after = last;
            for old in slice {
                let Ok(plain) = self.keys.open_value(S::PURPOSE, old.sealed()) else {
                    tracing::error!(id = old.id(), "{}", S::DOES_NOT_OPEN);
                    continue;
                };
                let sealed = self.keys.seal(S::PURPOSE, &plain).map_err(Error::internal)?;
                done += usize::from(permit.write(|()| old.reseal(sealed)).await.or_store_error()?);
            }
        }
        Ok(done)
    }

    async fn seals_kind<S: SealedRow>(&self, key: u8) -> Result<bool>
    where
        authority::KeepKeyRing: Opens<S::List>,
    {
        let permit = Permit::for_service(authority::KeepKeyRing, self);
        let mut after = String::new();
        loop {
            let list = S::list(self.keys.sealing(), after, SLICE);
            let slice = permit.read(|()| list).await?;
            let Some(last) = slice.last().map(S::id) else { return Ok(false) };
            after = last;
            // The second byte is the number of the key, and a value that does not open holds none back.
            let seals = |row: &S| {
                row.sealed().get(1) == Some(&key) && self.keys.open_value(S::PURPOSE, row.sealed()).is_ok()
            };
            if slice.iter().any(seals) {
                return Ok(true);
            }
        }
    }
}
