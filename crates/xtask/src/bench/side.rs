//! One server under measurement: how to reach it, how to prove who asks, what it has used.

use anyhow::Result;

use super::http::Connection;
use crate::process;
use crate::running::Wharf;

/// What a side can be asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The whole distribution API.
    Registry,
    /// Files by digest, nothing else.
    Files,
}

/// A running server. It does not own the process; who started it does.
pub(crate) struct Side {
    /// The name in the tables.
    pub(crate) name: &'static str,
    /// What it can do.
    pub(crate) kind: Kind,
    address: String,
    pid: u32,
    authorization: Option<String>,
}

/// Resident memory of a server in KiB.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    /// At this moment.
    pub(crate) now: u64,
    /// The most so far.
    pub(crate) peak: u64,
}

impl Side {
    /// Wharf, asked with a token of its own.
    pub(crate) fn wharf(wharf: &Wharf) -> Result<Self> {
        let authorization = Some(wharf.basic_authorization()?);
        let address = wharf.address()?.to_owned();
        Ok(Self { name: "Wharf", kind: Kind::Registry, address, pid: wharf.pid(), authorization })
    }

    /// A server that asks for nothing.
    pub(crate) fn open(name: &'static str, kind: Kind, address: String, pid: u32) -> Self {
        Self { name, kind, address, pid, authorization: None }
    }

    /// A new connection to it.
    pub(crate) fn connect(&self) -> Result<Connection> {
        Connection::open(&self.address)
    }

    /// The head of a request, complete with the empty line. `extra` are whole header lines.
    pub(crate) fn head(&self, method: &str, path: &str, extra: &str) -> Vec<u8> {
        let authorization = match &self.authorization {
            Some(token) => format!("Authorization: Basic {token}\r\n"),
            None => String::new(),
        };
        format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n{authorization}{extra}\r\n", self.address)
            .into_bytes()
    }

    /// CPU seconds it has used since it began.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        process::cpu_seconds(self.pid)
    }

    /// Its memory now and at most.
    pub(crate) fn memory(&self) -> Result<Memory> {
        let now = process::memory_kib(self.pid, "VmRSS")?;
        Ok(Memory { now, peak: process::memory_kib(self.pid, "VmHWM")? })
    }
}
