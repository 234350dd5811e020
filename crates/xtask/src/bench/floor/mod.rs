//! The floor of pushes: the least that a durable push costs on this machine, with the client beside the server.
//!
//! It is a server of threads that block. It receives a layer, hashes it with the library that Wharf uses, writes it to a
//! file, syncs file and folder, and answers. It reads of HTTP only what the client of the benchmark sends. It has no
//! accounts, permissions, limits, log or database, and keeps nothing for a second request.

mod body;
mod table;

use std::fs::{self, File};
use std::io::{Read, Write as _, stdin};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{self, Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result, bail};

use self::body::{Buffers, receive};
pub(crate) use self::table::table;
use super::side::{FLOOR, Kind, Side};

/// No head of a request is longer.
const HEAD_BYTES: usize = 8 * 1024;

/// The options of the server's process.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The folder for the layers.
    folder: PathBuf,
}

/// The server as a process of its own, so that its processor time can be measured. It ends when this is dropped.
pub(crate) struct Floor {
    child: Child,
    address: String,
}

impl Floor {
    /// Starts it with a folder below `folder`.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let layers = folder.join("floor");
        fs::create_dir(&layers)?;
        let mut child = Command::new(std::env::current_exe()?)
            .args(["bench", "floor"])
            .arg(&layers)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the floor")?;
        let address = child.stdout.take().context("the floor has no output").and_then(first_line);
        let mut floor = Self { child, address: String::new() };
        floor.address = address?;
        Ok(floor)
    }

    /// It as a side of the measurement.
    pub(crate) fn side(&self) -> Side {
        Side::open(FLOOR, Kind::Registry, self.address.clone(), self.child.id())
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn first_line(mut output: ChildStdout) -> Result<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    while output.read(&mut byte)? == 1 && byte != *b"\n" {
        line.extend(byte);
    }
    String::from_utf8(line).context("the floor's address is not text")
}

/// What the connections share.
struct Shared {
    folder: PathBuf,
    /// The folder, open to be synced.
    open_folder: File,
    next: AtomicU64,
    /// The bodies that are being received.
    receiving: AtomicUsize,
}

/// Serves until its parent closes the standard input.
pub(crate) fn run(options: &Options) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    thread::spawn(|| {
        let _ = stdin().read(&mut [0]);
        process::exit(0);
    });
    let shared = Arc::new(Shared {
        folder: options.folder.clone(),
        open_folder: File::open(&options.folder)?,
        next: AtomicU64::new(0),
        receiving: AtomicUsize::new(0),
    });
    loop {
        let (stream, _) = listener.accept()?;
        let shared = Arc::clone(&shared);
        thread::spawn(move || {
            // The client sees the end of the connection and reports it.
            let _ = Connection::new(stream, &shared).serve();
        });
    }
}

/// One client, whose pushes come one after another.
struct Connection<'a> {
    stream: TcpStream,
    shared: &'a Shared,
    head: Vec<u8>,
    filled: usize,
    buffers: Buffers,
    upload: String,
    digest: String,
}

impl<'a> Connection<'a> {
    fn new(stream: TcpStream, shared: &'a Shared) -> Self {
        let (upload, digest) = (String::new(), String::new());
        Self {
            stream,
            shared,
            head: vec![0; HEAD_BYTES],
            filled: 0,
            buffers: Buffers::default(),
            upload,
            digest,
        }
    }

    fn serve(mut self) -> Result<()> {
        self.stream.set_nodelay(true)?;
        while let Some((head, bytes)) = self.read_head()? {
            let length = length(&head)?;
            let (method, target) = head.split_once(' ').context("no request line")?;
            let status = match method {
                "POST" => {
                    self.upload = self.shared.next.fetch_add(1, Ordering::Relaxed).to_string();
                    202
                }
                "PATCH" => {
                    self.patch(bytes, length)?;
                    202
                }
                "PUT" if target.contains(&self.digest) && !self.digest.is_empty() => 201,
                _ => 400,
            };
            let answer = format!(
                "HTTP/1.1 {status} \r\nLocation: /uploads/{}\r\nContent-Length: 0\r\n\r\n",
                self.upload
            );
            self.stream.write_all(answer.as_bytes())?;
        }
        self.stream.shutdown(Shutdown::Both)?;
        Ok(())
    }

    fn patch(&mut self, head: usize, length: u64) -> Result<()> {
        let rest = self.head.get(head..self.filled).unwrap_or_default();
        let path = self.shared.folder.join(&self.upload);
        let is_alone = self.shared.receiving.fetch_add(1, Ordering::Relaxed) == 0;
        let received = receive(&mut self.stream, &path, rest, length, &mut self.buffers, is_alone);
        self.shared.receiving.fetch_sub(1, Ordering::Relaxed);
        self.digest = received?;
        // The name of the file is durable, too.
        self.shared.open_folder.sync_all()?;
        Ok(())
    }

    /// The next head, and its length. None at the end of the connection.
    fn read_head(&mut self) -> Result<Option<(String, usize)>> {
        self.filled = 0;
        loop {
            let free = self.head.get_mut(self.filled..).unwrap_or_default();
            if free.is_empty() {
                bail!("the head of the request does not end");
            }
            let read = self.stream.read(free)?;
            if read == 0 {
                return Ok(None);
            }
            self.filled += read;
            let filled = self.head.get(..self.filled).unwrap_or_default();
            if let Some(end) = filled.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(filled.get(..end).unwrap_or_default());
                return Ok(Some((head.into_owned(), end + 4)));
            }
        }
    }
}

fn length(head: &str) -> Result<u64> {
    let line = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    line.context("no Content-Length")?.parse().context("Content-Length is not a number")
}

#[cfg(test)]
mod tests {
    use super::length;

    #[test]
    fn a_length_is_read_from_the_head() {
        assert_eq!(length("PATCH /x HTTP/1.1\r\nHost: a\r\nContent-Length: 12").ok(), Some(12));
        assert!(length("PATCH /x HTTP/1.1\r\nHost: a").is_err());
    }
}
