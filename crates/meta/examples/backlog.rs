//! Gives the database of a server that has stopped much to do: layers that no image needs, or images for a lifecycle
//! policy. `cargo xtask bench scale` measures the server with them.
//!
//! `cargo run -p meta --example backlog -- FOLDER REPOSITORY LAYERS IMAGES`. The layers have rows and no bytes: what is
//! measured is the work on rows.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a measurement ends at the first surprise, and talks to its user"
)]

use std::{path::Path, time::Instant};

use rusqlite::Connection;

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let (folder, name) = (Path::new(&words[1]), &words[2]);
    let (layers, images): (i64, i64) = (words[3].parse().unwrap(), words[4].parse().unwrap());
    let connection = Connection::open(folder.join("wharf.db")).unwrap();
    connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -200000").unwrap();
    let select = "SELECT registry, id FROM repository WHERE name = ?1 AND deleted_at IS NULL";
    let key: (i64, i64) = connection.query_row(select, [name], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let began = Instant::now();
    fill_layers(&connection, key, layers);
    fill_images(&connection, key, images);
    println!("{layers} layers and {images} images in {:?}", began.elapsed());
}

fn numbers(count: i64) -> String {
    format!(
        "(WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {count}) SELECT n FROM c)"
    )
}

/// Layers that were linked long ago, and wait for their review.
fn fill_layers(connection: &Connection, (registry, repository): (i64, i64), count: i64) {
    if count == 0 {
        return;
    }
    let digest = "unhex('01' || printf('%064x', 281474976710656 + n))";
    let numbers = numbers(count);
    connection
        .execute_batch(&format!(
            "BEGIN;
            INSERT INTO object SELECT -n, {digest}, lower(hex(randomblob(16))), 1000, 1, 1, 'backlog' FROM {numbers};
            INSERT INTO blob_link SELECT {registry}, {repository}, {digest}, -n, 'upload', 1, 1, 'backlog' FROM {numbers};
            INSERT INTO link_review SELECT {registry}, {repository}, {digest}, unixepoch() * 1000000 FROM {numbers};
            UPDATE blob_link SET renewed_at = unixepoch() * 1000000 WHERE operation = 'backlog';
            INSERT INTO repository_usage (registry, repository, layer_bytes, manifest_bytes, unique_bytes, object_bytes)
                VALUES ({registry}, {repository}, {count} * 1000, 0, {count} * 1000, {count} * 1000)
                ON CONFLICT (registry, repository) DO UPDATE SET layer_bytes = layer_bytes + excluded.layer_bytes,
                unique_bytes = unique_bytes + excluded.unique_bytes, object_bytes = object_bytes + excluded.object_bytes;
            COMMIT;"
        ))
        .unwrap();
}

/// Images of which nine of ten have a tag.
fn fill_images(connection: &Connection, (registry, repository): (i64, i64), count: i64) {
    if count == 0 {
        return;
    }
    let key = format!("{registry}, {repository}");
    let numbers = numbers(count);
    connection
        .execute_batch(&format!(
            "BEGIN;
            INSERT INTO image SELECT {key}, n, unhex('01' || printf('%064x', 562949953421312 + n)),
                'application/vnd.oci.image.manifest.v1+json', NULL, 'application/vnd.oci.image.config.v1+json', 1000,
                100000000, NULL, NULL, 1, n % 10 > 0, n % 10 > 0, n, 'AIDA1', n, n, 'push', 'backlog', NULL, NULL
                FROM {numbers};
            INSERT INTO manifest_body SELECT {key}, n, zeroblob(1000) FROM {numbers};
            INSERT INTO tag SELECT {key}, 'v' || n, n, n, 'backlog' FROM {numbers} WHERE n % 10 > 0;
            UPDATE repository SET image_count = {count}, last_image_id = {count},
                tag_count = (SELECT COUNT(*) FROM tag t WHERE t.registry = {registry} AND t.repository = {repository})
                WHERE registry = {registry} AND id = {repository};
            COMMIT;"
        ))
        .unwrap();
}
