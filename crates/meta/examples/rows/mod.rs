//! Writes many rows at once into the database of a server that has stopped, for measurements. Each statement names its
//! columns: later migrations add some, and a test writes a few rows of each kind into the newest schema.
#![allow(dead_code, reason = "each measurement uses some of them")]

use rusqlite::{Connection, Result};

/// Rows of a measurement need not survive a power cut.
pub(crate) const FAST: &str = "PRAGMA synchronous = OFF; PRAGMA cache_size = -200000";

/// The first images of a repository refer to one subject.
pub(crate) struct Referrers<'a> {
    pub(crate) count: i64,
    /// The stored form of the subject's digest.
    pub(crate) subject: &'a [u8],
}

fn numbers(count: i64) -> String {
    format!(
        "(WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {count}) SELECT n FROM c)"
    )
}

/// Images with bodies, times of pulls and references to two layers. Nine of ten have a tag.
pub(crate) fn images(
    connection: &Connection,
    (registry, repository): (i64, i64),
    count: i64,
    referrers: &Referrers<'_>,
) -> Result<()> {
    if count == 0 {
        return Ok(());
    }
    let key = format!("{registry}, {repository}");
    let of = "registry, repository";
    let numbers = numbers(count);
    let digest = |kind: &str| format!("unhex('01' || printf('%s%016x%047x', '{kind}', {repository}, n))");
    let subject = format!(
        "x'{}'",
        referrers.subject.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    );
    let (image, layer, config, first) = (digest("a"), digest("b"), digest("c"), referrers.count);
    connection.execute_batch(&format!(
        "BEGIN;
        INSERT INTO image ({of}, id, digest, media_type, artifact_type, config_media_type, manifest_size, image_size,
            subject, status, tagged, tag_count, pushed_at, pushed_by, last_tagged_at, last_activated_at, origin, operation)
            SELECT {key}, n, {image}, 'application/vnd.oci.image.manifest.v1+json', 'type/' || (n % 4),
            'application/vnd.oci.image.config.v1+json', 1000, 100000000, CASE WHEN n <= {first} THEN {subject} END,
            1, n % 10 > 0, n % 10 > 0, n, 'AIDA1', n, n, 'push', 'scale' FROM {numbers};
        INSERT INTO manifest_body ({of}, image, body) SELECT {key}, n, zeroblob(1000) FROM {numbers};
        INSERT INTO image_pull ({of}, image, last_pulled_at) SELECT {key}, n, n FROM {numbers};
        INSERT INTO tag ({of}, name, image, tagged_at, operation)
            SELECT {key}, 'v' || n, n, n, 'scale' FROM {numbers} WHERE n % 10 > 0;
        INSERT INTO image_blob ({of}, image, digest) SELECT {key}, n, {layer} FROM {numbers}
            UNION ALL SELECT {key}, n, {config} FROM {numbers};
        UPDATE repository SET image_count = {count}, last_image_id = {count}, tag_count =
            (SELECT COUNT(*) FROM tag t WHERE t.registry = {registry} AND t.repository = {repository})
            WHERE registry = {registry} AND id = {repository};
        COMMIT;"
    ))
}

/// Layers without bytes that were linked long ago, that no image needs, and that wait for their review.
pub(crate) fn waiting_layers(
    connection: &Connection,
    (registry, repository): (i64, i64),
    count: i64,
) -> Result<()> {
    if count == 0 {
        return Ok(());
    }
    let digest = "unhex('01' || printf('%064x', 281474976710656 + n))";
    let (numbers, of, key) = (numbers(count), "registry, repository", format!("{registry}, {repository}"));
    connection.execute_batch(&format!(
        "BEGIN;
        INSERT INTO object (id, digest, object_key, size, created_at, renewed_at, operation) SELECT -n, {digest}, lower(hex(randomblob(16))), 1000, 1, 1, 'backlog' FROM {numbers};
        INSERT INTO blob_link ({of}, digest, object, origin, linked_at, renewed_at, operation) SELECT {key}, {digest}, -n, 'upload', 1, 1, 'backlog' FROM {numbers};
        INSERT INTO link_review ({of}, digest, queued_at) SELECT {key}, {digest}, unixepoch() * 1000000 FROM {numbers};
        UPDATE blob_link SET renewed_at = unixepoch() * 1000000 WHERE operation = 'backlog';
        INSERT INTO repository_usage ({of}, layer_bytes, manifest_bytes, unique_bytes, object_bytes)
            VALUES ({key}, {count} * 1000, 0, {count} * 1000, {count} * 1000)
            ON CONFLICT ({of}) DO UPDATE SET layer_bytes = layer_bytes + excluded.layer_bytes,
            unique_bytes = unique_bytes + excluded.unique_bytes, object_bytes = object_bytes + excluded.object_bytes;
        COMMIT;"
    ))
}

/// Repositories without images.
pub(crate) fn repositories(connection: &Connection, registry: i64, count: i64) -> Result<()> {
    let numbers = numbers(count);
    connection.execute_batch(&format!(
        "INSERT OR IGNORE INTO repository (registry, id, name, created_at, operation, mutability, exclusion_filters,
            scan_on_push, encryption_type, policy_version, tags_version, last_image_id, image_count, tag_count)
         SELECT {registry}, 1000000 + n, printf('many/%06d', n), n, 'scale', 'MUTABLE', '[]', 0, 'AES256', 0, 0, 0, 0, 0
            FROM {numbers}"
    ))
}
