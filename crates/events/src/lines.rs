//! Events as lines of JSON: in a file, or on standard output.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Appends the lines to a file and syncs it. The file is opened for each call, so it can be renamed while the server
/// runs.
pub(crate) fn append(path: &Path, lines: &[String]) -> io::Result<()> {
    if is_something_else(path) {
        // Opening a pipe waits for its other end.
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    let is_new = file.metadata()?.len() == 0;
    end_last_line(&mut file)?;
    file.write_all(joined(lines).as_bytes())?;
    file.sync_data()?;
    match path.parent() {
        // A power cut must not take the entry of the file either: its events count as delivered.
        Some(folder) if is_new && !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

/// Whether the path exists and is not a regular file.
pub(crate) fn is_something_else(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file())
}

/// A crash can leave the beginning of a line. Its event was not recorded as delivered, so it comes again.
fn end_last_line(file: &mut File) -> io::Result<()> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(());
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

/// Prints the lines.
pub(crate) fn print(lines: &[String]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(joined(lines).as_bytes())?;
    out.flush()
}

fn joined(lines: &[String]) -> String {
    lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Opening a pipe would wait for its other end.
    #[test]
    fn a_pipe_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        assert!(is_something_else(&path));
        assert!(append(&path, &["1".to_owned()]).is_err());
        assert!(is_something_else(folder.path()) && !is_something_else(&folder.path().join("new")));
    }

    #[test]
    fn each_event_has_a_line_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let lines = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        append(&path, &lines(&["1", "2"])).unwrap();
        append(&path, &lines(&["3"])).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "1\n2\n3\n");
        std::fs::write(&path, "1\n{\"half").unwrap();
        append(&path, &lines(&["4"])).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "1\n{\"half\n4\n");
    }
}
