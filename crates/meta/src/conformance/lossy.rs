//! A proxy before PostgreSQL that breaks connections at a COMMIT: before the server reads it, or before its answer arrives.

use std::{
    io::{self, Read as _, Write as _},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

/// Whether the proxy breaks connections, and how often it came to a COMMIT.
#[derive(Default)]
struct State {
    breaks: AtomicBool,
    commits: AtomicUsize,
}

/// A running proxy on a Unix socket of its own.
pub(super) struct Lossy {
    folder: tempfile::TempDir,
    state: Arc<State>,
}

impl Lossy {
    /// A proxy before the server whose socket is in this folder.
    pub(super) fn start(server: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(socket_in(folder.path())).unwrap();
        let state = Arc::new(State::default());
        let (to, of_all) = (socket_in(server), Arc::clone(&state));
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), UnixStream::connect(&to).unwrap());
                let state = Arc::clone(&of_all);
                thread::spawn(move || drop(relay(client, server, &state)));
            }
        });
        Self { folder, state }
    }

    /// The folder of its socket.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// From now on every second COMMIT breaks its connection, or none does.
    pub(super) fn break_commits(&self, breaks: bool) {
        self.state.breaks.store(breaks, Ordering::SeqCst);
    }
}

fn socket_in(folder: &Path) -> PathBuf {
    folder.join(".s.PGSQL.5432")
}

/// Relays the messages of a client, and the answers on a thread of its own.
fn relay(mut client: UnixStream, mut server: UnixStream, state: &State) -> io::Result<()> {
    let answers = (server.try_clone()?, client.try_clone()?);
    let mut is_first = true;
    let mut answering = Some(thread::spawn(move || {
        let (mut from, mut to) = answers;
        drop(io::copy(&mut from, &mut to));
        drop(to.shutdown(Shutdown::Both));
    }));
    loop {
        let message = message(&mut client, is_first);
        let Ok(message) = message else {
            drop(server.shutdown(Shutdown::Both));
            return Ok(());
        };
        is_first = false;
        let ends = [&b"Q\0\0\0\x0bCOMMIT\0"[..], b"QSELECT pg_logical_emit"];
        let commits = message == ends[0] || message.len() > 5 && message[5..].starts_with(&ends[1][1..]);
        if !commits || !state.breaks.load(Ordering::SeqCst) {
            server.write_all(&message)?;
            continue;
        }
        match state.commits.fetch_add(1, Ordering::SeqCst) % 4 {
            0 | 2 => server.write_all(&message)?,
            // The server never reads it.
            1 => {
                drop(client.shutdown(Shutdown::Both));
                drop(server.shutdown(Shutdown::Both));
                return Ok(());
            }
            // The server commits; its answer never arrives.
            _ => {
                drop(client.shutdown(Shutdown::Both));
                server.write_all(&message)?;
                server.shutdown(Shutdown::Write)?;
                if let Some(answering) = answering.take() {
                    drop(answering.join());
                }
                return Ok(());
            }
        }
    }
}

/// One message of a client: its type, unless it is the first, then its length, which counts itself, and the rest.
fn message(from: &mut UnixStream, is_first: bool) -> io::Result<Vec<u8>> {
    let mut head = vec![0; if is_first { 4 } else { 5 }];
    from.read_exact(&mut head)?;
    let length: [u8; 4] = head[head.len() - 4..].try_into().unwrap();
    let at = head.len();
    head.resize(at + u32::from_be_bytes(length) as usize - 4, 0);
    from.read_exact(&mut head[at..])?;
    Ok(head)
}
