//! One server in a measurement: its address, its credentials, its resources.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use bytes::Bytes;

use super::http::Connection;
use super::tls::Tls;
use crate::abuse::sign::{Key, Service};
use crate::process;
use crate::running::Wharf;

/// What a server supports.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The whole distribution API.
    Registry,
    /// Files by digest only.
    Files,
}

/// A running server. It does not own the process.
pub(crate) struct Side {
    /// The name in the tables.
    pub(crate) name: &'static str,
    /// What it supports.
    pub(crate) kind: Kind,
    address: String,
    pid: u32,
    authorization: Option<String>,
    key: Option<Key>,
    tls: Option<Tls>,
}

/// Resident memory of a server in KiB.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    /// The current value.
    pub(crate) now: u64,
    /// The peak.
    pub(crate) peak: u64,
}

impl Side {
    /// Wharf, with a token.
    pub(crate) fn wharf(wharf: &Wharf) -> Result<Self> {
        let authorization = Some(wharf.basic_authorization()?);
        let address = wharf.address()?.to_owned();
        Ok(Self {
            name: "Wharf",
            kind: Kind::Registry,
            address,
            pid: wharf.pid(),
            authorization,
            key: Some(wharf.key()?),
            tls: None,
        })
    }

    /// A server without authentication.
    pub(crate) fn open(name: &'static str, kind: Kind, address: String, pid: u32) -> Self {
        Self { name, kind, address, pid, authorization: None, key: None, tls: None }
    }

    /// A new connection to it.
    pub(crate) fn connect(&self) -> Result<Connection> {
        Connection::open(&self.address)
    }

    /// The head of a request with the empty line. `extra` are complete header lines.
    pub(crate) fn head(&self, method: &str, path: &str, extra: &str) -> Vec<u8> {
        let authorization = match &self.authorization {
            Some(token) => format!("Authorization: Basic {token}\r\n"),
            None => String::new(),
        };
        format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n{authorization}{extra}\r\n", self.address)
            .into_bytes()
    }

    /// The same server with TLS.
    pub(crate) fn tls(&self) -> Result<&Tls> {
        self.tls.as_ref().context("this server was not started with TLS")
    }

    /// Adds the server with TLS.
    pub(crate) fn with_tls(self, tls: Option<Tls>) -> Self {
        Self { tls, ..self }
    }

    /// Whether it has the API of ECR.
    pub(crate) fn is_ecr(&self) -> bool {
        self.key.is_some()
    }

    /// A signed call of ECR: head and body. The signature is valid for some minutes.
    pub(crate) fn call(&self, operation: &str, body: &str) -> Result<(Vec<u8>, Vec<u8>)> {
        let key = self.key.as_ref().context("only Wharf has the API of ECR")?;
        let request =
            key.json(&self.address, Service::Ecr, operation, Bytes::copy_from_slice(body.as_bytes()))?;
        let mut head =
            format!("POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n", self.address, body.len());
        for (name, value) in request.headers() {
            write!(head, "{name}: {}\r\n", value.to_str()?)?;
        }
        head.push_str("\r\n");
        Ok((head.into_bytes(), body.as_bytes().to_vec()))
    }

    /// CPU seconds since its start.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        process::cpu_seconds(self.pid)
    }

    /// Its current and its peak memory.
    pub(crate) fn memory(&self) -> Result<Memory> {
        let now = process::memory_kib(self.pid, "VmRSS")?;
        Ok(Memory { now, peak: process::memory_kib(self.pid, "VmHWM")? })
    }
}
