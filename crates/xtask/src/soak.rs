//! The soak: the test `soak` of the binary, for as long as is wanted.

use std::process::Command;

use anyhow::Result;

use crate::{command, workspace};

/// Runs it; true if it passed.
pub(crate) fn run(seconds: u64) -> Result<bool> {
    let mut test = Command::new(env!("CARGO"));
    test.current_dir(workspace::root())
        .args(["test", "-p", "wharf", "--test", "it", "--", "--nocapture", "--exact"])
        .arg("soak::a_soak_loses_nothing_and_leaves_nothing")
        .env("WHARF_SOAK_SECONDS", seconds.to_string());
    command::watch(&mut test, |_| ())
}
