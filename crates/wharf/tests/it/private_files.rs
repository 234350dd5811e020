//! Files on the disk are private: existing files and new ones, inside and outside of the data folder.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::configuration::Serve;
use crate::process::{Dev, complaint, wharf};

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Everything in a folder, and the folder, to which other users have any permission.
fn open_to_others(path: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let entry = fs::symlink_metadata(path).unwrap();
    if entry.permissions().mode() & 0o077 != 0 {
        found.push(path.display().to_string());
    }
    if entry.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            found.extend(open_to_others(&entry.unwrap().path()));
        }
    }
    found
}

#[test]
fn an_open_data_folder_is_closed_by_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(folder.path());
    assert_eq!(open_to_others(&dev.data), Vec::<String>::new());
    let data = dev.data.clone();
    dev.stop();
    for name in ["lock", "wharf.db", "dev.toml"] {
        set_mode(&data.join(name), 0o644);
    }
    set_mode(&data.join("blobs"), 0o755);
    set_mode(&data, 0o755);
    let again = Dev::start(folder.path());
    assert_eq!(open_to_others(&data), Vec::<String>::new());
    assert!(again.running.logged("they no longer can").contains("0755"));
}

#[test]
fn a_master_key_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    let lines = format!("master_key_file = \"{}\"\n", key.display());
    let file = folder.path().join("wharf.toml");
    let data = folder.path().join("data");
    let text = format!("{lines}data_dir = \"{}\"\n[server]\nlisten = \"127.0.0.1:0\"\n", data.display());
    fs::write(&file, text).unwrap();
    fs::write(&key, "00".repeat(32)).unwrap();
    set_mode(&key, 0o644);
    let told = complaint(wharf().args(["serve", "--config"]).arg(&file));
    assert!(
        told.contains("master key") && told.contains("mode 0644") && told.contains("chmod 600"),
        "{told}"
    );

    let dev = Dev::start(folder.path());
    dev.stop();
    set_mode(&data.join("master.key"), 0o604);
    let told = complaint(wharf().args(["dev", "--listen", "127.0.0.1:0", "--data-dir"]).arg(&data));
    assert!(told.contains("master key") && told.contains("mode 0604"), "{told}");
}

#[test]
fn files_outside_the_data_folder_are_private_too() {
    let folder = tempfile::tempdir().unwrap();
    let (blobs, database) = (folder.path().join("srv/blobs"), folder.path().join("wharf.sqlite"));
    let rest = format!(
        "[blobs]\npath = \"{}\"\n[database]\nurl = \"sqlite://{}\"\n",
        blobs.display(),
        database.display()
    );
    let mut serve = Serve::start(folder.path(), "", &rest);
    let files = || -> Vec<_> {
        let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        names.filter(|path| path.to_str().unwrap().contains("wharf.sqlite")).collect()
    };
    assert!(files().len() > 1, "the log of the database exists");
    assert_eq!(
        files().iter().flat_map(|path| open_to_others(path)).collect::<Vec<_>>(),
        Vec::<String>::new()
    );
    assert_eq!(open_to_others(&blobs), Vec::<String>::new());
    serve.running.signal("TERM");
    assert!(serve.running.ended().success());
    set_mode(&database, 0o644);
    set_mode(&blobs, 0o755);
    let _again = Serve::start(folder.path(), "", &rest);
    assert_eq!(
        files().iter().flat_map(|path| open_to_others(path)).collect::<Vec<_>>(),
        Vec::<String>::new()
    );
    assert_eq!(open_to_others(&blobs), Vec::<String>::new());
}

#[test]
fn a_folder_with_other_files_is_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    fs::create_dir(&home).unwrap();
    fs::write(home.join("letter"), "").unwrap();
    set_mode(&home, 0o755);
    let told = complaint(wharf().args(["dev", "--listen", "127.0.0.1:0", "--data-dir"]).arg(&home));
    assert!(told.contains("holds other things") && told.contains("mode 0755"), "{told}");
    assert_eq!(fs::metadata(&home).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(fs::read_dir(&home).unwrap().count(), 1, "nothing was made in it");
}
