//! `kill -9` at every fault point of the collector and of the sweep. After each restart all images exist with their
//! layers, and in the end only they are stored.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use fault::Fault;
use testkit::{Offline, Started, Wharf};

use crate::crash_model::Model;
use crate::crash_work::Worker;

/// The collector waits for nothing.
pub(crate) const AT_ONCE: [(&str, &str); 3] = [
    ("WHARF__COLLECTION__GRACE_SECONDS", "0"),
    ("WHARF__COLLECTION__DELAY_SECONDS", "0"),
    ("WHARF__COLLECTION__INTERVAL_SECONDS", "1"),
];

const POINTS: [Fault; 6] = [
    Fault::BeforeCollectLinks,
    Fault::AfterCollectLinks,
    Fault::AfterCollectObjects,
    Fault::BeforeDeleteBytes,
    Fault::Deleted,
    Fault::AfterDeleteBytes,
];

pub(crate) fn binary() -> &'static Path {
    env!("CARGO_BIN_EXE_wharf").as_ref()
}

pub(crate) fn ready(data: &Path, settings: &[(&str, &str)]) -> Result<Wharf> {
    match Wharf::start_with(binary(), data, None, settings)? {
        Started::Ready(server) => Ok(server),
        Started::Ended => anyhow::bail!("no start: {}", std::fs::read_to_string(data.with_extension("log"))?),
    }
}

/// The bytes of all layers of all images, by digest.
pub(crate) fn bytes_of_images<'a>(models: impl Iterator<Item = &'a Model>) -> BTreeMap<String, u64> {
    let of_one =
        |model: &Model| model.bytes_of_images().into_iter().map(|(digest, len)| (digest, len as u64));
    models.flat_map(|model| of_one(model).collect::<Vec<_>>()).collect()
}

/// Checks a stopped store, and that it has exactly these layers. Returns how many bytes are on disk.
pub(crate) fn only_these_are_stored(data: &Path, wanted: &BTreeMap<String, u64>) -> Result<u64> {
    let checked = Command::new(binary()).args(["fsck", "--json", "--data-dir"]).arg(data).output()?;
    let report = String::from_utf8_lossy(&checked.stdout).into_owned();
    ensure!(checked.status.success(), "fsck: {report}{}", String::from_utf8_lossy(&checked.stderr));
    let offline = Offline::open(data)?;
    ensure!(offline.short_objects()?.is_empty(), "rows without bytes: {:?}", offline.short_objects()?);
    ensure!(offline.forgotten_files()?.is_empty(), "unknown files: {:?}", offline.forgotten_files()?);
    ensure!(offline.doomed()?.is_empty(), "bytes that were not removed: {:?}", offline.doomed()?);
    let stored = offline.objects()?;
    ensure!(stored == *wanted, "stored: {:?}, of images: {:?}", stored.keys(), wanted.keys());
    let uploads = offline.uploads()?;
    let on_disk: u64 =
        offline.files()?.iter().filter(|(key, _)| !uploads.contains(*key)).map(|file| file.1).sum();
    ensure!(on_disk == wanted.values().sum::<u64>(), "{on_disk} bytes on disk");
    Ok(on_disk)
}

/// Lets the collector run until nothing is left.
pub(crate) fn collect_all(data: &Path) -> Result<()> {
    // What a killed server has claimed is free again.
    Offline::open(data)?.let_time_pass()?;
    let server = ready(data, &AT_ONCE)?;
    let command = crate::gc::on_server(&server, data, &["gc", "run", "--timeout", "60"]).output()?;
    ensure!(command.status.success(), "gc run: {}", String::from_utf8_lossy(&command.stderr));
    server.kill()
}

#[test]
fn images_survive_every_crash_of_the_collector() {
    let folder = testkit::memory_folder().unwrap();
    let data = folder.path().join("data");
    let (mut model, mut cycle) = (Model::default(), 0);
    for fault in POINTS {
        for n in [1, 2] {
            cycle += 1;
            die_at(&data, &mut model, cycle, &format!("{}:{n}", fault.name()))
                .with_context(|| format!("{}:{n}", fault.name()))
                .unwrap();
        }
    }
    collect_all(&data).unwrap();
    only_these_are_stored(&data, &bytes_of_images([&model].into_iter())).unwrap();
}

fn die_at(data: &Path, model: &mut Model, cycle: u64, armed: &str) -> Result<()> {
    // The collector of this server waits, so that each request succeeds.
    let server = ready(data, &[])?;
    Worker { client: &server.client()?, model, seed: 2 * cycle + 1 }.everything()?;
    server.kill()?;
    match Wharf::start_with(binary(), data, Some(armed), &AT_ONCE)? {
        Started::Ended => {}
        Started::Ready(mut server) => {
            ensure!(server.ends_within(Duration::from_secs(15))?, "it never got there");
        }
    }
    model.layers_may_end();
    let server = ready(data, &[])?;
    model.check(&server.client()?)?;
    server.kill()
}
