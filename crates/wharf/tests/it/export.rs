//! `wharf export` and back: OCI layouts, also with only what the other side does not have.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::first_start::with_key;
use crate::import::{all_there, done, generated, named, on_server};
use crate::storage_folder::{StorageFolder, digest_of};

fn files_in(folder: &Path) -> usize {
    fs::read_dir(folder.join("blobs/sha256")).unwrap().count()
}

#[test]
fn an_export_is_imported_on_the_other_side() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let storage = StorageFolder::new(at("storage"));
    let mut expected = generated(&storage);
    fs::create_dir(at("one")).unwrap();
    fs::create_dir(at("two")).unwrap();
    let (one, two) = (with_key(&at("one")), with_key(&at("two")));
    let import = ["import", storage.root.to_str().unwrap(), "--json"];
    done(&mut on_server(&one, &import));
    let (monday, tuesday) = (at("monday"), at("tuesday"));
    let export = ["export", "team/*", "--json", "--to"];
    let first = done(on_server(&one, &export).arg(&monday));
    assert_eq!((&first["failed"], &first["blobsShared"]), (&0.into(), &1.into()), "{first}");
    let again = done(on_server(&one, &export).arg(&monday));
    for moved in ["manifestsCopied", "blobsCopied", "blobsShared", "bytesCopied"] {
        assert_eq!(again[moved], 0, "{moved} of the second run: {again}");
    }
    let index: Value =
        serde_json::from_slice(&fs::read(monday.join("team/other/index.json")).unwrap()).unwrap();
    assert_eq!(index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"], "v2");
    done(on_server(&two, &["import", "--json"]).arg(&monday));
    all_there(&two, &expected, "");

    // The next day there is one more image.
    let newer = storage.image("team/other", "base", "newer", None);
    storage.tag("team/other", "v3", &newer);
    expected.push(("team/other", "v3".to_owned(), digest_of(&newer).to_string()));
    done(&mut on_server(&one, &import));
    done(on_server(&one, &export).arg(&tuesday).arg("--base").arg(&monday));
    assert_eq!(
        files_in(&tuesday.join("team/other")),
        4,
        "two manifests, and the layer and the config that are new"
    );
    done(on_server(&two, &["import", "--json"]).arg(&tuesday));
    all_there(&two, &expected, "");
    one.stop();
    two.stop();
}

#[test]
fn a_single_layout_has_the_name_that_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let storage = StorageFolder::new(folder.path().join("storage"));
    let image = storage.image("app", "base", "own", None);
    storage.tag("app", "v1", &image);
    let dev = with_key(folder.path());
    done(&mut on_server(&dev, &["import", storage.root.to_str().unwrap(), "--json"]));
    let out = folder.path().join("out");
    done(on_server(&dev, &["export", "app", "--json", "--to"]).arg(&out));
    let layout = out.join("app");
    done(on_server(&dev, &["import", "--name", "team/again", "--json"]).arg(&layout));
    assert_eq!(named(&dev, "team/again", "v1"), Some(digest_of(&image).to_string()));
    dev.stop();
}
