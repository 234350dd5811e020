//! The resources of a server, from /proc: memory and CPU of itself and its direct children (nginx's workers), its open
//! files. And its end.

use std::fs;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Ticks of /proc's times in a second: `USER_HZ`, which Linux fixes at 100 on all that we run on.
const TICKS: f64 = 100.0;

/// Asks a server to end, as an operator does, and kills it if it has not ended after five seconds.
pub(crate) fn end(child: &mut Child) {
    // Another process can have the ID of one that has ended already.
    if !is_running(child) {
        return;
    }
    let pid = child.id().to_string();
    let _ = Command::new("kill").args(["-TERM", &pid]).status();
    let limit = Instant::now() + Duration::from_secs(5);
    while Instant::now() < limit {
        if !is_running(child) {
            return;
        }
        sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn is_running(child: &mut Child) -> bool {
    matches!(child.try_wait(), Ok(None))
}

/// CPU seconds in user and kernel mode since the process began.
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64> {
    family(pid)?.into_iter().map(own_cpu_seconds).sum()
}

/// A memory line of /proc/PID/status in KiB, such as `VmRSS` (now) or `VmHWM` (peak).
pub(crate) fn memory_kib(pid: u32, field: &str) -> Result<u64> {
    family(pid)?.into_iter().map(|pid| own_memory_kib(pid, field)).sum()
}

/// Resets the peak of memory (`VmHWM`) to the current value (proc(5), `clear_refs`).
pub(crate) fn forget_peak(pid: u32) -> Result<()> {
    let path = format!("/proc/{pid}/clear_refs");
    fs::write(&path, "5").with_context(|| format!("cannot write {path}"))
}

/// How many files and sockets the process has open.
pub(crate) fn open_files(pid: u32) -> Result<usize> {
    let path = format!("/proc/{pid}/fd");
    Ok(fs::read_dir(&path).with_context(|| format!("cannot read {path}"))?.count())
}

fn family(pid: u32) -> Result<Vec<u32>> {
    let children = read(pid, &format!("task/{pid}/children"))?;
    let children = children.split_whitespace().map(str::parse).collect::<Result<Vec<u32>, _>>()?;
    Ok([vec![pid], children].concat())
}

fn own_cpu_seconds(pid: u32) -> Result<f64> {
    let stat = read(pid, "stat")?;
    // The name of the program is in parentheses and can contain anything; the numbers come after the last parenthesis.
    let (_, numbers) = stat.rsplit_once(')').context("/proc/PID/stat has no name")?;
    let times = numbers.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(times.sum::<Result<f64, _>>()? / TICKS)
}

fn own_memory_kib(pid: u32, field: &str) -> Result<u64> {
    let status = read(pid, "status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let value = line.with_context(|| format!("/proc/{pid}/status has no {field}"))?;
    value.trim().trim_end_matches("kB").trim().parse().context("a memory size is not a number")
}

fn read(pid: u32, name: &str) -> Result<String> {
    let path = format!("/proc/{pid}/{name}");
    fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_process_uses_memory_and_has_a_higher_peak() {
        let pid = std::process::id();
        let now = super::memory_kib(pid, "VmRSS").unwrap_or_default();
        let most = super::memory_kib(pid, "VmHWM").unwrap_or_default();
        // The kernel counts pages for each processor first, and other tests of this process run at the same time.
        assert!(now > 100 && most + 1024 >= now, "{now} {most}");
        assert!(super::cpu_seconds(pid).is_ok_and(|seconds| (0.0..1e6).contains(&seconds)));
    }
}
