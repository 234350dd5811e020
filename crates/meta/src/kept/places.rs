//! Where the counters of scopes are: a fixed number of places, so that memory does not grow with the repositories.

use crate::Scope;

/// How many counters there are: 128 KiB. Two scopes that share a counter end each other's answers, which costs a read.
pub(super) const PLACES: usize = 1 << 14;

/// The place of [`Scope::Identity`], which no other scope shares.
const IDENTITY: usize = 0;

/// The places of a scope.
pub(super) fn of(scope: Scope) -> std::ops::Range<usize> {
    let at = match scope {
        Scope::Everything => return 0..PLACES,
        Scope::Identity => IDENTITY,
        Scope::Registry(key) => shared(1, key.0, 0),
        Scope::Repository(key) => shared(2, key.registry.0, key.id),
        Scope::Contents(key) => shared(3, key.registry.0, key.id),
    };
    at..at + 1
}

/// The place of a scope that an answer depends on.
pub(super) fn first_of(scope: Scope) -> usize {
    of(scope).start
}

/// A place other than the first. The keys are random numbers of the server, so nobody can aim at a place.
fn shared(kind: u64, registry: i64, id: i64) -> usize {
    let mut hash = kind;
    for word in [registry.cast_unsigned(), id.cast_unsigned()] {
        // The finalizer of SplitMix64.
        hash = (hash ^ word).wrapping_add(0x9E37_79B9_7F4A_7C15);
        hash = (hash ^ (hash >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        hash = (hash ^ (hash >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        hash ^= hash >> 31;
    }
    1 + usize::try_from(hash % (PLACES as u64 - 1)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::{RegistryKey, RepositoryKey};

    #[test]
    fn scopes_are_spread_and_only_everything_is_all() {
        let mut places = HashSet::new();
        for id in 0..1_000 {
            let key = RepositoryKey { registry: RegistryKey(7), id };
            for scope in [Scope::Repository(key), Scope::Contents(key), Scope::Registry(RegistryKey(id))] {
                let of = of(scope);
                assert!(of.len() == 1 && of.start > IDENTITY && of.end <= PLACES);
                places.insert(of.start);
            }
        }
        // 3,000 at random in 16,383 places meet about 260 times.
        assert!(places.len() > 2_600, "{}", places.len());
        assert_eq!(of(Scope::Identity), 0..1);
        assert_eq!(of(Scope::Everything), 0..PLACES);
    }
}
