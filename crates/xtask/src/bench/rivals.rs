//! The other servers on free ports: distribution 3 and Debian's docker-registry with Debian's configuration, but without
//! authentication and access log (both are advantages), and nginx with sendfile and a plain folder. They end when they
//! are dropped.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::side::{DEBIAN, DISTRIBUTION, Kind, NGINX, Side};
use crate::{command, process, workspace};

/// The servers.
pub(crate) struct Rivals {
    distribution: Running,
    debian: Running,
    nginx: Running,
    nginx_root: PathBuf,
}

pub(super) struct Running {
    child: Child,
    address: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        // nginx's master ends its workers only when it is asked to stop, not when it is killed.
        process::end(&mut self.child);
    }
}

impl Rivals {
    /// All as sides of the measurement.
    pub(crate) fn sides(&self) -> [Side; 3] {
        let side = |name, kind, running: &Running| {
            Side::open(name, kind, running.address.clone(), running.child.id())
        };
        [
            side(DISTRIBUTION, Kind::Registry, &self.distribution),
            side(DEBIAN, Kind::Registry, &self.debian),
            side(NGINX, Kind::Files, &self.nginx),
        ]
    }

    /// The folder whose files nginx serves.
    pub(crate) fn nginx_root(&self) -> &Path {
        &self.nginx_root
    }
}

/// Starts all below `folder` and waits until they accept connections.
pub(crate) fn start(folder: &Path) -> Result<Rivals> {
    let nginx_root = folder.join("nginx-files");
    fs::create_dir(&nginx_root)?;
    Ok(Rivals {
        distribution: start_registry(folder, "registry", false)?,
        debian: start_registry(folder, "docker-registry", false)?,
        nginx: start_nginx(folder, &nginx_root)?,
        nginx_root,
    })
}

/// distribution 3 alone, with an access log. Returns the server and its log.
pub(super) fn distribution_with_log(folder: &Path) -> Result<(Running, PathBuf)> {
    Ok((start_registry(folder, "registry", true)?, folder.join("registry.log")))
}

impl Running {
    /// It as a side of a measurement.
    pub(super) fn side(&self) -> Side {
        Side::open(DISTRIBUTION, Kind::Registry, self.address.clone(), self.child.id())
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }
}

/// Both versions read the same configuration.
fn start_registry(folder: &Path, program: &str, has_log: bool) -> Result<Running> {
    let address = free_address()?;
    let (data, configuration) = (folder.join(program), folder.join(format!("{program}.yml")));
    let text = format!(
        "version: 0.1\n\
         log:\n  level: error\n  accesslog:\n    disabled: {}\n\
         storage:\n  cache:\n    blobdescriptor: inmemory\n\
         \x20 filesystem:\n    rootdirectory: {}\n  delete:\n    enabled: true\n\
         http:\n  addr: {address}\n  headers:\n    X-Content-Type-Options: [nosniff]\n\
         health:\n  storagedriver:\n    enabled: true\n    interval: 10s\n    threshold: 3\n",
        !has_log,
        data.display()
    );
    fs::write(&configuration, text)?;
    let mut command = Command::new(program);
    // Version 3 sends traces to a local collector unless this is set.
    command.env("OTEL_TRACES_EXPORTER", "none").arg("serve").arg(configuration);
    launch(command, address, &folder.join(format!("{program}.log")))
}

fn start_nginx(folder: &Path, root: &Path) -> Result<Running> {
    let address = free_address()?;
    let work = folder.join("nginx");
    fs::create_dir(&work)?;
    let user = command::capture(Command::new("id").arg("-un"))?;
    let text = format!(
        "daemon off;\nuser {} {};\nworker_processes auto;\npid {work}/pid;\nerror_log {work}/error.log;\n\
         events {{ worker_connections 4096; }}\n\
         http {{\n  sendfile on;\n  tcp_nopush on;\n  access_log off;\n  default_type application/octet-stream;\n\
         \x20 keepalive_requests 1000000000;\n  client_body_temp_path {work}/body;\n  proxy_temp_path {work}/proxy;\n\
         \x20 fastcgi_temp_path {work}/fastcgi;\n  uwsgi_temp_path {work}/uwsgi;\n  scgi_temp_path {work}/scgi;\n\
         \x20 server {{ listen {address}; root {}; }}\n}}\n",
        user.trim(),
        command::capture(Command::new("id").arg("-gn"))?.trim(),
        root.display(),
        work = work.display(),
    );
    let configuration = work.join("nginx.conf");
    fs::write(&configuration, text)?;
    let mut command = Command::new("nginx");
    command.arg("-c").arg(configuration).arg("-p").arg(&work);
    launch(command, address, &folder.join("nginx.log"))
}

/// Starts a server and waits, at most ten seconds, until it accepts connections.
fn launch(mut command: Command, address: String, log: &Path) -> Result<Running> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = File::create(log)?;
    let child = command
        .env("PATH", workspace::path_with_tools()?)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()
        .with_context(|| format!("cannot start {program}: `cargo xtask install` installs it"))?;
    let mut running = Running { child, address };
    let end = Instant::now() + Duration::from_secs(10);
    while Instant::now() < end {
        if TcpStream::connect(&running.address).is_ok() {
            return Ok(running);
        }
        if running.child.try_wait()?.is_some() {
            break;
        }
        sleep(Duration::from_millis(20));
    }
    bail!("{program} did not start; its output:\n{}", fs::read_to_string(log).unwrap_or_default());
}

/// A port that was free a moment ago: these servers cannot report a port that it chose itself.
fn free_address() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}
