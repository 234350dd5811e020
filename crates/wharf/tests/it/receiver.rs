//! An HTTP server that receives events and answers well or badly.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

/// How the receiver answers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    Takes,
    Fails,
    /// A body that ends before its length.
    Short,
    Endless,
    /// The connection stays open without an answer for some seconds.
    Silent,
    Redirects(SocketAddr),
    /// The answer of an OAuth server.
    Token,
}

/// A received request.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// Method and path.
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// The body, which need not be text.
    pub(crate) bytes: Vec<u8>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

struct State {
    answer: Mutex<Answer>,
    requests: Mutex<Vec<Received>>,
    is_over: AtomicBool,
}

/// A running receiver. It stops when it is dropped.
pub(crate) struct Receiver {
    state: Arc<State>,
    address: SocketAddr,
}

/// TLS with a certificate for `localhost`.
#[derive(Clone)]
pub(crate) struct Tls {
    config: Arc<rustls::ServerConfig>,
    /// What clients trust.
    pub(crate) pem: String,
}

impl Tls {
    pub(crate) fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        Self { config: Arc::new(config), pem: made.cert.pem() }
    }
}

impl Receiver {
    pub(crate) fn start() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), None)
    }

    pub(crate) fn at(address: SocketAddr) -> Self {
        Self::on(TcpListener::bind(address).unwrap(), None)
    }

    pub(crate) fn with_tls(tls: &Tls, address: Option<SocketAddr>) -> Self {
        let address = address.unwrap_or_else(|| ([127, 0, 0, 1], 0).into());
        Self::on(TcpListener::bind(address).unwrap(), Some(tls.clone()))
    }

    fn on(listener: TcpListener, tls: Option<Tls>) -> Self {
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            answer: Mutex::new(Answer::Takes),
            requests: Mutex::default(),
            is_over: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let (shared, tls) = (Arc::clone(&shared), tls.clone());
                std::thread::spawn(move || match tls {
                    None => serve(&shared, stream.unwrap()),
                    Some(tls) => {
                        let connection = rustls::ServerConnection::new(tls.config).unwrap();
                        serve(&shared, rustls::StreamOwned::new(connection, stream.unwrap()))
                    }
                });
            }
        });
        Self { state, address }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(crate) fn answer(&self, answer: Answer) {
        *self.state.answer.lock().unwrap() = answer;
    }

    pub(crate) fn requests(&self) -> Vec<Received> {
        self.state.requests.lock().unwrap().clone()
    }

    /// Forgets what was received.
    pub(crate) fn forget(&self) {
        self.state.requests.lock().unwrap().clear();
    }

    /// The events of the received requests.
    pub(crate) fn events(&self) -> Vec<Value> {
        let event = |request: Received| serde_json::from_str::<Value>(&request.body).unwrap()["data"].clone();
        self.requests().into_iter().map(event).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(state: &State, mut stream: impl Read + Write) -> Option<()> {
    let mut reader = BufReader::new(&mut stream);
    let mut headers = Vec::new();
    let mut request = String::new();
    reader.read_line(&mut request).ok()?;
    let request = request.trim().trim_end_matches(" HTTP/1.1").to_owned();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.trim().split_once(": ") {
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(Some(0), |(_, length)| length.parse().ok())?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let received =
        Received { line: request, headers, body: String::from_utf8_lossy(&body).into_owned(), bytes: body };
    let answer = *state.answer.lock().unwrap();
    state.requests.lock().unwrap().push(received);
    respond(answer, stream).ok()
}

fn respond(answer: Answer, mut stream: impl Write) -> std::io::Result<()> {
    let head = match answer {
        Answer::Takes => "204 No Content\r\n".to_owned(),
        Answer::Fails => "503 Service Unavailable\r\ncontent-length: 0\r\n".to_owned(),
        Answer::Short => "200 OK\r\ncontent-length: 1000\r\n".to_owned(),
        Answer::Endless => "200 OK\r\ncontent-length: 1000000000\r\n".to_owned(),
        Answer::Silent => {
            std::thread::sleep(Duration::from_secs(12));
            return Ok(());
        }
        Answer::Token => {
            let body = r#"{"access_token":"the-token","expires_in":3600}"#;
            format!("200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
        }
        Answer::Redirects(address) => {
            format!("307 Temporary Redirect\r\nlocation: http://{address}/\r\ncontent-length: 0\r\n")
        }
    };
    write!(stream, "HTTP/1.1 {head}\r\n")?;
    match answer {
        Answer::Short => stream.write_all(b"short"),
        Answer::Endless => loop {
            stream.write_all(&[b'x'; 16 * 1024])?;
        },
        _ => Ok(()),
    }
}
