-- Secrets of Secrets Manager. The ARN has six random characters at its end.

-- `delete_at` is when a deleted secret is removed; until then it can be restored.
CREATE TABLE secret (
    arn TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    policy TEXT,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    delete_at INTEGER,
    UNIQUE (account_id, region, name)
) STRICT, WITHOUT ROWID;

-- The current value of a secret and the one before. Values are sealed.
CREATE TABLE secret_value (
    arn TEXT NOT NULL,
    stage TEXT NOT NULL,
    id TEXT NOT NULL,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (arn, stage)
) STRICT, WITHOUT ROWID;
