//! A server with the API of S3 for one test process: versitygw, which keeps objects as files. It stops with the process.
#![allow(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::format_push_string,
    reason = "a failed test is allowed to panic"
)]

use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The server's address, for the processes that a test starts.
pub const ADDRESS: &str = "WHARF_TEST_S3";
/// Its bucket.
pub const BUCKET: &str = "layers";
/// The ID of its access key.
pub const KEY_ID: &str = "AKIDTEST";
/// The secret of its access key.
pub const SECRET: &str = "secret-of-the-test";
/// Started by a shell that waits for the end of its standard input. A killed process closes that too.
const SUPERVISE: &str = r#"
folder="$1" address="$2" server="$3"
mkdir -p "$folder/data/layers" "$folder/meta"
"$server" --port "$address" --region us-east-1 posix --sidecar "$folder/meta" "$folder/data" \
    >"$folder/log" 2>&1 </dev/null &
server=$!
echo started
cat >/dev/null
kill $server
wait $server
rm -rf "$folder"
"#;

struct Server {
    address: String,
    _supervisor: Child,
    _lifeline: ChildStdin,
}

/// The address of the server, or why there is none.
pub fn address() -> Result<String, String> {
    static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
    if let Ok(address) = std::env::var(ADDRESS) {
        return Ok(address);
    }
    match SERVER.get_or_init(start) {
        Ok(server) => Ok(server.address.clone()),
        Err(reason) => Err(reason.clone()),
    }
}

fn program() -> Result<PathBuf, String> {
    let home = PathBuf::from(std::env::var("HOME").unwrap_or_default());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = std::env::split_paths(&path).collect();
    let tools =
        std::env::var_os("WHARF_TOOLS").map_or_else(|| home.join(".cache/wharf-tools"), PathBuf::from);
    folders.extend([tools.join("bin"), home.join("go/bin")]);
    let mut programs = folders.into_iter().map(|folder| folder.join("versitygw"));
    programs.find(|program| program.is_file()).ok_or_else(|| {
        "versitygw is not installed: `cargo xtask install` builds it from the Go module proxy".to_owned()
    })
}

fn start() -> Result<Server, String> {
    let program = program()?;
    let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let folder = std::env::temp_dir().join(format!("wharf-s3-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let mut supervisor = Command::new("sh")
        .args(["-c", SUPERVISE, "sh"])
        .args([folder.as_os_str(), address.as_ref(), program.as_os_str()])
        .env("ROOT_ACCESS_KEY", KEY_ID)
        .env("ROOT_SECRET_KEY", SECRET)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start sh: {error}"))?;
    let lifeline = supervisor.stdin.take().unwrap();
    let mut said = String::new();
    BufReader::new(supervisor.stdout.take().unwrap()).read_line(&mut said).unwrap();
    let until = Instant::now() + Duration::from_mins(1);
    while TcpStream::connect(&address).is_err() {
        if Instant::now() > until {
            let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            return Err(format!("versitygw did not start within a minute: {log}"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(Server { address, _supervisor: supervisor, _lifeline: lifeline })
}

/// Sends a signed request with curl; returns the answer's body.
pub fn signed(method: &str, path: &str) -> String {
    let answer = Command::new("curl")
        .args(["-sS", "--aws-sigv4", "aws:amz:us-east-1:s3", "-X", method])
        .args(["--user", &format!("{KEY_ID}:{SECRET}"), "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD"])
        .arg(format!("http://{}/{path}", address().unwrap()))
        .output()
        .unwrap();
    let text = String::from_utf8(answer.stdout).unwrap();
    assert!(answer.status.success() && !text.contains("<Error>"), "{text}");
    text
}

/// The status and the body of an unsigned request.
pub fn curl(words: &[&str]) -> (String, String) {
    let answer = Command::new("curl")
        .args(["-sS", "--max-time", "20", "-w", "\n%{http_code}"])
        .args(words)
        .output()
        .unwrap();
    let text = String::from_utf8(answer.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.to_owned(), body.to_owned())
}
