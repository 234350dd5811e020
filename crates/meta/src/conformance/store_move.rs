//! A store that is copied to the other kind of database, and back.

use std::collections::BTreeMap;

use super::{beside::Beside, place::Place, world::World};
use crate::{Table, Value, *};

const ID: &str = "0123456789abcdef0123456789abcdef";

/// The kinds of the columns of a table.
async fn kinds(place: &Place, beside: &Beside, table: &Table) -> BTreeMap<String, String> {
    let select = match place {
        Place::Sqlite(_) => format!("SELECT name || ' ' || type FROM pragma_table_info('{}')", table.name),
        Place::Postgres(_) | Place::Lossy(..) => format!(
            "SELECT column_name || ' ' || data_type FROM information_schema.columns WHERE table_name = '{}'",
            table.name
        ),
    };
    let columns = beside.texts(&select).await;
    columns.iter().map(|text| text.split_once(' ').unwrap()).map(|(a, b)| (a.into(), b.into())).collect()
}

fn value(kind: &str) -> Value {
    match kind {
        "INTEGER" | "bigint" => Value::Int(1),
        "TEXT" | "text" => Value::Text("a".to_owned()),
        "BLOB" | "bytea" => Value::Bytes(vec![1, 0, 255]),
        other => panic!("{other}"),
    }
}

/// A row in every table, with the same values everywhere, so that each refers to those that exist.
async fn fill(place: &Place, meta: &Meta) -> Vec<Table> {
    let beside = Beside::open(place).await;
    let tables = meta.read(ListTables).await.unwrap();
    for table in &tables {
        if meta.read(LastTableKey { table: table.clone() }).await.unwrap().is_some() {
            continue;
        }
        let kinds = kinds(place, &beside, table).await;
        let row = table.columns.iter().map(|column| value(&kinds[column])).collect();
        meta.write(WriteTable { table: table.clone(), rows: vec![row] }).await.unwrap();
    }
    // More than a page, in an order that a dictionary would change, and with NULL.
    let tags = tables.iter().find(|table| table.name == "iam_tag").unwrap();
    for number in 0..700 {
        let owner = ["Z", "b", "é", "~"][number % 4];
        let text = |text: &str| Value::Text(text.to_owned());
        let row = tags.columns.iter().map(|column| match column.as_str() {
            "owner" => text(owner),
            "key_folded" => text(&format!("{number}")),
            _ => text("value"),
        });
        meta.write(WriteTable { table: tags.clone(), rows: vec![row.collect()] }).await.unwrap();
    }
    let account = tables.iter().find(|table| table.name == "account").unwrap();
    let row = account.columns.iter().map(|column| match column.as_str() {
        "key" => Value::Int(2),
        "account_id" => Value::Text("b".to_owned()),
        "name" | "status" | "joined_method" | "unit_path" => Value::Text(String::new()),
        "created_at" | "in_organization" => Value::Int(i64::MAX),
        _ => Value::Null,
    });
    meta.write(WriteTable { table: account.clone(), rows: vec![row.collect()] }).await.unwrap();
    tables
}

/// Copies what the destination does not have: at most this many pages.
async fn copy(from: &Meta, to: &Meta, tables: &[Table], mut pages: usize) {
    for table in tables {
        let mut after = to.read(LastTableKey { table: table.clone() }).await.unwrap();
        loop {
            let rows = from.read(ReadTable { table: table.clone(), after }).await.unwrap();
            let Some(last) = rows.last() else { break };
            if pages == 0 {
                return;
            }
            pages -= 1;
            after = Some(table.key_of(last));
            to.write(WriteTable { table: table.clone(), rows }).await.unwrap();
        }
    }
}

async fn all(meta: &Meta, tables: &[Table]) -> BTreeMap<String, Vec<TableRow>> {
    let mut all = BTreeMap::new();
    for table in tables {
        let mut after = None;
        loop {
            let rows = meta.read(ReadTable { table: table.clone(), after }).await.unwrap();
            let Some(last) = rows.last() else { break };
            after = Some(table.key_of(last));
            all.entry(table.name.clone()).or_insert_with(Vec::new).extend(rows);
        }
    }
    all
}

/// Adds an event without a number; returns the number that it gets.
async fn next_event(place: &Place) -> String {
    let mut beside = Beside::open(place).await;
    let insert = "INSERT INTO outbox (id, position, at, kind, account_id, region, resource, body) \
        VALUES (77, 77, 1, 'k', 'a', 'r', 'x', 'b')";
    beside.run(insert).await.unwrap();
    let select = "SELECT CAST(sequence AS TEXT) FROM outbox WHERE id = 77";
    beside.texts(select).await.remove(0)
}

fn take(id: &str, tables: &[Table]) -> TakeDestination {
    TakeDestination { id: id.to_owned(), tables: tables.to_vec() }
}

