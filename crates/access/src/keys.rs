//! The keys that seal values: listing, rotation, retirement, and another master key.
//!
//! Every change reads the stored ring, and replaces it if it has not changed in between. Nothing here passes the gate:
//! it acts with the authority `KeepKeyRing`. The callers are operators who can open the store, the operations WharfListKeys
//! and WharfRotateKeys (after the gate), and the reconciler `reseal-secrets`.

use std::time::Duration;

use aws::json::epoch_seconds;
use aws::organizations::{SealingKey, SealingKeyState, WharfListKeysResponse};
use jiff::Timestamp;
use meta::{CountSealedSecrets, GetSetting, OpError, PutSettingOnce, ReplaceSetting};

use crate::effects::authority;
use crate::error::{AwsCode, Code, Error, Result};
use crate::key_ring::{Ring, Wraps};
use crate::permit::{Permit, Store};
use crate::seal::Keys;
use crate::settings::MasterKey;
use crate::store::{StoreResultExt as _, store_error};
use crate::{Access, KEY_RING};

/// How often a running node reads the ring.
pub const REFRESH: Duration = Duration::from_secs(10);
/// Few others change the ring at the same time.
const TRIES: usize = 10;

/// The stored ring; created if there is none.
pub(crate) async fn open(master: &MasterKey, store: &Store, now: Timestamp) -> Result<Keys> {
    let fresh = Ring::generate(now).and_then(|ring| ring.wrap(master)).map_err(Error::internal)?;
    let put = PutSettingOnce { name: KEY_RING.to_owned(), value: fresh };
    let permit = Permit::for_opening(authority::KeepKeyRing, store);
    let stored = permit.write(|()| put).await.or_store_error()?;
    let ring = Wraps::read(&stored).and_then(|wraps| wraps.open(master)).map_err(|error| {
        tracing::error!("the master key is not the one that the store is sealed under");
        Error::internal(error)
    })?;
    Keys::new(master.clone(), &ring, now).map_err(Error::internal)
}

fn rotating() -> Error {
    let text = "The master key is being rotated. Finish that first: wharf keys rotate --master --finish";
    Error::aws(AwsCode::OrganizationInvalidInput, text)
}

fn full() -> Error {
    let text =
        "There are too many keys. Rotate again when the oldest is not needed any more: wharf keys list";
    Error::aws(AwsCode::OrganizationInvalidInput, text)
}

/// The new state of the stored ring, and the result for the caller.
enum Change<T> {
    /// The ring does not change.
    Nothing(T),
    /// The ring changes to this.
    To(Vec<u8>, T),
}

impl Access {
    fn ring_permit(&self) -> Permit<authority::KeepKeyRing> {
        Permit::for_service(authority::KeepKeyRing, self)
    }

    async fn stored_ring(&self) -> Result<(Vec<u8>, Wraps)> {
        let stored = self.ring_permit().read(|()| GetSetting { name: KEY_RING.to_owned() }).await?;
        let stored = stored.ok_or_else(|| Error::internal(crate::seal::SealError::Broken))?;
        let wraps = Wraps::read(&stored).map_err(Error::internal)?;
        Ok((stored, wraps))
    }

    /// Reads the ring again. `master` is the current content of the master key's file. The key that opened the ring
    /// before still works while a rotation is not finished.
    pub async fn refresh_keys(&self, master: MasterKey, now: Timestamp) -> Result<()> {
        let (_, wraps) = self.stored_ring().await?;
        let (ring, master) = if let Ok(ring) = wraps.open(&master) {
            (ring, master)
        } else {
            let known = self.keys.master();
            (wraps.open(&known).map_err(Error::internal)?, known)
        };
        self.keys.renew(master, &ring, now).map_err(Error::internal)
    }

    /// Replaces the stored ring. `change` is called again if another process was faster.
    async fn change_ring<T: Send>(
        &self,
        change: impl Fn(&Wraps) -> Result<Change<T>> + Send + Sync,
    ) -> Result<T> {
        for _ in 0..TRIES {
            let (old, wraps) = self.stored_ring().await?;
            match change(&wraps)? {
                Change::Nothing(outcome) => return Ok(outcome),
                Change::To(new, outcome) => {
                    if self.replace_ring(old, new).await? {
                        return Ok(outcome);
                    }
                }
            }
        }
        Err(Error::new(Code::Unavailable, "The keys are being changed by somebody else. Try again."))
    }

    /// Changes keys of the ring and continues with the new ring. `change` returns whether there is anything to do.
    async fn change_keys(
        &self,
        now: Timestamp,
        change: impl Fn(&mut Ring) -> Result<bool> + Send + Sync,
    ) -> Result<Ring> {
        let changed = self.change_ring(|wraps| {
            let master = self.keys.master();
            let mut ring = wraps.open(&master).map_err(Error::internal)?;
            if !change(&mut ring)? {
                return Ok(Change::Nothing((ring, None)));
            }
            // Only one of two master keys is known here.
            if wraps.count() > 1 {
                return Err(rotating());
            }
            let new = ring.wrap(&master).map_err(Error::internal)?;
            Ok(Change::To(new, (ring, Some(master))))
        });
        let (ring, master) = changed.await?;
        if let Some(master) = master {
            self.keys.renew(master, &ring, now).map_err(Error::internal)?;
        }
        Ok(ring)
    }

