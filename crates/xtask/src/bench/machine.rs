//! The machine of a run: the lines above its tables.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::install::go::DISTRIBUTION;
use crate::{command, workspace};

/// File systems in memory: a sync costs nothing there, so every figure would be wrong.
const MEMORY_DISKS: [&str; 2] = ["tmpfs", "ramfs"];

/// Fails if the folder is not on a disk.
pub(crate) fn refuse_memory_disk(folder: &Path) -> Result<()> {
    let kind = file_system(folder, "fstype")?;
    if MEMORY_DISKS.contains(&kind.as_str()) {
        bail!("{} is on {kind}, where durable costs nothing: choose a disk with --folder", folder.display());
    }
    Ok(())
}

/// Date, processor, memory, kernel, disk, load, versions: a markdown list.
pub(crate) fn describe(folder: &Path) -> Result<String> {
    let date = capture("date", &["-u", "+%Y-%m-%d %H:%M UTC"])?;
    let (name, cores) = processor();
    let kernel = capture("uname", &["-rm"])?;
    let disk = format!("{} on {}", file_system(folder, "fstype")?, file_system(folder, "source")?);
    let load = fs::read_to_string("/proc/loadavg")?;
    let load = load.split(' ').take(3).collect::<Vec<_>>().join(" ");
    let commit = command::capture(workspace::git().args(["describe", "--always", "--dirty"]))?;
    Ok(format!(
        "* {date}, Wharf at {}\n* {name}, {cores} processors, {} MiB of memory, Linux {kernel}, {disk}; load at the \
         end {load}\n* distribution {DISTRIBUTION}, docker-registry {}, nginx {}\n",
        commit.trim(),
        memory_mib(),
        package_version("docker-registry"),
        package_version("nginx-light"),
    ))
}

fn processor() -> (String, usize) {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let names: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map(|(_, name)| name.trim())
        .collect();
    let name = names.first().copied().unwrap_or("unknown processor");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (name.to_owned(), cores)
}

fn memory_mib() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}

fn file_system(folder: &Path, column: &str) -> Result<String> {
    let mut df = Command::new("df");
    let text = command::capture(df.arg(format!("--output={column}")).arg(folder))?;
    Ok(text.lines().last().unwrap_or_default().trim().to_owned())
}

fn package_version(package: &str) -> String {
    let version = capture("dpkg-query", &["--show", "--showformat=${Version}", package]);
    version.unwrap_or_else(|_| "(not a Debian package)".to_owned())
}

fn capture(program: &str, words: &[&str]) -> Result<String> {
    Ok(command::capture(Command::new(program).args(words))?.trim().to_owned())
}
