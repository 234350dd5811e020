//! The client of the benchmark: blocking HTTP/1.1 on one connection, with two system calls for a small request, so the
//! servers are measured and not the client. It understands the answers of these servers and refuses others: an
//! answer without a length is an error.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// How long a server may send nothing.
const PATIENCE: Duration = Duration::from_mins(1);
/// The size of a read: large enough that large bodies need few calls, small enough to stay in the cache.
const READ_BYTES: usize = 256 * 1024;

/// A connection to one server.
pub(crate) struct Connection {
    address: String,
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
}

/// The head of an answer; its body has been read.
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    /// The length of the body; for HEAD, the length that GET would return.
    pub(crate) length: u64,
    /// `Location` as path and query, without scheme and host.
    pub(crate) location: Option<String>,
}

struct Head {
    answer: Answer,
    bytes: usize,
    closes: bool,
}

impl Connection {
    /// Connects to `HOST:PORT`.
    pub(crate) fn open(address: &str) -> Result<Self> {
        let stream = connect(address)?;
        Ok(Self { address: address.to_owned(), stream, buffer: vec![0; READ_BYTES], filled: 0 })
    }

    /// The same with little memory, for connections that are only open.
    pub(crate) fn small(address: &str) -> Result<Self> {
        let stream = connect(address)?;
        Ok(Self { address: address.to_owned(), stream, buffer: vec![0; 4096], filled: 0 })
    }

    /// Sends a request (its head with the empty line, then a body) and reads the whole answer. `sink` gets every piece
    /// of the body.
    pub(crate) fn exchange(
        &mut self,
        head: &[u8],
        body: &[u8],
        mut sink: impl FnMut(&[u8]),
    ) -> Result<Answer> {
        self.stream.write_all(head).context("cannot send the request")?;
        if !body.is_empty() {
            self.stream.write_all(body).context("cannot send the body")?;
        }
        let has_body = !head.starts_with(b"HEAD ");
        let head = self.read_head()?;
        let mut missing = if has_body { head.answer.length } else { 0 };
        let rest = self.buffer.get(head.bytes..self.filled).unwrap_or_default();
        missing = missing.checked_sub(rest.len() as u64).context("more bytes than the answer announced")?;
        sink(rest);
        while missing > 0 {
            let read = self.stream.read(&mut self.buffer).context("cannot read the body")?;
            if read == 0 {
                bail!("the connection ended {missing} bytes before the end of the body");
            }
            missing = missing.checked_sub(read as u64).context("more bytes than the answer announced")?;
            sink(self.buffer.get(..read).unwrap_or_default());
        }
        if head.closes {
            self.stream = connect(&self.address)?;
        }
        Ok(head.answer)
    }

    fn read_head(&mut self) -> Result<Head> {
        self.filled = 0;
        loop {
            let free = self.buffer.get_mut(self.filled..).unwrap_or_default();
            if free.is_empty() {
                bail!("the head of the answer does not end");
            }
            let read = self.stream.read(free).context("cannot read the answer")?;
            if read == 0 {
                bail!("the server closed the connection without an answer");
            }
            self.filled += read;
            let filled = self.buffer.get(..self.filled).unwrap_or_default();
            if let Some(end) = filled.windows(4).position(|window| window == b"\r\n\r\n") {
                return parse(filled.get(..end).unwrap_or_default(), end + 4);
            }
        }
    }
}

fn connect(address: &str) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn parse(head: &[u8], bytes: usize) -> Result<Head> {
    let head = std::str::from_utf8(head).context("the head of the answer is not text")?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("no status line")?;
    let status = status.parse().context("the status is not a number")?;
    let (mut length, mut location, mut closes) = (None, None, false);
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            length = Some(value.parse().context("Content-Length is not a number")?);
        } else if name.eq_ignore_ascii_case("location") {
            location = Some(path_of(value).to_owned());
        } else if name.eq_ignore_ascii_case("connection") {
            closes = value.eq_ignore_ascii_case("close");
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            bail!("the answer ({status}) has no length but Transfer-Encoding {value}");
        }
    }
    // An answer without a body needs no length.
    let length = if status == 204 || status == 304 { 0 } else { length.context("no Content-Length")? };
    Ok(Head { answer: Answer { status, length, location }, bytes, closes })
}

/// Path and query of an absolute or relative URL.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map(|(_, rest)| rest);
    match rest {
        Some(rest) => rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or("/"),
        None => url,
    }
}

#[cfg(test)]
mod tests {
    use super::{parse, path_of};

    #[test]
    fn a_location_loses_its_host_and_keeps_its_query() {
        assert_eq!(
            path_of("http://127.0.0.1:5000/v2/a/blobs/uploads/1?_state=x"),
            "/v2/a/blobs/uploads/1?_state=x"
        );
        assert_eq!(path_of("/v2/a/blobs/uploads/1"), "/v2/a/blobs/uploads/1");
    }

    #[test]
    fn an_answer_without_a_length_is_refused() {
        assert!(parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", 40).is_err());
        assert!(parse(b"HTTP/1.1 200 OK\r\nServer: x", 40).is_err());
        let head = parse(b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\nConnection: close", 40);
        assert!(head.is_ok_and(|head| head.answer.length == 7 && head.answer.status == 200 && head.closes));
    }
}
