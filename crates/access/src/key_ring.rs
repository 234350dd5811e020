//! The ring of sealing keys as the store contains it, and the life of a key: it is created, starts to seal a little
//! later, only opens values once a newer key seals, and is removed when everything that it sealed has expired.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::seal::{SealError, open_under, seal_under};
use crate::settings::MasterKey;

/// The time from the creation of a key until it seals. Nodes read the ring three times as often, so no node meets a
/// value of an unknown key.
pub(super) const PICK_UP_SECONDS: i64 = 30;
/// How long a key opens values after a newer key seals: sessions live for at most 36 hours, docker passwords and their
/// stored contexts for 13, download URLs for one. One hour is for nodes with different clocks.
pub(super) const OPENS_SECONDS: i64 = 37 * 3_600;
/// The maximum number of keys.
const MOST_KEYS: usize = 64;

const LABEL: &[u8] = b"wharf key ring";
/// The first byte of a ring that two master keys seal; a ring under one key begins with the format of sealed values.
const SEVERAL: u8 = 2;

/// A key of the ring. It has no `Debug`.
#[derive(Clone, Serialize, Deserialize)]
pub struct Entry {
    pub id: u8,
    /// 32 bytes, hex.
    key: String,
    /// Seconds since 1970; 0 for the first key of a deployment that is older than rotation.
    #[serde(default)]
    pub made_at: i64,
    /// Seconds since 1970.
    #[serde(default)]
    pub seals_from: i64,
}

impl Entry {
    fn random(id: u8, made_at: i64, seals_from: i64) -> Result<Self, SealError> {
        let mut key = [0_u8; 32];
        aws_lc_rs::rand::fill(&mut key).map_err(|_| SealError::Failed)?;
        Ok(Self { id, key: hex::encode(key), made_at, seals_from })
    }

    pub fn bytes(&self) -> Option<[u8; 32]> {
        hex::decode(&self.key).ok()?.try_into().ok()
    }
}

/// Keys, the oldest first. There is at least one.
#[derive(Clone)]
pub struct Ring(Vec<Entry>);

/// The ring has too many keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Ring {
    pub fn generate(now: Timestamp) -> Result<Self, SealError> {
        Ok(Self(vec![Entry::random(1, now.as_second(), 0)?]))
    }

    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// The key that seals.
    pub fn sealing(&self, now: Timestamp) -> usize {
        let seals = |entry: &Entry| entry.seals_from <= now.as_second();
        self.0.iter().rposition(seals).unwrap_or_default()
    }

    /// Until when a key is needed; None while it is the newest.
    pub fn needed_until(&self, at: usize) -> Option<i64> {
        Some(self.0.get(at.checked_add(1)?)?.seals_from.saturating_add(OPENS_SECONDS))
    }

    /// Adds a key, unless there is one that does not seal yet.
    pub fn turn(&mut self, now: Timestamp) -> Result<Result<bool, Full>, SealError> {
        if self.sealing(now).saturating_add(1) < self.0.len() {
            return Ok(Ok(false));
        }
        let is_free = |id: &u8| self.0.iter().all(|entry| entry.id != *id);
        // The next number, so a retired number is used again as late as possible.
        let newest = self.0.last().map(|entry| entry.id).unwrap_or_default();
        let id = (newest..=u8::MAX).chain(1..newest).find(is_free);
        let Some(id) = id.filter(|_| self.0.len() < MOST_KEYS) else { return Ok(Err(Full)) };
        let made_at = now.as_second();
        self.0.push(Entry::random(id, made_at, made_at.saturating_add(PICK_UP_SECONDS))?);
        Ok(Ok(true))
    }

    /// Keys that are no longer needed.
    pub fn over(&self, now: Timestamp) -> Vec<u8> {
        let is_over = |at: usize| self.needed_until(at).is_some_and(|until| until < now.as_second());
        self.0.iter().enumerate().filter(|(at, _)| is_over(*at)).map(|(_, entry)| entry.id).collect()
    }

    /// Removes a key; false if it does not exist.
    pub fn retire(&mut self, id: u8) -> bool {
        let before = self.0.len();
        self.0.retain(|entry| entry.id != id);
        self.0.len() < before
    }

    /// The ring, sealed under a master key.
    pub fn wrap(&self, master: &MasterKey) -> Result<Vec<u8>, SealError> {
        let text = serde_json::to_vec(&self.0).map_err(|_| SealError::Failed)?;
        seal_under(master.bytes(), LABEL, 0, &text)
    }
}

/// The stored form: the ring sealed under one master key, or under two during a rotation.
#[derive(Clone)]
pub(super) struct Wraps(Vec<Vec<u8>>);

