//! A separate connection to the store: reads its tables, changes them, and holds rows while an operation waits.

use std::time::Duration;

use super::place::Place;

/// A connection without the rules of operations.
pub(super) enum Beside {
    Sqlite(rusqlite::Connection),
    Postgres(tokio_postgres::Client),
}

impl Beside {
    pub(super) async fn open(place: &Place) -> Self {
        match place {
            Place::Sqlite(folder) => {
                let connection = rusqlite::Connection::open(folder.path().join("wharf.db")).unwrap();
                connection.pragma_update(None, "foreign_keys", true).unwrap();
                Self::Sqlite(connection)
            }
            Place::Postgres(url) | Place::Lossy(url, _) => {
                let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
                tokio::spawn(connection);
                Self::Postgres(client)
            }
        }
    }

    pub(super) async fn run(&mut self, sql: &str) -> Result<(), String> {
        match self {
            Self::Sqlite(connection) => connection.execute_batch(sql).map_err(|error| error.to_string()),
            Self::Postgres(client) => client.batch_execute(sql).await.map_err(|error| format!("{error:?}")),
        }
    }

    /// The first column, which must be text.
    pub(super) async fn texts(&self, sql: &str) -> Vec<String> {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare(sql).unwrap();
                statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
            }
            Self::Postgres(client) => {
                client.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
            }
        }
    }

    /// Begins a transaction with these changes and leaves it open: `run("COMMIT")` ends it.
    pub(super) async fn hold(&mut self, sql: &str) {
        self.run(&format!("BEGIN; {sql}")).await.unwrap();
    }

    /// Returns when another session waits for a row that this one holds. SQLite does not report this: its writer gets
    /// enough time to start waiting.
    pub(super) async fn await_waiting(&self) {
        let waiting = "SELECT pid::text FROM pg_stat_activity \
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        for _ in 0..500 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            if matches!(self, Self::Sqlite(_)) || !self.texts(waiting).await.is_empty() {
                return;
            }
        }
        panic!("nobody came to wait");
    }
}
