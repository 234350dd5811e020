//! Request IDs: random UUIDs. Each thread takes random bytes for many of them with one system call.

use std::cell::RefCell;
use std::sync::Arc;

use uuid::{Builder, Bytes, Uuid};

/// How many IDs the bytes of one system call make.
const BATCH: usize = 256;

/// Random bytes that were not used yet.
struct Pool(Vec<Bytes>);

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool(Vec::new())) };
}

/// A new ID.
pub(crate) fn new() -> Arc<str> {
    let id = POOL.with_borrow_mut(Pool::take);
    Arc::from(&*id.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
}

impl Pool {
    fn take(&mut self) -> Uuid {
        if self.0.is_empty() {
            self.fill();
        }
        // Without random bytes from the system in one piece: the library's own way.
        self.0.pop().map_or_else(Uuid::new_v4, |bytes| Builder::from_random_bytes(bytes).into_uuid())
    }

    fn fill(&mut self) {
        let mut bytes = [0; BATCH * size_of::<Bytes>()];
        if aws_lc_rs::rand::fill(&mut bytes).is_ok() {
            self.0.extend(bytes.as_chunks().0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn ids_are_random_uuids_and_never_repeat() {
        let mut seen = HashSet::new();
        for _ in 0..3 * super::BATCH {
            let id = super::new();
            let parsed: uuid::Uuid = id.parse().unwrap();
            assert_eq!((parsed.get_version_num(), parsed.to_string().as_str()), (4, &*id));
            assert!(seen.insert(id));
        }
    }
}
