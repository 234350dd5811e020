-- Connections and API destinations of EventBridge. `arn` has no ID at its end: policies name them by it. The ARN that
-- clients see is `arn/id`.

-- `sealed_auth` is how to authenticate at an endpoint, sealed.
CREATE TABLE event_connection (
    arn TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    id TEXT NOT NULL,
    description TEXT,
    authorization_type TEXT NOT NULL,
    sealed_auth BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    authorized_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    UNIQUE (account_id, region, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE api_destination (
    arn TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    id TEXT NOT NULL,
    description TEXT,
    connection_arn TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    method TEXT NOT NULL,
    rate INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    UNIQUE (account_id, region, name)
) STRICT, WITHOUT ROWID;