pub(super) async fn all_rows_are_the_same_in_the_other_database(world: World) {
    let place = world.place().another().await;
    let meta = place.open().await.unwrap();
    let tables = fill(&place, &meta).await;
    let rows = all(&meta, &tables).await;
    assert_eq!(rows.len(), tables.len(), "a table has no row");
    assert_eq!(rows["iam_tag"].len(), 701);

    let other_place = world.place().other_kind().await;
    let other = other_place.open().await.unwrap();
    other.write(take(ID, &tables)).await.unwrap();
    assert!(other.read(GetUnfinishedMove).await.unwrap().is_some());
    // Interrupted within a table, and continued.
    copy(&meta, &other, &tables, 4).await;
    other.write(take(ID, &tables)).await.unwrap();
    copy(&meta, &other, &tables, usize::MAX).await;
    let end = |sequence: i64| EndMoveTo {
        id: ID.to_owned(),
        event_sequence: sequence,
        store_ids: vec![("blob-store".to_owned(), ID.as_bytes().to_vec())],
        ends_uploads: false,
        at: Micros(1),
    };
    other.write(end(41)).await.unwrap();
    assert_eq!(all(&other, &tables).await, rows);
    assert_eq!(other.read(GetUnfinishedMove).await.unwrap(), None);
    let store = other.read(GetSetting { name: "blob-store".to_owned() }).await.unwrap();
    assert_eq!(store.as_deref(), Some(ID.as_bytes()));
    // The other database lists the same tables, and new events get new numbers.
    assert_eq!(other.read(GetEventSequence).await.unwrap(), 41);
    let back_place = world.place().another().await;
    let back = back_place.open().await.unwrap();
    let listed = other.read(ListTables).await.unwrap();
    let names = |tables: &[Table]| {
        let mut names: Vec<_> =
            tables.iter().map(|table| (table.name.clone(), table.columns.clone())).collect();
        names.sort();
        names
    };
    assert_eq!(names(&listed), names(&tables));
    back.write(take(ID, &listed)).await.unwrap();
    copy(&other, &back, &listed, usize::MAX).await;
    back.write(end(other.read(GetEventSequence).await.unwrap())).await.unwrap();
    assert_eq!(all(&back, &tables).await, rows);
    assert_eq!(next_event(&other_place).await, "42");
    assert_eq!(next_event(&back_place).await, "42");
}

pub(super) async fn a_database_with_rows_is_refused(world: World) {
    let tables = world.meta.read(ListTables).await.unwrap();
    let refused = world.meta.write(take(ID, &tables)).await;
    assert!(matches!(refused, Err(OpError::Refused(NotEmpty { .. }))), "{refused:?}");

    let place = world.place().another().await;
    let meta = place.open().await.unwrap();
    meta.write(take(ID, &tables)).await.unwrap();
    let another = meta.write(take("another", &tables)).await;
    assert!(matches!(another, Err(OpError::Refused(NotEmpty { .. }))), "{another:?}");
    let end = end_with_uploads("another");
    assert!(matches!(meta.write(end).await, Err(OpError::Refused(AnotherMove))));
}

fn end_with_uploads(id: &str) -> EndMoveTo {
    EndMoveTo {
        id: id.to_owned(),
        event_sequence: 0,
        store_ids: Vec::new(),
        ends_uploads: true,
        at: Micros(5_000_000),
    }
}

/// A move that has not ended compares the rows with those of the source again.
pub(super) async fn uploads_end_only_together_with_the_move(world: World) {
    let place = world.place().another().await;
    let meta = place.open().await.unwrap();
    let tables = fill(&place, &meta).await;
    let other_place = world.place().another().await;
    let other = other_place.open().await.unwrap();
    other.write(take(ID, &tables)).await.unwrap();
    copy(&meta, &other, &tables, usize::MAX).await;
    Beside::open(&other_place).await.run("DELETE FROM doomed").await.unwrap();
    let rows = all(&other, &tables).await;
    let refused = other.write(end_with_uploads("another")).await;
    assert!(matches!(refused, Err(OpError::Refused(AnotherMove))), "{refused:?}");
    assert_eq!(all(&other, &tables).await, rows);

    other.write(end_with_uploads(ID)).await.unwrap();
    let ended = all(&other, &tables).await;
    let count = |rows: &BTreeMap<String, Vec<TableRow>>, name: &str| rows.get(name).map_or(0, Vec::len);
    assert_eq!((count(&rows, "upload"), count(&ended, "upload")), (1, 0));
    let column = |name: &str, column: &str| {
        let table = tables.iter().find(|table| table.name == name).unwrap();
        let at = table.columns.iter().position(|known| known == column).unwrap();
        ended[name].iter().map(|row| row[at].clone()).collect::<Vec<_>>()
    };
    // The upload of the row had one byte.
    assert_eq!(column("repository_usage", "upload_bytes"), [Value::Int(0)]);
    assert_eq!(column("doomed", "object_key"), [Value::Text("a".to_owned())]);
}
