//! The statements of the measurements (`examples/`) fit the newest schema.

#[path = "../../examples/rows/mod.rs"]
mod rows;

use rusqlite::Connection;

use crate::{Meta, SqliteOptions};

#[tokio::test]
async fn rows_of_the_measurements_fit_the_schema() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wharf.db");
    drop(Meta::sqlite(&path, SqliteOptions::default()).await.unwrap());
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(rows::FAST).unwrap();
    // The test is about columns, and repositories have no account and registry here.
    connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    rows::repositories(&connection, 1, 3).unwrap();
    let key = (1, 1_000_001);
    rows::images(&connection, key, 20, &rows::Referrers { count: 5, subject: &[1; 33] }).unwrap();
    rows::waiting_layers(&connection, key, 7).unwrap();
    for (table, expected) in [
        ("repository", 3),
        ("image", 20),
        ("manifest_body", 20),
        ("image_pull", 20),
        ("tag", 18),
        ("image_blob", 40),
        ("object", 7),
        ("blob_link", 7),
        ("link_review", 7),
        ("repository_usage", 1),
    ] {
        let count: i64 =
            connection.query_row(&format!("SELECT COUNT(*) FROM {table}"), [], |row| row.get(0)).unwrap();
        assert_eq!(count, expected, "{table}");
    }
    let tags: i64 = connection
        .query_row("SELECT tag_count FROM repository WHERE id = 1000001", [], |row| row.get(0))
        .unwrap();
    assert_eq!(tags, 18);
}
