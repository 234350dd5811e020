-- Replication: the configuration of a registry, its destinations, and what is replicated to them.

-- The rules as they were written, for answers.
CREATE TABLE replication_configuration (
    registry INTEGER NOT NULL PRIMARY KEY REFERENCES registry (key),
    rules TEXT NOT NULL
) STRICT;

-- A destination keeps its row as long as a rule names it. One that is named again is a new one: only what comes after the
-- configuration is replicated. The rows of one that was removed go away in slices.
CREATE TABLE replication_destination (
    id INTEGER NOT NULL PRIMARY KEY,
    registry INTEGER NOT NULL REFERENCES registry (key),
    account_id TEXT NOT NULL,
    region TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    removed_at INTEGER,
    failures INTEGER NOT NULL,
    retry_at INTEGER NOT NULL,
    error TEXT
) STRICT;
CREATE UNIQUE INDEX replication_destination_place ON replication_destination (registry, account_id, region)
    WHERE removed_at IS NULL;
CREATE INDEX replication_destination_removed ON replication_destination (removed_at) WHERE removed_at IS NOT NULL;

-- What goes to a destination: repositories whose names begin with the prefix, and whether deletions go too.
CREATE TABLE replication_rule (
    registry INTEGER NOT NULL,
    destination INTEGER NOT NULL,
    prefix TEXT NOT NULL,
    deletes INTEGER NOT NULL,
    PRIMARY KEY (registry, destination, prefix)
) STRICT, WITHOUT ROWID;

-- An image, or a tag of it ('' is none), on its way to a destination: written in the transaction of the push or of the
-- deletion. `due_at` is NULL when nothing more is done. `version` grows each time it is queued again.
CREATE TABLE replication (
    registry INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    digest BLOB NOT NULL,
    tag TEXT NOT NULL,
    destination INTEGER NOT NULL,
    action INTEGER NOT NULL,
    status INTEGER NOT NULL,
    failure_code TEXT,
    queued_at INTEGER NOT NULL,
    due_at INTEGER,
    attempts INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (registry, repository, digest, tag, destination)
) STRICT, WITHOUT ROWID;
CREATE INDEX replication_due ON replication (destination, due_at);
CREATE INDEX replication_waiting ON replication (destination, queued_at) WHERE status = 1;
CREATE INDEX replication_failed ON replication (destination) WHERE status = 3;

-- When a replicated tag was set where it comes from.
ALTER TABLE tag ADD COLUMN origin_at INTEGER;
