-- Work that no request asks for, and events that wait to be delivered.

-- One row for each reconciler: who runs it, when it runs next, and how its last pass ended.
CREATE TABLE reconciler (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    lease_until INTEGER NOT NULL,
    requested_at INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    next_run_at INTEGER NOT NULL,
    done INTEGER NOT NULL,
    has_more INTEGER NOT NULL,
    error TEXT
) STRICT, WITHOUT ROWID;

-- Events, written in the transaction of what they tell of. Readers take them in the order of their keys.
CREATE TABLE outbox (
    id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    account_id TEXT NOT NULL,
    region TEXT NOT NULL,
    resource TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (id, position)
) STRICT, WITHOUT ROWID;

-- Principals whose pulls leave the time of an image's last pull as it is.
CREATE TABLE pull_time_exclusion (
    registry INTEGER NOT NULL REFERENCES registry (key),
    principal_arn TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (registry, principal_arn)
) STRICT, WITHOUT ROWID;
