//! The load: some connections, each on its own thread, for a given time (reading) or until their share is done
//! (pushing). The status and length of every answer is checked.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use super::content::{Blob, MANIFEST_TYPE, REPOSITORY, accept};
use super::http::{Answer, Connection};
use super::side::Side;

/// The result of one round of one measure on one server.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    /// Completed requests or pushes.
    pub(crate) operations: u64,
    /// From the first request to the last answer.
    pub(crate) elapsed: Duration,
    /// CPU seconds of the server during that time.
    pub(crate) cpu: f64,
}

/// Reads one path repeatedly on all connections.
pub(crate) fn read(
    side: &Side,
    path: &str,
    length: Option<u64>,
    connections: usize,
    time: Duration,
) -> Result<Sample> {
    let head = side.head("GET", path, &accept());
    repeat(side, (&head, &[]), (200, length), connections, time)
}

/// Asks for the headers of one path repeatedly on all connections.
pub(crate) fn head(
    side: &Side,
    path: &str,
    length: u64,
    connections: usize,
    time: Duration,
) -> Result<Sample> {
    let head = side.head("HEAD", path, &accept());
    repeat(side, (&head, &[]), (200, Some(length)), connections, time)
}

/// Reads a part of one path repeatedly on all connections: from the first byte, this many.
pub(crate) fn read_range(
    side: &Side,
    path: &str,
    (first, length): (u64, u64),
    connections: usize,
    time: Duration,
) -> Result<Sample> {
    let head = side.head("GET", path, &format!("Range: bytes={first}-{}\r\n", first + length - 1));
    repeat(side, (&head, &[]), (206, Some(length)), connections, time)
}

/// Reads parts of one path, of this many bytes, on all connections. Each part begins elsewhere: neither a client nor a
/// server is helped by what it has just read.
pub(crate) fn read_ranges(
    side: &Side,
    path: &str,
    (whole, length): (u64, u64),
    connections: usize,
    time: Duration,
) -> Result<Sample> {
    // No common factor with the number of the parts, so that every part is read before one is read again.
    const STRIDE: u64 = 7_919;
    let parts = whole / length;
    measured(side, connections, |index, connection| {
        let end = Instant::now() + time;
        let mut operations: u64 = 0;
        while Instant::now() < end {
            let number = operations * connections as u64 + index as u64;
            let first = number * STRIDE % parts * length;
            let head = side.head("GET", path, &format!("Range: bytes={first}-{}\r\n", first + length - 1));
            let answer = connection.exchange(&head, &[], |_| ())?;
            if (answer.status, answer.length) != (206, length) {
                bail!("status {} with {} bytes instead of 206 with {length}", answer.status, answer.length);
            }
            operations += 1;
        }
        Ok(operations)
    })
}

/// Sends one signed call of ECR repeatedly on all connections.
pub(crate) fn call(
    side: &Side,
    operation: &str,
    body: &str,
    connections: usize,
    time: Duration,
) -> Result<Sample> {
    let (head, body) = side.call(operation, body)?;
    repeat(side, (&head, &body), (200, None), connections, time)
}

fn repeat(
    side: &Side,
    (head, body): (&[u8], &[u8]),
    (status, length): (u16, Option<u64>),
    connections: usize,
    time: Duration,
) -> Result<Sample> {
    measured(side, connections, |_, connection| {
        let end = Instant::now() + time;
        let mut operations = 0;
        while Instant::now() < end {
            let answer = connection.exchange(head, body, |_| ())?;
            if answer.status != status || length.is_some_and(|length| answer.length != length) {
                bail!(
                    "status {} with {} bytes instead of {status} with {length:?}",
                    answer.status,
                    answer.length
                );
            }
            operations += 1;
        }
        Ok(operations)
    })
}

/// Repeats a piece of work on all connections. It gets a place for a second connection, to another server.
pub(crate) fn timed(
    side: &Side,
    connections: usize,
    time: Duration,
    work: impl Fn(&mut Connection, &mut Option<Connection>) -> Result<()> + Sync,
) -> Result<Sample> {
    measured(side, connections, |_, connection| {
        let (end, mut there, mut operations) = (Instant::now() + time, None, 0);
        while Instant::now() < end {
            work(connection, &mut there)?;
            operations += 1;
        }
        Ok(operations)
    })
}

