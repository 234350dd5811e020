//! `wharf repository move` on a running server: both names, for pulls and for pushes.

use serde_json::json;

use crate::first_start::{KEY, with_key};
use crate::http::{ask, basic, call};
use crate::import::{named, on_server};
use crate::process::{complaint, said};

#[test]
fn pulls_by_the_old_name_work_for_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let dev = with_key(folder.path());
    call(&dev, "CreateRepository", &json!({"repositoryName": "app"}));
    let index =
        json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []});
    let input = json!({"repositoryName": "app", "imageManifest": index.to_string(), "imageTag": "v1"});
    call(&dev, "PutImage", &input);
    let digest = named(&dev, "app", "v1").unwrap();
    let told = said(&mut on_server(&dev, &["repository", "move", "app", "--to", "team/app"]));
    assert!(told.starts_with("app is now ") && told.trim_end().ends_with("/team/app."), "{told}");
    assert_eq!(named(&dev, "team/app", "v1").as_ref(), Some(&digest));
    assert_eq!(named(&dev, "app", "v1").as_ref(), Some(&digest), "by the old name");
    let login = basic(&dev.endpoint, KEY);
    let (status, pulled) = ask(&dev.endpoint, "GET /v2/app/manifests/v1", &login);
    assert_eq!(status, 200, "{pulled}");
    let warning = "warning: 299 - \"The repository app was renamed to team/app.";
    assert!(pulled.to_ascii_lowercase().contains(&warning.to_ascii_lowercase()), "{pulled}");
    assert!(
        !ask(&dev.endpoint, "GET /v2/team/app/manifests/v1", &login).1.to_lowercase().contains("warning:")
    );
    let (status, pushed) = ask(&dev.endpoint, "POST /v2/app/blobs/uploads/", &login);
    assert!(status == 404 && pushed.contains("was renamed to 'team/app'"), "{pushed}");

    let told = complaint(&mut on_server(&dev, &["repository", "move", "app", "--to", "other"]));
    assert!(told.contains("RepositoryNotFoundException"), "{told}");
    let words = ["repository", "move", "team/app", "--to", "last", "--redirect-days", "0"];
    said(&mut on_server(&dev, &words));
    assert_eq!(named(&dev, "team/app", "v1"), None);
    assert_eq!(
        named(&dev, "app", "v1"),
        Some(digest),
        "the first redirect leads to the repository, not to a name"
    );
    dev.stop();
}
