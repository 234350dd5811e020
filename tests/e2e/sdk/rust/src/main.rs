//! The everyday calls of aws-sdk-ecr in the repository that the argument names. Prints what the server answered as one JSON
//! object; the other SDKs print the same one.

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, SystemTime};

use aws_sdk_ecr::Client;
use aws_sdk_ecr::client::Waiters;
use aws_sdk_ecr::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_ecr::primitives::Blob;
use aws_sdk_ecr::types::{ImageFailure, ImageIdentifier, Tag};
use base64::Engine as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

type Outcome<T> = Result<T, Box<dyn Error>>;

const OCI: &str = "application/vnd.oci.image";
const PART: usize = 5 << 20;

struct Calls {
    ecr: Client,
    name: String,
    report: Value,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let http = aws_smithy_http_client::Builder::new().build_http();
    let config = aws_config::from_env().http_client(http).load().await;
    let name = std::env::args().nth(1).ok_or("name a repository")?;
    let mut calls = Calls { ecr: Client::new(&config), name, report: json!({}) };
    calls.repository().await?;
    calls.images().await?;
    calls.lifecycle().await?;
    calls.remove().await?;
    println!("{}", calls.report);
    Ok(())
}

fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

fn tag(key: &str, value: &str) -> Outcome<Tag> {
    Ok(Tag::builder().key(key).value(value).build()?)
}

fn tagged(tag: &str) -> ImageIdentifier {
    ImageIdentifier::builder().image_tag(tag).build()
}

fn codes(failures: &[ImageFailure]) -> impl Iterator<Item = &str> {
    failures.iter().filter_map(|failure| failure.failure_code()).map(|code| code.as_str())
}

/// The code of an exception for which the SDK has a type: `is` asks for it.
fn refused<T, E>(
    outcome: Result<T, aws_sdk_ecr::error::SdkError<E>>,
    is: impl Fn(&E) -> bool,
) -> Outcome<String>
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let Err(error) = outcome else { return Err("was to be refused".into()) };
    if !error.as_service_error().is_some_and(is) {
        return Err(DisplayErrorContext(error).to_string().into());
    }
    Ok(error.code().unwrap_or_default().to_owned())
}