impl Wraps {
    pub(super) fn read(stored: &[u8]) -> Result<Self, SealError> {
        match stored.split_first() {
            Some((&SEVERAL, rest)) => {
                let texts: Vec<String> = serde_json::from_slice(rest).map_err(|_| SealError::Broken)?;
                let wraps = texts.iter().map(hex::decode).collect::<Result<_, _>>();
                wraps.map(Self).map_err(|_| SealError::Broken)
            }
            _ => Ok(Self(vec![stored.to_vec()])),
        }
    }

    /// How many master keys open it.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn open(&self, master: &MasterKey) -> Result<Ring, SealError> {
        let opened = self.0.iter().find_map(|wrap| open_under(master.bytes(), LABEL, wrap).ok());
        let entries: Vec<Entry> =
            serde_json::from_slice(&opened.ok_or(SealError::Broken)?).map_err(|_| SealError::Broken)?;
        let is_whole = !entries.is_empty() && entries.iter().all(|entry| entry.bytes().is_some());
        if is_whole { Ok(Ring(entries)) } else { Err(SealError::Broken) }
    }

    /// The ring under two master keys.
    pub(super) fn under_both(ring: &Ring, old: &MasterKey, new: &MasterKey) -> Result<Vec<u8>, SealError> {
        let wraps = [hex::encode(ring.wrap(old)?), hex::encode(ring.wrap(new)?)];
        let mut stored = vec![SEVERAL];
        serde_json::to_writer(&mut stored, &wraps).map_err(|_| SealError::Failed)?;
        Ok(stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn ids(ring: &Ring) -> Vec<u8> {
        ring.entries().iter().map(|entry| entry.id).collect()
    }

    #[test]
    fn a_key_seals_when_every_node_knows_it() {
        let mut ring = Ring::generate(at(0)).unwrap();
        assert_eq!(ring.turn(at(0)).unwrap(), Ok(true));
        assert_eq!(ring.turn(at(PICK_UP_SECONDS - 1)).unwrap(), Ok(false), "one is waiting");
        assert_eq!((ring.sealing(at(PICK_UP_SECONDS - 1)), ring.sealing(at(PICK_UP_SECONDS))), (0, 1));
        assert_eq!(ring.turn(at(PICK_UP_SECONDS)).unwrap(), Ok(true));
        assert_eq!(ids(&ring), [1, 2, 3]);
    }

    #[test]
    fn a_key_ends_when_everything_it_sealed_has_expired() {
        let mut ring = Ring::generate(at(0)).unwrap();
        assert!(ring.over(at(1_000_000_000)).is_empty(), "nothing took its place");
        ring.turn(at(0)).unwrap().unwrap();
        let last = PICK_UP_SECONDS + OPENS_SECONDS;
        assert!(ring.over(at(last)).is_empty());
        assert_eq!(ring.over(at(last + 1)), [1]);
        assert!(ring.retire(1) && !ring.retire(1));
        ring.turn(at(last + 1)).unwrap().unwrap();
        assert_eq!(ids(&ring), [2, 3], "a number does not come again at once");
    }

    #[test]
    fn key_numbers_are_reused_and_their_count_is_limited() {
        let mut ring = Ring::generate(at(0)).unwrap();
        for round in 0..600 {
            let newest = *ids(&ring).last().unwrap();
            assert_eq!(ring.turn(at(round * PICK_UP_SECONDS)).unwrap(), Ok(true));
            assert!(ring.retire(newest));
        }
        let mut at_once = 0;
        while ring.turn(at((600 + at_once) * PICK_UP_SECONDS)).unwrap() == Ok(true) {
            at_once += 1;
        }
        assert_eq!(ring.entries().len(), MOST_KEYS);
    }

    #[test]
    fn a_ring_opens_only_under_its_master_keys() {
        let (old, new, other) = (MasterKey::new([7; 32]), MasterKey::new([8; 32]), MasterKey::new([9; 32]));
        let ring = Ring::generate(at(0)).unwrap();
        let one = Wraps::read(&ring.wrap(&old).unwrap()).unwrap();
        assert!(one.open(&old).is_ok() && one.open(&new).is_err() && one.count() == 1);
        let both = Wraps::read(&Wraps::under_both(&ring, &old, &new).unwrap()).unwrap();
        assert!(both.open(&old).is_ok() && both.open(&new).is_ok() && both.open(&other).is_err());
        assert_eq!(both.count(), 2);
    }

    #[test]
    fn a_ring_from_before_rotation_opens() {
        let master = MasterKey::new([7; 32]);
        let text = format!(r#"[{{"id":1,"key":"{}"}}]"#, "ab".repeat(32));
        let stored = seal_under(master.bytes(), LABEL, 0, text.as_bytes()).unwrap();
        let ring = Wraps::read(&stored).unwrap().open(&master).unwrap();
        assert_eq!((ids(&ring), ring.sealing(at(0))), (vec![1], 0));
    }
}
