//! Damaged copies of a target's seeds, for proptest: what libFuzzer does, without its feedback.

use proptest::prelude::*;
use proptest::sample::Index;

const WORDS: [&str; 12] =
    ["\"", "{", "[", "${", "*", "..", "%2f", "/", ":", "18446744073709551616", "\u{0}", "\u{20ac}"];

#[derive(Clone, Debug)]
enum Damage {
    Set(Index, u8),
    Cut(Index, usize),
    Repeat(Index, usize),
    Insert(Index, &'static str),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        (any::<Index>(), 1..20_usize).prop_map(|(at, length)| Damage::Cut(at, length)),
        (any::<Index>(), 1..20_usize).prop_map(|(at, length)| Damage::Repeat(at, length)),
        (any::<Index>(), proptest::sample::select(&WORDS[..]))
            .prop_map(|(at, word)| Damage::Insert(at, word)),
    ]
}

fn apply(bytes: &mut Vec<u8>, damage: &Damage) {
    let (Damage::Set(at, _) | Damage::Cut(at, _) | Damage::Repeat(at, _) | Damage::Insert(at, _)) = damage;
    let at = at.index(bytes.len() + 1);
    match *damage {
        Damage::Set(_, byte) if at < bytes.len() => bytes[at] = byte,
        Damage::Set(_, byte) => bytes.push(byte),
        Damage::Cut(_, length) => drop(bytes.drain(at..(at + length).min(bytes.len()))),
        Damage::Repeat(_, length) => bytes.extend_from_within(at..(at + length).min(bytes.len())),
        Damage::Insert(_, word) => drop(bytes.splice(at..at, word.bytes())),
    }
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Noise, or a seed of the target with up to five damages.
pub(crate) fn input(target: &str) -> impl Strategy<Value = Vec<u8>> {
    let damaged = (proptest::sample::select(seeds(target)), proptest::collection::vec(damage(), 0..6));
    prop_oneof![
        1 => any::<Vec<u8>>(),
        4 => damaged.prop_map(|(mut bytes, damages)| {
            for damage in &damages {
                apply(&mut bytes, damage);
            }
            bytes
        }),
    ]
}
