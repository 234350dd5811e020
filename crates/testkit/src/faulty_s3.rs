//! A proxy in front of a server with the API of S3 that does what servers and networks do at times: it fails, is slow, sends
//! less than it said, damages bytes, breaks connections and loses answers. A test says for which requests.
//!
//! It has one thread for each connection, at most [`MOST_CONNECTIONS`], and each connection ends after one request or after
//! [`LONGEST`].
#![allow(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::format_push_string,
    reason = "a failed test is allowed to panic"
)]

mod exchange;

use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use exchange::Request;

/// The maximum number of connections at the same time. Others are closed.
pub const MOST_CONNECTIONS: usize = 256;
/// The longest time that a connection waits for bytes.
pub const LONGEST: Duration = Duration::from_mins(1);

/// What the proxy does to a request that it would otherwise pass on.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Answers with this status and this code of S3. The server does not get the request.
    Status(u16, &'static str),
    /// Answers 200 with this body. The server does not get the request.
    Say(&'static str),
    /// Closes the connection. The server does not get the request.
    Reset,
    /// Never answers. The server does not get the request.
    Hang,
    /// Passes the request on, and closes the connection instead of answering.
    LoseAnswer,
    /// Passes the answer on after this time.
    Slow(Duration),
    /// Sends only so many bytes of the body that the head promised, and closes the connection.
    CutBody(usize),
    /// Sends only so many bytes of the body, and the head says that this is all.
    ShortBody(usize),
    /// Sends so many bytes of the body, and then nothing.
    StallBody(usize),
    /// Changes one byte of the answer's body.
    DamageAnswer,
    /// Changes one byte of the request's body.
    DamageRequest,
    /// Replaces the `ETag` of the answer.
    WrongETag,
    /// Changes the size of the object in `Content-Range` of the answer.
    WrongSize(u64),
}

/// Which requests a fault is for.
type Matches = Box<dyn Fn(&Request) -> bool + Send>;

struct Rule {
    matches: Matches,
    fault: Fault,
    /// How many requests it is still for.
    left: usize,
    hits: Arc<AtomicUsize>,
}

#[derive(Default)]
struct State {
    rules: Mutex<Vec<Rule>>,
    seen: Mutex<Vec<Request>>,
    open: AtomicUsize,
    stops: AtomicBool,
}

/// The proxy. It stops when it is dropped.
pub struct FaultyS3 {
    /// The address of the proxy.
    pub address: String,
    state: Arc<State>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FaultyS3 {
    /// A proxy of the server at this address.
    pub fn of(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State::default());
        let (server, shared) = (server.to_owned(), Arc::clone(&state));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if shared.stops.load(Ordering::SeqCst) {
                    return;
                }
                if shared.open.fetch_add(1, Ordering::SeqCst) >= MOST_CONNECTIONS {
                    shared.open.fetch_sub(1, Ordering::SeqCst);
                    continue;
                }
                let (state, server) = (Arc::clone(&shared), server.clone());
                std::thread::spawn(move || {
                    let _ = serve(&client, &server, &state);
                    let _ = client.shutdown(Shutdown::Both);
                    state.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, state }
    }

    /// The next `times` requests that match get the fault. Returns how many have got it.
    pub fn inject(
        &self,
        times: usize,
        fault: Fault,
        matches: impl Fn(&Request) -> bool + Send + 'static,
    ) -> Arc<AtomicUsize> {
        let hits = Arc::default();
        let rule = Rule { matches: Box::new(matches), fault, left: times, hits: Arc::clone(&hits) };
        lock(&self.state.rules).push(rule);
        hits
    }

    /// Ends all faults.
    pub fn heal(&self) {
        lock(&self.state.rules).clear();
    }

    /// The requests so far. They are forgotten.
    pub fn seen(&self) -> Vec<Request> {
        std::mem::take(&mut lock(&self.state.seen))
    }
}

impl Drop for FaultyS3 {
    fn drop(&mut self) {
        self.state.stops.store(true, Ordering::SeqCst);
        // The listener waits for a connection.
        let _ = TcpStream::connect(&self.address);
    }
}

impl State {
    /// The fault for a request, if there is one.
    fn fault_for(&self, request: &Request) -> Option<Fault> {
        lock(&self.seen).push(request.clone());
        let mut rules = lock(&self.rules);
        let rule = rules.iter_mut().find(|rule| rule.left > 0 && (rule.matches)(request))?;
        rule.left -= 1;
        rule.hits.fetch_add(1, Ordering::SeqCst);
        Some(rule.fault.clone())
    }

    /// Waits without answering, until the proxy stops.
    fn hang(&self) {
        for _ in 0..LONGEST.as_millis() / 20 {
            if self.stops.load(Ordering::SeqCst) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// One request and its answer.
fn serve(client: &TcpStream, server: &str, state: &State) -> std::io::Result<()> {
    client.set_read_timeout(Some(LONGEST))?;
    client.set_write_timeout(Some(LONGEST))?;
    let (request, mut message) = exchange::receive(client)?;
    let fault = state.fault_for(&request);
    match fault {
        Some(Fault::Status(status, code)) => return exchange::refuse(client, status, code),
        Some(Fault::Say(body)) => return exchange::say(client, 200, body),
        Some(Fault::Reset) => return Ok(()),
        Some(Fault::Hang) => {
            state.hang();
            return Ok(());
        }
        Some(Fault::DamageRequest) => exchange::damage(&mut message.body),
        _ => {}
    }
    let mut answer = exchange::ask(server, &message, &request)?;
    let mut sent = usize::MAX;
    match fault {
        Some(Fault::LoseAnswer) => return Ok(()),
        Some(Fault::Slow(time)) => std::thread::sleep(time),
        Some(Fault::CutBody(bytes) | Fault::StallBody(bytes)) => sent = bytes,
        Some(Fault::ShortBody(bytes)) => answer.shorten(bytes),
        Some(Fault::DamageAnswer) => exchange::damage(&mut answer.body),
        Some(Fault::WrongETag) => answer.set("etag", "\"00000000000000000000000000000000\""),
        Some(Fault::WrongSize(size)) => answer.set_size(size),
        _ => {}
    }
    answer.send(client, sent)?;
    if matches!(fault, Some(Fault::StallBody(_))) {
        state.hang();
    }
    Ok(())
}
