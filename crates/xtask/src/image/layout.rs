//! An OCI image layout (image-layout.md of OCI's image specification): an image, or an index of one for each
//! architecture.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::binary::Static;
use super::content;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIGURATION: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A layout that is being written.
pub(super) struct Layout {
    folder: PathBuf,
    images: Vec<Value>,
}

impl Layout {
    /// Starts an empty layout. A folder with anything else in it is not replaced.
    pub(super) fn create(folder: &Path) -> Result<Self> {
        if folder.join("oci-layout").exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder.join("blobs/sha256"))?;
        if fs::read_dir(folder)?.count() > 1 {
            bail!("{} has other files", folder.display());
        }
        Ok(Self { folder: folder.to_owned(), images: Vec::new() })
    }

    /// Adds the image of one architecture.
    pub(super) fn add(&mut self, binary: &Static) -> Result<()> {
        let layer = content::layer(&binary.content)?;
        let configuration = content::configuration(binary.architecture, &digest(&layer));
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.put_json(CONFIGURATION, &configuration)?,
            "layers": [self.put(LAYER, &gzip(layer)?)?],
        });
        let mut image = self.put_json(MANIFEST, &manifest)?;
        set(&mut image, "platform", json!({"os": "linux", "architecture": binary.architecture.name()}));
        self.images.push(image);
        Ok(())
    }

    /// Writes what names the image, and returns its digest.
    pub(super) fn finish(self) -> Result<String> {
        let mut top = match self.images.as_slice() {
            [one] => one.clone(),
            several => {
                let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": several});
                self.put_json(INDEX, &index)?
            }
        };
        let digest = top.get("digest").and_then(Value::as_str).unwrap_or_default().to_owned();
        let name = json!({"org.opencontainers.image.ref.name": env!("CARGO_PKG_VERSION")});
        set(&mut top, "annotations", name);
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [top]});
        fs::write(self.folder.join("index.json"), index.to_string())?;
        fs::write(self.folder.join("oci-layout"), r#"{"imageLayoutVersion": "1.0.0"}"#)?;
        Ok(digest)
    }

    fn put_json(&self, media_type: &str, value: &Value) -> Result<Value> {
        self.put(media_type, value.to_string().as_bytes())
    }

    /// Writes a blob, and returns its descriptor.
    fn put(&self, media_type: &str, content: &[u8]) -> Result<Value> {
        let digest = digest(content);
        fs::write(self.folder.join("blobs").join(digest.replace(':', "/")), content)?;
        Ok(json!({"mediaType": media_type, "digest": digest, "size": content.len()}))
    }
}

fn set(descriptor: &mut Value, field: &str, value: Value) {
    if let Some(fields) = descriptor.as_object_mut() {
        fields.insert(field.to_owned(), value);
    }
}

fn digest(content: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(content)))
}

/// Compresses by the system's gzip, without a name and a time.
fn gzip(content: Vec<u8>) -> Result<Vec<u8>> {
    let mut gzip = Command::new("gzip");
    gzip.args(["--no-name", "--stdout"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = gzip.spawn().context("cannot start gzip")?;
    let mut stdin = child.stdin.take().context("gzip has no input")?;
    let writer = std::thread::spawn(move || stdin.write_all(&content));
    let output = child.wait_with_output()?;
    let is_written = writer.join().is_ok_and(|written| written.is_ok());
    if !output.status.success() || !is_written {
        bail!("gzip failed: {}", output.status);
    }
    Ok(output.stdout)
}
