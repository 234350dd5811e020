//! One request and its answer, in HTTP/1.1 with a declared length.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use super::LONGEST;

/// The largest body: a part of a multipart upload.
const MOST_BODY: usize = 64 * 1024 * 1024;

/// The head of a request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The path and the query.
    pub target: String,
    /// The headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The length of the body.
    pub body_len: usize,
}

impl Request {
    /// A header, if the request has it.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether this is a request of S3's operation. Only operations that a store uses are known.
    pub fn is(&self, operation: &str) -> bool {
        let has = |query: &str| self.target.contains(query);
        match operation {
            "CreateMultipartUpload" => self.method == "POST" && has("?uploads"),
            "CompleteMultipartUpload" => self.method == "POST" && has("uploadId="),
            "AbortMultipartUpload" => self.method == "DELETE" && has("uploadId="),
            "ListMultipartUploads" => self.method == "GET" && has("uploads="),
            "UploadPart" => self.method == "PUT" && has("partNumber="),
            "PutObject" => self.method == "PUT" && !has("partNumber=") && !self.is("CopyObject"),
            "CopyObject" => self.method == "PUT" && self.header("x-amz-copy-source").is_some(),
            "GetObject" => self.method == "GET" && !has("list-type=") && !has("uploads="),
            "HeadObject" => self.method == "HEAD",
            "DeleteObject" => self.method == "DELETE" && !has("uploadId="),
            other => panic!("{other} is not an operation that is known here"),
        }
    }
}

/// A head and a body.
pub(super) struct Message {
    /// The first line.
    line: String,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// The body is not sent: the message answers HEAD.
    head_only: bool,
}

impl Message {
    fn read(from: &TcpStream, head_only: bool) -> io::Result<Self> {
        let mut reader = BufReader::new(from);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let mut headers = Vec::new();
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let Some((name, value)) = header.trim_end().split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut message = Self { line: line.trim_end().to_owned(), headers, body: Vec::new(), head_only };
        if message.header("expect").is_some() {
            (&mut &*from).write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let declared = message.header("content-length").and_then(|length| length.parse().ok());
        match declared {
            _ if head_only => {}
            Some(length) if length <= MOST_BODY => {
                message.body.resize(length, 0);
                reader.read_exact(&mut message.body)?;
            }
            Some(_) => return Err(io::ErrorKind::FileTooLarge.into()),
            None if message.header("transfer-encoding").is_some() => message.body = chunks(&mut reader)?,
            None => {}
        }
        Ok(message)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Replaces a header that the message has.
    pub(super) fn set(&mut self, name: &str, to: &str) {
        for (_, value) in self.headers.iter_mut().filter(|(known, _)| known == name) {
            to.clone_into(value);
        }
    }

    /// Removes the end of the body. The head does not show it.
    pub(super) fn shorten(&mut self, bytes: usize) {
        if !self.head_only {
            self.body.truncate(bytes);
            self.set("content-length", &self.body.len().to_string());
        }
    }

    /// Replaces the size of the object in `Content-Range`.
    pub(super) fn set_size(&mut self, size: u64) {
        if let Some((range, _)) = self.header("content-range").and_then(|range| range.split_once('/')) {
            let range = format!("{range}/{size}");
            self.set("content-range", &range);
        }
    }

    /// Sends the head, and at most so many bytes of the body.
    pub(super) fn send(&self, mut to: &TcpStream, most: usize) -> io::Result<()> {
        let mut head = format!("{}\r\n", self.line);
        let passed_on = |name: &&(String, String)| {
            !matches!(name.0.as_str(), "connection" | "expect" | "transfer-encoding")
        };
        for (name, value) in self.headers.iter().filter(passed_on) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.header("content-length").is_none() && !self.body.is_empty() {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        head.push_str("connection: close\r\n\r\n");
        to.write_all(head.as_bytes())?;
        if self.head_only { Ok(()) } else { to.write_all(&self.body[..most.min(self.body.len())]) }
    }
}

/// The body of an answer in chunks.
fn chunks(reader: &mut BufReader<&TcpStream>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        if length > MOST_BODY - body.len() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let at = body.len();
        body.resize(at + length, 0);
        reader.read_exact(&mut body[at..])?;
        reader.read_line(&mut line)?;
        if length == 0 {
            return Ok(body);
        }
    }
}

/// The request of a client.
pub(super) fn receive(client: &TcpStream) -> io::Result<(Request, Message)> {
    let message = Message::read(client, false)?;
    let mut words = message.line.split(' ').map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (headers, body_len) = (message.headers.clone(), message.body.len());
    Ok((Request { method, target, headers, body_len }, message))
}

/// The server's answer to a request.
pub(super) fn ask(server: &str, message: &Message, request: &Request) -> io::Result<Message> {
    let socket = TcpStream::connect(server)?;
    socket.set_read_timeout(Some(LONGEST))?;
    message.send(&socket, usize::MAX)?;
    Message::read(&socket, request.method == "HEAD")
}

/// Answers with an error of S3.
pub(super) fn refuse(client: &TcpStream, status: u16, code: &str) -> io::Result<()> {
    let body =
        format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>of the test</Message></Error>");
    say(client, status, &body)
}

pub(super) fn say(mut client: &TcpStream, status: u16, body: &str) -> io::Result<()> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Test\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    client.write_all(format!("{head}{body}").as_bytes())
}

/// Changes a byte in the middle.
pub(super) fn damage(body: &mut [u8]) {
    let middle = body.len() / 2;
    if let Some(byte) = body.get_mut(middle) {
        *byte ^= 1;
    }
}
