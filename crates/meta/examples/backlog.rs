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

mod rows;

use std::{path::Path, time::Instant};

use rusqlite::Connection;

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let (folder, name) = (Path::new(&words[1]), &words[2]);
    let (layers, images): (i64, i64) = (words[3].parse().unwrap(), words[4].parse().unwrap());
    let connection = Connection::open(folder.join("wharf.db")).unwrap();
    connection.execute_batch(rows::FAST).unwrap();
    let select = "SELECT registry, id FROM repository WHERE name = ?1 AND deleted_at IS NULL";
    let key: (i64, i64) = connection.query_row(select, [name], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let began = Instant::now();
    rows::waiting_layers(&connection, key, layers).unwrap();
    let of = rows::Referrers { count: 0, subject: &[] };
    rows::images(&connection, key, images, &of).unwrap();
    println!("{layers} layers and {images} images in {:?}", began.elapsed());
}
