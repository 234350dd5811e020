//! Hashing that can be interrupted and continued, in another request or on another node.
//!
//! The saved state is: format byte, algorithm code, number of bytes hashed (8 bytes, big endian), then the state that
//! the sha2 crate serialises: chaining state, number of whole blocks, length of the current block and its bytes.

use digest::{
    Digest as _,
    common::hazmat::{SerializableState, SerializedState},
};
use sha2::{Sha256, Sha512};

use super::{Algorithm, Digest};

/// The layout that this code writes, and the only one that it reads. A new layout gets a new number.
const FORMAT: u8 = 1;
/// Format byte, algorithm code, number of bytes.
const HEADER_LEN: usize = 10;
/// No content is larger: this is far above any object, and far below the values at which the internal counters
/// overflow.
const MAX_LENGTH: u64 = 1 << 60;

/// Makes the [`Digest`] of content that comes in pieces.
///
/// ```
/// use oci::digest::{Algorithm, Digest, Hasher};
///
/// let mut hasher = Hasher::new(Algorithm::Sha256);
/// hasher.update(b"first request, ");
/// let saved = hasher.save().ok_or("cannot be saved")?;
///
/// let mut hasher = Hasher::restore(&saved).ok_or("is not what was saved")?;
/// hasher.update(b"second request");
/// assert_eq!(hasher.finish(), Digest::of(Algorithm::Sha256, b"first request, second request"));
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone)]
pub struct Hasher {
    state: State,
    length: u64,
}

#[derive(Clone)]
enum State {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    /// A hasher without any bytes yet.
    pub fn new(algorithm: Algorithm) -> Self {
        let state = match algorithm {
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
            Algorithm::Sha512 => State::Sha512(Sha512::new()),
        };
        Self { state, length: 0 }
    }

    /// Adds the next bytes of the content.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Sha256(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
        }
        self.length = self.length.saturating_add(bytes.len() as u64);
    }

    /// The digest of all bytes so far.
    pub fn finish(self) -> Digest {
        let algorithm = self.algorithm();
        let mut bytes = [0; super::MAX_LEN];
        match self.state {
            State::Sha256(state) => fill(&mut bytes, &state.finalize()),
            State::Sha512(state) => fill(&mut bytes, &state.finalize()),
        }
        Digest { algorithm, bytes }
    }

    /// The algorithm.
    pub const fn algorithm(&self) -> Algorithm {
        match self.state {
            State::Sha256(_) => Algorithm::Sha256,
            State::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// How many bytes were added, before and after a [`Hasher::restore`].
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// The state, for [`Hasher::restore`]. `None` if this state cannot be saved; the caller must then hash again from
    /// the start. (Both algorithms can be saved today.)
    pub fn save(&self) -> Option<Vec<u8>> {
        if self.length > MAX_LENGTH {
            return None;
        }
        let mut saved = vec![FORMAT, self.algorithm().code()];
        saved.extend_from_slice(&self.length.to_be_bytes());
        match &self.state {
            State::Sha256(state) => saved.extend_from_slice(&state.serialize()),
            State::Sha512(state) => saved.extend_from_slice(&state.serialize()),
        }
        Some(saved)
    }

    /// The hasher with a saved state. `None` if [`Hasher::save`] did not make these bytes.
    pub fn restore(saved: &[u8]) -> Option<Self> {
        let (header, state) = saved.split_at_checked(HEADER_LEN)?;
        let (&[format, code], length) = header.split_first_chunk::<2>()?;
        let length = u64::from_be_bytes(length.try_into().ok()?);
        let algorithm = Algorithm::from_code(code)?;
        if format != FORMAT || length > MAX_LENGTH || !agrees_with_length(state, algorithm, length) {
            return None;
        }
        let state = match algorithm {
            Algorithm::Sha256 => State::Sha256(deserialize(state)?),
            Algorithm::Sha512 => State::Sha512(deserialize(state)?),
        };
        Some(Self { state, length })
    }
}

fn fill(bytes: &mut [u8], hash: &[u8]) {
    for (to, from) in bytes.iter_mut().zip(hash) {
        *to = *from;
    }
}

fn deserialize<H: SerializableState>(state: &[u8]) -> Option<H> {
    let state: &SerializedState<H> = state.try_into().ok()?;
    H::deserialize(state).ok()
}

/// Whether the counters in sha2's serialised state match `length` hashed bytes.
///
/// A wrong counter would not only give a wrong digest: a huge one overflows when the hash is finished. The state of
/// sha2 has the chaining state first, then the number of whole blocks (little endian), then the length of the current
/// block.
fn agrees_with_length(state: &[u8], algorithm: Algorithm, length: u64) -> bool {
    let (chaining_len, counter_len, block_len) = match algorithm {
        Algorithm::Sha256 => (32, 8, 64),
        Algorithm::Sha512 => (64, 16, 128),
    };
    let Some((counter, rest)) =
        state.get(chaining_len..).and_then(|after_chaining| after_chaining.split_at_checked(counter_len))
    else {
        return false;
    };
    let blocks = (length / block_len).to_le_bytes();
    let (low, high) = counter.split_at(counter.len().min(blocks.len()));
    low == blocks
        && high.iter().all(|byte| *byte == 0)
        && rest.first().is_some_and(|fill| u64::from(*fill) == length % block_len)
}
