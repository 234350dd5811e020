-- Backfills: what was in a registry before its replication was configured is replicated to one destination.

-- `prepared_…` is how far the images were read while the status is PREPARING. `total` is NULL until they are all known.
CREATE TABLE replication_backfill (
    id TEXT NOT NULL PRIMARY KEY,
    registry INTEGER NOT NULL REFERENCES registry (key),
    destination INTEGER NOT NULL,
    account_id TEXT NOT NULL,
    region TEXT NOT NULL,
    status TEXT NOT NULL,
    failure_code TEXT,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    prepared_repository INTEGER NOT NULL,
    prepared_image INTEGER NOT NULL,
    prepared INTEGER NOT NULL,
    total INTEGER,
    completed INTEGER NOT NULL,
    failed INTEGER NOT NULL
) STRICT;
CREATE INDEX replication_backfill_started ON replication_backfill (registry, started_at, id);
CREATE INDEX replication_backfill_open ON replication_backfill (started_at) WHERE ended_at IS NULL;
CREATE INDEX replication_backfill_ended ON replication_backfill (ended_at) WHERE ended_at IS NOT NULL;

-- An image with one of its tags ('' is none). It is replicated once.
CREATE TABLE replication_backfill_item (
    backfill TEXT NOT NULL,
    position INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    repository_name TEXT NOT NULL,
    digest BLOB NOT NULL,
    tag TEXT NOT NULL,
    status INTEGER NOT NULL,
    failure_code TEXT,
    PRIMARY KEY (backfill, position)
) STRICT;
CREATE INDEX replication_backfill_item_status ON replication_backfill_item (backfill, status, position);
