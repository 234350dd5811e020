//! A client that works while the server can die at any moment: pushes in all three ways, mounts, deletes. Each step
//! records its request before it sends it, and the acknowledgement after it.

use anyhow::{Context as _, Result};
use testkit::{Client, Reply, noise, sha256};

use crate::crash_model::{Fact, Model, Repository, Upload};

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const BYTES: &str = "application/octet-stream";

/// Changes a model through a client. An error means that the server is gone.
pub(crate) struct Worker<'a> {
    pub(crate) client: &'a Client,
    pub(crate) model: &'a mut Model,
    /// Makes every content unique.
    pub(crate) seed: u64,
}

impl Worker<'_> {
    /// One of each kind of work.
    pub(crate) fn everything(&mut self) -> Result<()> {
        let names = ["a", "b"].map(|half| format!("crash/{:06}{half}", self.seed));
        for name in &names {
            self.create(name)?;
        }
        let [name, other] = &names;
        let config = self.push_in_chunks(name, 90)?;
        let layer = self.push_at_once(name, 40_000)?;
        let by_ecr = self.push_by_ecr(name, 3_000)?;
        let whole = self.push_in_chunks(name, 700_000)?;
        self.cancel_upload(name)?;
        let first = self.put_manifest(name, "one", &config, &[&layer, &whole], false)?;
        let second = self.put_manifest(name, "two", &config, &[&layer, &by_ecr], true)?;
        self.put_manifest(name, "one", &config, &[&by_ecr], false)?;
        for blob in [&config, &layer] {
            self.mount(name, other, blob)?;
        }
        self.put_manifest(other, "kept", &config, &[&layer], false)?;
        self.delete_tag(name, "two")?;
        self.delete_manifest(name, &second)?;
        self.delete_by_ecr(name, &first)?;
        if self.seed.is_multiple_of(2) {
            self.delete_repository(name)?;
        }
        // The oldest are deleted, so checking everything stays fast.
        let living = self.model.0.iter().filter(|(_, repository)| repository.exists.is(&true));
        let living: Vec<_> = living.map(|(name, _)| name.clone()).collect();
        let oldest = living.iter().take(living.len().saturating_sub(4));
        for name in oldest {
            self.delete_repository(name)?;
        }
        Ok(())
    }

    fn content(&mut self, len: usize) -> Vec<u8> {
        self.seed += 1_000_003;
        noise(len, self.seed)
    }

    fn repository(&mut self, name: &str) -> Result<&mut Repository> {
        self.model.0.get_mut(name).context("a repository that was made")
    }

    fn ecr(&self, operation: &str, input: &str) -> Result<Reply> {
        self.client.ecr(operation, input)?.expect(200)
    }

    fn create(&mut self, name: &str) -> Result<()> {
        self.model.0.insert(name.to_owned(), Repository::asked_for());
        self.ecr("CreateRepository", &format!(r#"{{"repositoryName":"{name}"}}"#))?;
        self.repository(name)?.exists.become_known(true);
        Ok(())
    }

    fn blob_asked_for(&mut self, name: &str, bytes: &[u8]) -> Result<String> {
        let digest = sha256(bytes);
        let mut fact = Fact::new(false);
        fact.may_become(true);
        self.repository(name)?.blobs.insert(digest.clone(), (fact, bytes.to_vec()));
        Ok(digest)
    }

    fn blob_acknowledged(&mut self, name: &str, digest: &str) -> Result<()> {
        self.repository(name)?.blobs.get_mut(digest).context("the blob")?.0.become_known(true);
        Ok(())
    }

    /// POST, PATCH, PATCH, PUT.
    fn push_in_chunks(&mut self, name: &str, len: usize) -> Result<String> {
        let bytes = self.content(len);
        let location = self.start_upload(name)?;
        let (first, second) = bytes.split_at(len / 3);
        for part in [first, second] {
            self.upload(name)?.sent.extend_from_slice(part);
            self.client.v2("PATCH", &location, BYTES, part)?.expect(202)?;
            self.upload(name)?.acknowledged += part.len();
        }
        let digest = self.blob_asked_for(name, &bytes)?;
        self.upload(name)?.may_be_over = true;
        self.client.v2("PUT", &format!("{location}?digest={digest}"), BYTES, b"")?.expect(201)?;
        self.blob_acknowledged(name, &digest)?;
        self.repository(name)?.uploads.pop();
        Ok(digest)
    }

    fn start_upload(&mut self, name: &str) -> Result<String> {
        let started = self.client.v2("POST", &format!("/v2/{name}/blobs/uploads/"), "", b"")?.expect(202)?;
        let location = started.header("location").context("no location")?.to_owned();
        let upload =
            Upload { location: location.clone(), acknowledged: 0, sent: Vec::new(), may_be_over: false };
        self.repository(name)?.uploads.push(upload);
        Ok(location)
    }

    fn upload(&mut self, name: &str) -> Result<&mut Upload> {
        self.repository(name)?.uploads.last_mut().context("an upload")
    }

    fn push_at_once(&mut self, name: &str, len: usize) -> Result<String> {
        let bytes = self.content(len);
        let digest = self.blob_asked_for(name, &bytes)?;
        self.client
            .v2("POST", &format!("/v2/{name}/blobs/uploads/?digest={digest}"), BYTES, &bytes)?
            .expect(201)?;
        self.blob_acknowledged(name, &digest)?;
        Ok(digest)
    }

    /// InitiateLayerUpload, UploadLayerPart, CompleteLayerUpload.
    fn push_by_ecr(&mut self, name: &str, len: usize) -> Result<String> {
        let bytes = self.content(len);
        let started =
            self.ecr("InitiateLayerUpload", &format!(r#"{{"repositoryName":"{name}"}}"#))?.json()?;
        let id = started["uploadId"].as_str().context("no uploadId")?.to_owned();
        let (last, part) = (len - 1, testkit::base64(&bytes));
        self.ecr(
            "UploadLayerPart",
            &format!(
                r#"{{"repositoryName":"{name}","uploadId":"{id}","partFirstByte":0,"partLastByte":{last},"layerPartBlob":"{part}"}}"#
            ),
        )?;
        let digest = self.blob_asked_for(name, &bytes)?;
        self.ecr(
            "CompleteLayerUpload",
            &format!(r#"{{"repositoryName":"{name}","uploadId":"{id}","layerDigests":["{digest}"]}}"#),
        )?;
        self.blob_acknowledged(name, &digest)?;
        Ok(digest)
    }

    fn cancel_upload(&mut self, name: &str) -> Result<()> {
        let location = self.start_upload(name)?;
        let bytes = self.content(5_000);
        self.upload(name)?.sent.extend_from_slice(&bytes);
        self.client.v2("PATCH", &location, BYTES, &bytes)?.expect(202)?;
        self.upload(name)?.acknowledged = bytes.len();
        self.upload(name)?.may_be_over = true;
        self.client.v2("DELETE", &location, "", b"")?.expect(204)?;
        self.repository(name)?.uploads.pop();
        Ok(())
    }

    fn put_manifest(
        &mut self,
        name: &str,
        tag: &str,
        config: &str,
        layers: &[&str],
        by_ecr: bool,
    ) -> Result<String> {
        let size = |repository: &Repository, digest: &str| {
            repository.blobs.get(digest).map_or(0, |blob| blob.1.len())
        };
        let repository = self.repository(name)?;
        let config_size = size(repository, config);
        let layers: Vec<String> = layers
            .iter()
            .map(|layer| {
                let size = size(repository, layer);
                format!(r#"{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{layer}","size":{size}}}"#)
            })
            .collect();
        let body = format!(
            r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config}","size":{config_size}}},"layers":[{}]}}"#,
            layers.join(",")
        );
        let digest = sha256(body.as_bytes());
        let mut fact = Fact::new(false);
        fact.may_become(true);
        repository.manifests.entry(digest.clone()).or_insert((fact, body.clone().into_bytes()));
        repository
            .tags
            .entry(tag.to_owned())
            .or_insert_with(|| Fact::new(None))
            .may_become(Some(digest.clone()));
        if by_ecr {
            let text = body.replace('"', "\\\"");
            let input =
                format!(r#"{{"repositoryName":"{name}","imageTag":"{tag}","imageManifest":"{text}"}}"#);
            self.ecr("PutImage", &input)?;
        } else {
            self.client
                .v2("PUT", &format!("/v2/{name}/manifests/{tag}"), IMAGE, body.as_bytes())?
                .expect(201)?;
        }
        let repository = self.repository(name)?;
        repository.manifests.get_mut(&digest).context("the manifest")?.0.become_known(true);
        repository.tags.get_mut(tag).context("the tag")?.become_known(Some(digest.clone()));
        Ok(digest)
    }

    fn mount(&mut self, from: &str, to: &str, digest: &str) -> Result<()> {
        let bytes = self.repository(from)?.blobs.get(digest).context("the blob")?.1.clone();
        self.blob_asked_for(to, &bytes)?;
        let path = format!("/v2/{to}/blobs/uploads/?mount={digest}&from={from}");
        self.client.v2("POST", &path, "", b"")?.expect(201)?;
        self.blob_acknowledged(to, digest)
    }

    fn delete_tag(&mut self, name: &str, tag: &str) -> Result<()> {
        self.repository(name)?.tags.get_mut(tag).context("the tag")?.may_become(None);
        self.client.v2("DELETE", &format!("/v2/{name}/manifests/{tag}"), "", b"")?.expect(202)?;
        self.repository(name)?.tags.get_mut(tag).context("the tag")?.become_known(None);
        Ok(())
    }

    fn image_may_go(&mut self, name: &str, digest: &str) -> Result<()> {
        self.repository(name)?.manifests.get_mut(digest).context("the manifest")?.0.may_become(false);
        Ok(())
    }

    fn image_is_gone(&mut self, name: &str, digest: &str) -> Result<()> {
        self.repository(name)?.manifests.get_mut(digest).context("the manifest")?.0.become_known(false);
        Ok(())
    }

    fn delete_manifest(&mut self, name: &str, digest: &str) -> Result<()> {
        self.image_may_go(name, digest)?;
        self.client.v2("DELETE", &format!("/v2/{name}/manifests/{digest}"), "", b"")?.expect(202)?;
        self.image_is_gone(name, digest)
    }

    fn delete_by_ecr(&mut self, name: &str, digest: &str) -> Result<()> {
        self.image_may_go(name, digest)?;
        let input = format!(r#"{{"repositoryName":"{name}","imageIds":[{{"imageDigest":"{digest}"}}]}}"#);
        self.ecr("BatchDeleteImage", &input)?;
        self.image_is_gone(name, digest)
    }

    fn delete_repository(&mut self, name: &str) -> Result<()> {
        self.repository(name)?.exists.may_become(false);
        self.ecr("DeleteRepository", &format!(r#"{{"repositoryName":"{name}","force":true}}"#))?;
        self.repository(name)?.exists.become_known(false);
        Ok(())
    }
}
