//! The whole schema that the migrations make, compared with a snapshot for each driver: one set of migration files must
//! give each database what it is meant to have, and a released migration must not change.

use super::{place::Place, world::World};

const SQLITE: [&str; 1] = [
    "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name <> 'schema_migration' ORDER BY tbl_name, type DESC, name",
];

const POSTGRES: [&str; 3] = [
    "SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || COALESCE(collation_name, '-') \
        || ' nullable ' || is_nullable || ' default ' || COALESCE(column_default, '-') \
        FROM information_schema.columns WHERE table_schema = 'public' ORDER BY table_name COLLATE \"C\", ordinal_position",
    // A constraint that the server names itself has the same name everywhere; NOT NULL is of the columns above.
    "SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint \
        WHERE connamespace = 'public'::regnamespace AND contype <> 'n' \
        ORDER BY conrelid::regclass::text COLLATE \"C\", conname COLLATE \"C\"",
    "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexdef COLLATE \"C\"",
];

/// SQLite keeps the text of each statement; comments and spaces in it are no part of the schema.
fn without_comments(sql: &str) -> String {
    let lines = sql.lines().map(|line| line.split("--").next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n    ")
}

/// The columns, constraints and indexes, or for SQLite the statements that made them.
pub(super) async fn lines(world: &World) -> Vec<String> {
    let beside = world.beside().await;
    let queries = match world.place() {
        Place::Sqlite(_) => &SQLITE[..],
        Place::Postgres(_) | Place::Lossy(..) => &POSTGRES[..],
    };
    let mut schema = Vec::new();
    for query in queries {
        schema.extend(beside.texts(query).await.iter().map(|text| without_comments(text)));
    }
    schema
}

pub(super) async fn it_is_the_one_of_the_snapshot(world: World) {
    let name = match world.place() {
        Place::Sqlite(_) => "sqlite",
        Place::Postgres(_) | Place::Lossy(..) => "postgres",
    };
    insta::assert_snapshot!(name, lines(&world).await.join("\n"));
}

/// A database that came step by step from the first schema has the same schema as a new one.
pub(super) async fn it_does_not_depend_on_where_it_began(world: World) {
    let old = super::migration::started(&world).await;
    it_is_the_one_of_the_snapshot(old).await;
}