/// The body at a URL. The SDK has no client for plain requests.
fn download(url: &str) -> Outcome<Vec<u8>> {
    let (host, path) = url.trim_start_matches("http://").split_once('/').ok_or("no path")?;
    let mut stream = TcpStream::connect(host)?;
    write!(stream, "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or("no headers")?;
    Ok(answer.split_off(end + 4))
}

fn rule(count: u32) -> String {
    let selection = json!({"tagStatus": "tagged", "tagPatternList": ["v*"], "countType": "imageCountMoreThan", "countNumber": count});
    let rule = json!({"rulePriority": 1, "description": "a rule", "selection": selection, "action": {"type": "expire"}});
    json!({"rules": [rule]}).to_string()
}

impl Calls {
    async fn upload(&self, bytes: &[u8]) -> Outcome<(String, usize)> {
        let begun = self.ecr.initiate_layer_upload().repository_name(&self.name).send().await?;
        let id = begun.upload_id().ok_or("no upload ID")?;
        let mut first = 0;
        let mut parts = 0;
        for part in bytes.chunks(PART) {
            let last = first + part.len() as i64 - 1;
            let call = self.ecr.upload_layer_part().repository_name(&self.name).upload_id(id);
            call.part_first_byte(first).part_last_byte(last).layer_part_blob(Blob::new(part)).send().await?;
            first = last + 1;
            parts += 1;
        }
        let call = self.ecr.complete_layer_upload().repository_name(&self.name).upload_id(id);
        let done = call.layer_digests(digest(bytes)).send().await?;
        Ok((done.layer_digest().ok_or("no digest")?.to_owned(), parts))
    }

    /// The repository, its tags and its policy.
    async fn repository(&mut self) -> Outcome<()> {
        let create = self.ecr.create_repository().repository_name(&self.name).tags(tag("team", "a")?);
        let made = create.clone().send().await?.repository.ok_or("no repository")?;
        let created = SystemTime::try_from(*made.created_at().ok_or("no time")?)?;
        if created.elapsed().unwrap_or_default() > Duration::from_secs(600) {
            return Err("created long ago".into());
        }
        self.report["again"] =
            refused(create.send().await, |e| e.is_repository_already_exists_exception())?.into();
        let arn = made.repository_arn().ok_or("no ARN")?;
        self.ecr.tag_resource().resource_arn(arn).tags(tag("stage", "test")?).send().await?;
        let tags = self.ecr.list_tags_for_resource().resource_arn(arn).send().await?;
        let mut tags: Vec<_> =
            tags.tags().iter().map(|tag| format!("{}={}", tag.key(), tag.value())).collect();
        tags.sort();
        self.report["tags"] = tags.into();
        let statement =
            json!({"Sid": "pull", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"});
        let policy = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
        self.ecr.set_repository_policy().repository_name(&self.name).policy_text(policy).send().await?;
        let got = self.ecr.get_repository_policy().repository_name(&self.name).send().await?;
        self.report["policy"] = got.policy_text().is_some_and(|text| text.contains("\"pull\"")).into();
        let token = self.ecr.get_authorization_token().send().await?;
        let data = token.authorization_data().first().ok_or("no token")?;
        let text = base64::engine::general_purpose::STANDARD
            .decode(data.authorization_token().ok_or("no token")?)?;
        self.report["user"] = String::from_utf8(text)?.split(':').next().into();
        let expires = SystemTime::try_from(*data.expires_at().ok_or("no time")?)?;
        self.report["valid"] = (expires > SystemTime::now()).into();
        Ok(())
    }

    /// Layers and images, read page by page.
    async fn images(&mut self) -> Outcome<()> {
        let bytes: Vec<u8> = (0..PART + 9).map(|index| (index * 7 % 251) as u8).collect();
        let (layer, parts) = self.upload(&bytes).await?;
        let (config, _) = self.upload(b"{}").await?;
        self.report["parts"] = parts.into();
        let absent = format!("sha256:{}", "0".repeat(64));
        let check = self.ecr.batch_check_layer_availability().repository_name(&self.name);
        let found = check.layer_digests(&layer).layer_digests(absent).send().await?;
        let found = found.layers().iter().filter_map(|layer| layer.layer_availability());
        self.report["available"] = found.map(|state| state.as_str()).collect();
        for number in 0..3 {
            let manifest = json!({
                "schemaVersion": 2,
                "mediaType": format!("{OCI}.manifest.v1+json"),
                "config": {"mediaType": format!("{OCI}.config.v1+json"), "digest": config, "size": 2},
                "layers": [{"mediaType": format!("{OCI}.layer.v1.tar+gzip"), "digest": layer, "size": bytes.len()}],
                "annotations": {"number": number.to_string()},
            })
            .to_string();
            let call = self.ecr.put_image().repository_name(&self.name).image_manifest(&manifest);
            let image = call.image_tag(format!("v{number}")).send().await?.image.ok_or("no image")?;
            if image.image_id().and_then(|id| id.image_digest()) != Some(digest(manifest.as_bytes()).as_str())
            {
                return Err("another digest".into());
            }
        }
        let describe = self.ecr.describe_images().repository_name(&self.name).into_paginator().page_size(2);
        let (mut pages, mut described, mut images) = (Vec::new(), describe.send(), Vec::new());
        while let Some(page) = described.next().await.transpose()? {
            pages.push(page.image_details().len());
            images.extend(page.image_details().iter().flat_map(|image| image.image_tags().to_vec()));
        }
        images.sort();
        self.report["pages"] = pages.into();
        self.report["images"] = images.into();
        let mut listed =
            self.ecr.list_images().repository_name(&self.name).into_paginator().page_size(2).send();
        let mut count = 0;
        while let Some(page) = listed.next().await.transpose()? {
            count += page.image_ids().len();
        }
        self.report["listed"] = count.into();
        let get = self.ecr.batch_get_image().repository_name(&self.name);
        let got = get.image_ids(tagged("v1")).image_ids(tagged("absent")).send().await?;
        let tags = got.images().iter().filter_map(|image| image.image_id()?.image_tag());
        self.report["got"] = tags.chain(codes(got.failures())).collect();
        let url = self.ecr.get_download_url_for_layer().repository_name(&self.name).layer_digest(&layer);
        let url = url.send().await?.download_url.ok_or("no URL")?;
        self.report["downloaded"] = (digest(&download(&url)?) == layer).into();
        self.report["layer"] = layer.into();
        Ok(())
    }

    /// The lifecycle policy, its preview and the waiter.
    async fn lifecycle(&mut self) -> Outcome<()> {
        let put = self.ecr.put_lifecycle_policy().repository_name(&self.name);
        put.lifecycle_policy_text(rule(100)).send().await?;
        let got = self.ecr.get_lifecycle_policy().repository_name(&self.name).send().await?;
        let policy: Value = serde_json::from_str(got.lifecycle_policy_text().unwrap_or_default())?;
        self.report["rules"] = policy["rules"].as_array().map_or(0, Vec::len).into();
        let start = self.ecr.start_lifecycle_policy_preview().repository_name(&self.name);
        start.lifecycle_policy_text(rule(1)).send().await?;
        let waiter = self.ecr.wait_until_lifecycle_policy_preview_complete().repository_name(&self.name);
        waiter.wait(Duration::from_secs(60)).await?;
        let preview = self.ecr.get_lifecycle_policy_preview().repository_name(&self.name).send().await?;
        let mut tags: Vec<_> =
            preview.preview_results().iter().flat_map(|one| one.image_tags().to_vec()).collect();
        tags.sort();
        self.report["expiring"] = tags.into();
        self.ecr.delete_lifecycle_policy().repository_name(&self.name).send().await?;
        Ok(())
    }

    /// What is deleted, and the exceptions.
    async fn remove(&mut self) -> Outcome<()> {
        let delete = self.ecr.batch_delete_image().repository_name(&self.name);
        let gone = delete.image_ids(tagged("v0")).image_ids(tagged("absent")).send().await?;
        let tags = gone.image_ids().iter().filter_map(|id| id.image_tag());
        self.report["deleted"] = tags.chain(codes(gone.failures())).collect();
        let (ecr, name) = (&self.ecr, &self.name);
        let image = ecr.describe_images().repository_name(name).image_ids(tagged("absent")).send().await;
        let policy = ecr.get_lifecycle_policy().repository_name(name).send().await;
        let full = ecr.delete_repository().repository_name(name).send().await;
        let repository = ecr.describe_repositories().repository_names(format!("{name}-absent")).send().await;
        self.report["errors"] = json!([
            refused(image, |error| error.is_image_not_found_exception())?,
            refused(policy, |error| error.is_lifecycle_policy_not_found_exception())?,
            refused(full, |error| error.is_repository_not_empty_exception())?,
            refused(repository, |error| error.is_repository_not_found_exception())?,
        ]);
        ecr.delete_repository().repository_name(name).force(true).send().await?;
        Ok(())
    }
}
