-- Accounts whose private registries are in another database than this one, the directory. The name is one of [[databases]].
CREATE TABLE placement (
    account INTEGER NOT NULL PRIMARY KEY REFERENCES account (key),
    database_name TEXT NOT NULL,
    placed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
