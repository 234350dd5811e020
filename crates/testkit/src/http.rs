//! A blocking HTTP/1.1 client with one connection for each request. It reports what came over the wire, and a server
//! that ends causes an error immediately.

use std::fmt::Write as _;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::Credentials;

/// A client of one server, as one user.
#[derive(Clone)]
pub struct Client {
    address: SocketAddr,
    host: String,
    credentials: Credentials,
    token: String,
}

/// An answer with its complete body.
#[derive(Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// An answer whose body has not been read.
pub struct Stream {
    /// The status code.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    body: Box<dyn Read>,
}

impl Reply {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_slice(&self.body).context("the body is not JSON")
    }

    /// This answer if it has the status, else an error that shows it.
    pub fn expect(self, status: u16) -> Result<Self> {
        ensure!(
            self.status == status,
            "{} instead of {status}: {}",
            self.status,
            String::from_utf8_lossy(&self.body)
        );
        Ok(self)
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.body.read(buffer)
    }
}

impl Client {
    /// A client that is logged in: it requests a registry token first, like `aws ecr get-login-password`.
    pub fn login(address: SocketAddr, host: &str, credentials: Credentials) -> Result<Self> {
        let mut client = Self { address, host: host.to_owned(), credentials, token: String::new() };
        let answer = client.ecr("GetAuthorizationToken", "{}")?.expect(200)?.json()?;
        let token =
            answer.pointer("/authorizationData/0/authorizationToken").and_then(|token| token.as_str());
        token.context("no token")?.clone_into(&mut client.token);
        Ok(client)
    }

    /// `HOST:PORT`, as the server knows it.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its access key.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Where it connects to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The value of `Authorization: Basic`.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The password of the user `AWS` for container clients.
    pub fn password(&self) -> Result<String> {
        let pair = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, &self.token)?;
        let pair = String::from_utf8(pair)?;
        Ok(pair.strip_prefix("AWS:").context("a token of another user")?.to_owned())
    }

    /// Calls an operation of ECR.
    pub fn ecr(&self, operation: &str, input: &str) -> Result<Reply> {
        let target = format!("AmazonEC2ContainerRegistry_V20150921.{operation}");
        let headers = self.credentials.sign("ecr", &self.host, &target, input.as_bytes());
        let length = input.len() as u64;
        whole(self.send("POST", "/", &headers, &mut input.as_bytes(), length)?, false)
    }

    /// A request to the data plane with the token. `path` starts with `/v2/`.
    pub fn v2(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Result<Reply> {
        whole(self.v2_stream(method, path, kind, &mut &*body, body.len() as u64)?, method == "HEAD")
    }

    /// A part of an upload that begins at this offset.
    pub fn patch(&self, path: &str, offset: usize, part: &[u8]) -> Result<Reply> {
        let range = format!("{offset}-{}", offset + part.len().saturating_sub(1));
        let mut headers = self.v2_headers("application/octet-stream");
        headers.push(("content-range", range));
        whole(self.send("PATCH", path, &headers, &mut &*part, part.len() as u64)?, false)
    }

    /// The same as [`Self::v2`] with a streamed body and an answer that has not been read.
    pub fn v2_stream(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: &mut dyn Read,
        length: u64,
    ) -> Result<Stream> {
        self.send(method, path, &self.v2_headers(kind), body, length)
    }

    fn v2_headers(&self, kind: &str) -> Vec<(&'static str, String)> {
        let mut headers =
            vec![("authorization", format!("Basic {}", self.token)), ("accept", "*/*".to_owned())];
        if !kind.is_empty() {
            headers.push(("content-type", kind.to_owned()));
        }
        headers
    }

    /// Sends the head of a request to the data plane. The caller sends the body, or a part of it.
    pub fn begin(&self, method: &str, path: &str, kind: &str, length: u64) -> Result<TcpStream> {
        let token = format!("Basic {}", self.token);
        self.send_head(method, path, &[("authorization", token), ("content-type", kind.to_owned())], length)
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&'static str, String)],
        body: &mut dyn Read,
        length: u64,
    ) -> Result<Stream> {
        let mut connection = self.send_head(method, path, headers, length)?;
        io::copy(body, &mut connection)?;
        answer(connection, method == "HEAD")
    }

    fn send_head(
        &self,
        method: &str,
        path: &str,
        headers: &[(&'static str, String)],
        length: u64,
    ) -> Result<TcpStream> {
        let mut connection = TcpStream::connect_timeout(&self.address, Duration::from_secs(5))?;
        connection.set_read_timeout(Some(Duration::from_secs(30)))?;
        connection.set_write_timeout(Some(Duration::from_secs(30)))?;
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.host);
        for (name, value) in headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let _ = write!(head, "content-length: {length}\r\n\r\n");
        connection.write_all(head.as_bytes())?;
        Ok(connection)
    }
}

fn whole(mut stream: Stream, has_no_body: bool) -> Result<Reply> {
    let mut body = Vec::new();
    stream.read_to_end(&mut body)?;
    let length = stream.headers.iter().find(|(name, _)| name == "content-length");
    if let Some((_, length)) = length {
        ensure!(has_no_body || body.len().to_string() == *length, "the body is cut off");
    }
    Ok(Reply { status: stream.status, headers: stream.headers, body })
}

fn answer(connection: TcpStream, no_body: bool) -> Result<Stream> {
    let mut reader = BufReader::with_capacity(256 * 1024, connection);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line.split(' ').nth(1).context("no answer")?.parse()?;
    let mut headers = Vec::new();
    loop {
        line.clear();
        ensure!(reader.read_line(&mut line)? > 0, "the answer's head is cut off");
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let has = |name: &str, text: &str| headers.iter().any(|(n, v)| n == name && v == text);
    let body: Box<dyn Read> = if no_body {
        Box::new(io::empty())
    } else if has("transfer-encoding", "chunked") {
        Box::new(Chunked { reader, left: 0, ended: false })
    } else {
        Box::new(reader)
    };
    Ok(Stream { status, headers, body })
}

/// A body in chunks (RFC 9112 section 7.1).
struct Chunked {
    reader: BufReader<TcpStream>,
    left: u64,
    ended: bool,
}

impl Read for Chunked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.left == 0 && !self.ended {
            let mut line = String::new();
            if self.reader.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line.trim().is_empty() {
                continue;
            }
            self.left = u64::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
            self.ended = self.left == 0;
        }
        let read = (&mut self.reader).take(self.left).read(buffer)?;
        self.left -= read as u64;
        Ok(read)
    }
}
