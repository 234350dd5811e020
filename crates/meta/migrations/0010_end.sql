-- What is to be done again after the claim that is working on it, and what background work changes beside itself.

-- When work becomes due again that may have been asked for after its claim read. A claim removes it.
ALTER TABLE work ADD COLUMN again_at INTEGER;

-- Bytes of uploads in progress. Those that were there before are counted now.
ALTER TABLE repository_usage ADD COLUMN upload_bytes INTEGER NOT NULL DEFAULT 0;
INSERT INTO repository_usage
    (registry, repository, layer_bytes, manifest_bytes, unique_bytes, object_bytes, upload_bytes)
    SELECT registry, repository, 0, 0, 0, 0, CAST(SUM(received) AS INTEGER) FROM upload WHERE received > 0
    GROUP BY registry, repository
    ON CONFLICT (registry, repository) DO UPDATE SET upload_bytes = excluded.upload_bytes;

-- Grows with each correction of the row's counters. A measurement is added only if none was added since it was made.
ALTER TABLE repository_usage ADD COLUMN corrections INTEGER NOT NULL DEFAULT 0;

-- The last check of the store that a request started. `progress` belongs to the check: how far it has come.
CREATE TABLE store_check (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    repair INTEGER NOT NULL,
    quick INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    version INTEGER NOT NULL,
    progress TEXT NOT NULL,
    findings INTEGER NOT NULL
) STRICT;

-- What it found, in its order.
CREATE TABLE store_check_finding (
    position INTEGER NOT NULL PRIMARY KEY,
    finding TEXT NOT NULL
) STRICT;
