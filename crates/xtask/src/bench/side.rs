//! One server in a measurement: its address, its credentials, its resources.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use bytes::Bytes;
use testkit::Cluster;

use super::caller::Caller;
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

/// The names in the tables.
pub(crate) const WHARF: &str = "Wharf";
pub(crate) const DISTRIBUTION: &str = "distribution 3";
pub(crate) const DEBIAN: &str = "docker-registry";
pub(crate) const NGINX: &str = "nginx";
pub(crate) const FLOOR: &str = "floor";

/// The caller and the server of a measure.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    /// A caller of the repository's account; the access log is on.
    Usual,
    /// A caller of another account; only Wharf has accounts.
    OtherAccount,
    /// Wharf without the access log.
    LogOff,
    /// Wharf that delivers events to a file.
    Events,
    /// Wharf with rates of operations, which no request exceeds.
    Rates,
    /// Wharf with its metadata in PostgreSQL.
    Postgres,
    /// Not Wharf: the least that a push costs on this machine.
    Floor,
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
    prefix: String,
    cases: Vec<(Case, Side)>,
}

/// Resident memory of a server in KiB.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    /// The current value.
    pub(crate) now: u64,
    /// Of it, what is not a page of a file.
    pub(crate) own: u64,
    /// The peak.
    pub(crate) peak: u64,
}

impl Side {
    /// Wharf, with a token.
    pub(crate) fn wharf(wharf: &Wharf) -> Result<Self> {
        let authorization = Some(wharf.basic_authorization()?);
        let address = wharf.address()?.to_owned();
        Ok(Self {
            name: WHARF,
            kind: Kind::Registry,
            address,
            pid: wharf.pid(),
            authorization,
            key: Some(wharf.key()?),
            tls: None,
            prefix: String::new(),
            cases: Vec::new(),
        })
    }

    /// A load balancer before nodes, with a token and the administrator's key. It has no process of its own.
    pub(crate) fn balanced(cluster: &Cluster) -> Result<Self> {
        let client = &cluster.client;
        let (id, secret) = client.credentials().key();
        let key = Key { id: id.to_owned(), secret: secret.to_owned() };
        let pid = u32::try_from(cluster.pid("balancer")?)?;
        let open = Self::open(WHARF, Kind::Registry, client.host().to_owned(), pid);
        Ok(Self { authorization: Some(client.token().to_owned()), key: Some(key), ..open })
    }

    /// A server without authentication.
    pub(crate) fn open(name: &'static str, kind: Kind, address: String, pid: u32) -> Self {
        Self {
            name,
            kind,
            address,
            pid,
            authorization: None,
            key: None,
            tls: None,
            prefix: String::new(),
            cases: Vec::new(),
        }
    }

    /// The same server for another caller.
    pub(crate) fn for_caller(&self, caller: Caller) -> Self {
        let open = Self::open(self.name, self.kind, self.address.clone(), self.pid);
        Self { authorization: Some(caller.authorization), prefix: caller.prefix, ..open }
    }

    /// Adds another case of the same server.
    pub(crate) fn with_case(mut self, case: Case, side: Self) -> Self {
        self.cases.push((case, side));
        self
    }

    /// The server and caller of a case, if it has the case.
    pub(crate) fn case(&self, case: Case) -> Option<&Self> {
        if case == Case::Usual {
            return Some(self);
        }
        self.cases.iter().find_map(|(other, side)| (*other == case).then_some(side))
    }

    /// The name of the repository in its paths, after the account ID if the caller needs it.
    pub(crate) fn repository(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
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
        let of = |field| process::memory_kib(self.pid, field);
        Ok(Memory { now: of("VmRSS")?, own: of("RssAnon")?, peak: of("VmHWM")? })
    }
}