    async fn replace_ring(&self, old: Vec<u8>, new: Vec<u8>) -> Result<bool> {
        match self.ring_permit().write(|()| ReplaceSetting { name: KEY_RING.to_owned(), old, new }).await {
            Ok(()) => Ok(true),
            Err(OpError::Refused(_)) => Ok(false),
            Err(OpError::Store(error)) => Err(store_error(error)),
        }
    }

    /// The keys of the ring, the oldest first, with the number of access keys that each seals, and the number of master
    /// keys that open the store: two while a rotation is not finished.
    pub async fn listed_keys(&self, now: Timestamp) -> Result<WharfListKeysResponse> {
        let (_, wraps) = self.stored_ring().await?;
        let ring = wraps.open(&self.keys.master()).map_err(Error::internal)?;
        Ok(WharfListKeysResponse { keys: self.shown_keys(&ring, now).await?, master_keys: wraps.count() })
    }

    async fn shown_keys(&self, ring: &Ring, now: Timestamp) -> Result<Vec<SealingKey>> {
        let counts = self.ring_permit().read(|()| CountSealedSecrets).await?;
        let sealing = ring.sealing(now);
        let time = |seconds: i64| epoch_seconds(Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX));
        let shown = ring.entries().iter().enumerate().map(|(at, entry)| SealingKey {
            key_id: entry.id,
            made_at: (entry.made_at > 0).then(|| time(entry.made_at)),
            state: match at.cmp(&sealing) {
                std::cmp::Ordering::Less => SealingKeyState::Opening,
                std::cmp::Ordering::Equal => SealingKeyState::Sealing,
                std::cmp::Ordering::Greater => SealingKeyState::Waiting,
            },
            seals_from: (at > sealing).then(|| time(entry.seals_from)),
            needed_until: ring.needed_until(at).filter(|_| at < sealing).map(time),
            access_keys: counts.iter().find(|(id, _)| *id == entry.id).map_or(0, |(_, count)| *count),
        });
        Ok(shown.collect())
    }

    /// Creates a new sealing key, which seals 30 seconds later. If a key waits to seal already, that one is returned.
    pub async fn rotate_sealing_key(&self, now: Timestamp) -> Result<Vec<SealingKey>> {
        let turned =
            self.change_keys(now, |ring| ring.turn(now).map_err(Error::internal)?.map_err(|_| full()));
        let ring = turned.await?;
        self.shown_keys(&ring, now).await
    }

    /// One pass over stored values of older keys: they are sealed again in slices, and keys that are no longer needed are
    /// removed. Returns how much was done. It can be repeated, and can run on several nodes.
    pub async fn tend_keys(&self, now: Timestamp) -> Result<usize> {
        let (_, wraps) = self.stored_ring().await?;
        let ring = wraps.open(&self.keys.master()).map_err(Error::internal)?;
        if ring.sealing(now) == 0 || wraps.count() > 1 {
            return Ok(0);
        }
        let resealed = self.reseal_rows().await?;
        let mut retired = 0;
        for id in ring.over(now) {
            retired += usize::from(self.retire(id, now).await?);
        }
        Ok(resealed + retired)
    }

    /// Removes an expired key from the ring, unless it still seals a secret.
    async fn retire(&self, id: u8, now: Timestamp) -> Result<bool> {
        if self.seals_a_row(id).await? {
            return Ok(false);
        }
        let ring = self.change_keys(now, |ring| Ok(ring.over(now).contains(&id) && ring.retire(id))).await?;
        tracing::info!(key = id, left = ring.entries().len(), "a sealing key is retired");
        Ok(true)
    }

    /// Allows another master key to open the store, in addition to the current one.
    pub async fn add_master_key(&self, next: &MasterKey) -> Result<()> {
        let added = self.change_ring(|wraps| {
            if wraps.open(next).is_ok() {
                return Ok(Change::Nothing(()));
            }
            if wraps.count() > 1 {
                return Err(rotating());
            }
            let master = self.keys.master();
            let ring = wraps.open(&master).map_err(Error::internal)?;
            let new = Wraps::under_both(&ring, &master, next).map_err(Error::internal)?;
            Ok(Change::To(new, ()))
        });
        added.await
    }

    /// Allows only this master key to open the store; it must be one of the current ones.
    pub async fn keep_one_master_key(&self, master: &MasterKey, now: Timestamp) -> Result<()> {
        let kept = self.change_ring(|wraps| {
            let ring = wraps.open(master).map_err(Error::internal)?;
            if wraps.count() == 1 {
                return Ok(Change::Nothing(ring));
            }
            let new = ring.wrap(master).map_err(Error::internal)?;
            Ok(Change::To(new, ring))
        });
        let ring = kept.await?;
        self.keys.renew(master.clone(), &ring, now).map_err(Error::internal)
    }
}
