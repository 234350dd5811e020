//! The record of the statements that this version sends, for the test that later schemas still take them
//! (`conformance/older.rs`).

use std::{
    collections::BTreeSet,
    fs::OpenOptions,
    io::Write as _,
    sync::{Mutex, PoisonError},
};

static NOTED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Adds a statement to the file that `WHARF_NOTE_STATEMENTS` names, one in a line, each once.
pub(super) fn note(sql: &str) {
    let Some(path) = std::env::var_os("WHARF_NOTE_STATEMENTS") else { return };
    let line: Vec<&str> = sql.split_whitespace().collect();
    let mut noted = NOTED.lock().unwrap_or_else(PoisonError::into_inner);
    if noted.insert(line.join(" ")) {
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        writeln!(file, "{}", line.join(" ")).unwrap();
    }
}