/// Pushes every blob once. Each connection pushes its share, one after another.
pub(crate) fn push_all(side: &Side, blobs: &[Blob], connections: usize) -> Result<Sample> {
    measured(side, connections, |index, connection| {
        let mut operations = 0;
        for blob in blobs.iter().skip(index).step_by(connections) {
            push(connection, side, blob)?;
            operations += 1;
        }
        Ok(operations)
    })
}

/// Puts every manifest once under the same tag. Each connection puts its share, one after another.
pub(crate) fn put_all(side: &Side, manifests: &[Vec<u8>], connections: usize) -> Result<Sample> {
    let path = format!("/v2/{}/manifests/moved", side.repository(REPOSITORY));
    measured(side, connections, |index, connection| {
        let mut operations = 0;
        for manifest in manifests.iter().skip(index).step_by(connections) {
            let length = manifest.len();
            let extra = format!("Content-Type: {MANIFEST_TYPE}\r\nContent-Length: {length}\r\n");
            let answer = connection.exchange(&side.head("PUT", &path, &extra), manifest, |_| ())?;
            if answer.status != 201 {
                bail!("PUT of a manifest: status {}", answer.status);
            }
            operations += 1;
        }
        Ok(operations)
    })
}

/// Pushes one blob like the docker engine: POST, one PATCH with all bytes, PUT with the digest.
pub(crate) fn push(connection: &mut Connection, side: &Side, blob: &Blob) -> Result<()> {
    push_to(connection, side, REPOSITORY, blob)
}

/// The same to another repository.
pub(crate) fn push_to(connection: &mut Connection, side: &Side, repository: &str, blob: &Blob) -> Result<()> {
    const EMPTY: &str = "Content-Length: 0\r\n";
    let start = side.head("POST", &format!("/v2/{repository}/blobs/uploads/"), EMPTY);
    let place = location(&expect(connection.exchange(&start, &[], |_| ())?, 202, "POST")?)?;
    let length = blob.bytes.len();
    let extra = format!("Content-Type: application/octet-stream\r\nContent-Length: {length}\r\n");
    let patch = side.head("PATCH", &place, &extra);
    let place = location(&expect(connection.exchange(&patch, &blob.bytes, |_| ())?, 202, "PATCH")?)?;
    let sign = if place.contains('?') { '&' } else { '?' };
    let put = side.head("PUT", &format!("{place}{sign}digest={}", blob.digest), EMPTY);
    expect(connection.exchange(&put, &[], |_| ())?, 201, "PUT")?;
    Ok(())
}

fn expect(answer: Answer, status: u16, step: &str) -> Result<Answer> {
    if answer.status != status {
        bail!("{step} of an upload: status {} instead of {status}", answer.status);
    }
    Ok(answer)
}

fn location(answer: &Answer) -> Result<String> {
    answer.location.clone().context("an upload's answer has no Location")
}

/// Opens the connections, then runs `work` on all of them at once; connecting is not measured.
fn measured(
    side: &Side,
    connections: usize,
    work: impl Fn(usize, &mut Connection) -> Result<u64> + Sync,
) -> Result<Sample> {
    let mut open = (0..connections).map(|_| side.connect()).collect::<Result<Vec<_>>>()?;
    let work = &work;
    let (before, start) = (side.cpu_seconds()?, Instant::now());
    let operations = thread::scope(|scope| {
        let threads: Vec<_> = open
            .iter_mut()
            .enumerate()
            .map(|(index, connection)| scope.spawn(move || work(index, connection)))
            .collect();
        let ends =
            threads.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a thread panicked"))?);
        ends.sum::<Result<u64>>()
    })?;
    let elapsed = start.elapsed();
    Ok(Sample { operations, elapsed, cpu: side.cpu_seconds()? - before })
}
