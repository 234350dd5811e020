//! A proxy between two servers that drops, delays, resets and holds connections while it is told to, and counts what is sent.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Where connections go, and how they are disturbed.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    target: Mutex<Option<SocketAddr>>,
    is_wild: AtomicBool,
    line: Mutex<Line>,
    sent: AtomicU64,
    parts: Parts,
    connections: AtomicU64,
    /// The client's side of each connection.
    open: Mutex<BTreeMap<u64, TcpStream>>,
}

/// The requests that send a part of a layer to a peer.
#[derive(Default)]
struct Parts {
    count: AtomicU64,
    /// Their bytes, with those of their heads.
    bytes: AtomicU64,
    /// The bytes of those that got no answer, because the connection was cut or a server was killed.
    lost: AtomicU64,
}

/// What was sent of the request that a connection carries.
#[derive(Default)]
struct Request {
    is_begun: AtomicBool,
    part: AtomicU64,
    is_part: AtomicBool,
}

impl Request {
    fn sent(&self, bytes: &[u8], parts: &Parts) {
        // Nothing is sent before the answer to the request before: a head begins what was read.
        if !self.is_begun.swap(true, Ordering::Relaxed) {
            let is_part = bytes.starts_with(b"POST /wharf/replication/layers/");
            self.is_part.store(is_part, Ordering::Relaxed);
            parts.count.fetch_add(u64::from(is_part), Ordering::Relaxed);
        }
        if self.is_part.load(Ordering::Relaxed) {
            self.part.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            parts.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
    }

    fn answered(&self) {
        self.part.store(0, Ordering::Relaxed);
        self.is_begun.store(false, Ordering::Relaxed);
    }
}

/// The state of the network.
#[derive(Clone, Copy, Default, PartialEq)]
enum Line {
    #[default]
    Whole,
    /// Nothing arrives. Connections stay open.
    Held,
    /// Clients have lost their connections and get no new ones. The target does not know yet.
    Cut,
}

impl Proxy {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, shared) = (listener.local_addr().unwrap(), Arc::new(Shared::default()));
        let of_threads = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(stream), shared) = (stream, Arc::clone(&of_threads)) else { return };
                std::thread::spawn(move || shared.carry(stream));
            }
        });
        Self { address, shared }
    }

    /// The server may have another port after a restart.
    pub(crate) fn lead_to(&self, target: Option<SocketAddr>) {
        *self.shared.target.lock().unwrap() = target;
    }

    pub(crate) fn be_wild(&self, is_wild: bool) {
        self.shared.is_wild.store(is_wild, Ordering::Relaxed);
    }

    /// Holds back what is sent until [`Self::mend`]. Connections stay open.
    pub(crate) fn hold(&self) {
        self.shared.set(Line::Held);
    }

    /// Ends all connections of clients, and refuses new ones until [`Self::mend`]. The target learns of it only then.
    pub(crate) fn cut(&self) {
        self.shared.set(Line::Cut);
        for client in self.shared.open.lock().unwrap().values() {
            let _ = client.shutdown(Shutdown::Both);
        }
    }

    /// Everything arrives again.
    pub(crate) fn mend(&self) {
        self.shared.set(Line::Whole);
    }

    /// Bytes that the target was sent.
    pub(crate) fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }
}

/// What parts of layers were sent: how many, their bytes, and the bytes of those that got no answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SentParts {
    pub(crate) count: u64,
    pub(crate) bytes: u64,
    pub(crate) lost: u64,
}

impl Proxy {
    pub(crate) fn parts(&self) -> SentParts {
        let Parts { count, bytes, lost } = &self.shared.parts;
        let of = |number: &AtomicU64| number.load(Ordering::Relaxed);
        SentParts { count: of(count), bytes: of(bytes), lost: of(lost) }
    }
}

impl Shared {
    fn set(&self, line: Line) {
        *self.line.lock().unwrap() = line;
    }

    fn wait_while(&self, is_broken: impl Fn(Line) -> bool) {
        while is_broken(*self.line.lock().unwrap()) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn carry(&self, client: TcpStream) {
        let number = self.connections.fetch_add(1, Ordering::Relaxed);
        self.wait_while(|line| line == Line::Held);
        let target = *self.target.lock().unwrap();
        let Some(Ok(server)) = target.map(TcpStream::connect) else { return };
        let wild = self.is_wild.load(Ordering::Relaxed);
        // Numbers without a pattern that items could follow.
        let fate = if wild { (number.wrapping_mul(2_654_435_761) >> 7) % 10 } else { 9 };
        match fate {
            0 => return,
            1 | 2 => std::thread::sleep(Duration::from_millis(300)),
            _ => {}
        }
        // A request is cut in its middle, or its answer is lost.
        let most_sent = if fate == 3 { 700 + number * 977 % 90_000 } else { u64::MAX };
        let most_answered = if fate == 4 { 0 } else { u64::MAX };
        let (reader, writer) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        self.open.lock().unwrap().insert(number, client.try_clone().unwrap());
        if *self.line.lock().unwrap() != Line::Cut {
            let request = Request::default();
            std::thread::scope(|scope| {
                scope.spawn(|| self.pump(reader, writer, most_answered, |_| request.answered()));
                self.pump(client, server, most_sent, |bytes| {
                    self.sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                    request.sent(bytes, &self.parts);
                });
            });
            self.parts.lost.fetch_add(request.part.into_inner(), Ordering::Relaxed);
        }
        self.open.lock().unwrap().remove(&number);
    }

    /// Copies bytes until the end, or until so many; then both ends are closed.
    fn pump(&self, mut from: TcpStream, mut to: TcpStream, most: u64, note: impl Fn(&[u8])) {
        let (mut buffer, mut done, mut is_broken) = ([0; 16 * 1024], 0, false);
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            self.wait_while(|line| line == Line::Held);
            done += length as u64;
            note(&buffer[..length]);
            if done > most || to.write_all(&buffer[..length]).is_err() {
                is_broken = true;
                break;
            }
        }
        self.wait_while(|line| line != Line::Whole);
        if is_broken {
            let _ = from.shutdown(Shutdown::Both);
        }
        let _ = to.shutdown(if done > most { Shutdown::Both } else { Shutdown::Write });
    }
}
