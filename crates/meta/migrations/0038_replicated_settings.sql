-- When a setting of a repository was last changed: of two registries that replicate to each other the later change counts.
CREATE TABLE setting_change (
    registry INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    kind TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (registry, repository, kind)
) STRICT, WITHOUT ROWID;

-- The settings of a repository on their way to a destination of replication, as `replication` has its images.
CREATE TABLE settings_replication (
    registry INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    destination INTEGER NOT NULL,
    status INTEGER NOT NULL,
    failure_code TEXT,
    queued_at INTEGER NOT NULL,
    due_at INTEGER,
    attempts INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (registry, repository, destination)
) STRICT, WITHOUT ROWID;
CREATE INDEX settings_replication_due ON settings_replication (destination, due_at);
CREATE INDEX settings_replication_failed ON settings_replication (destination) WHERE status = 3;
CREATE INDEX settings_replication_waiting ON settings_replication (destination, queued_at) WHERE status = 1;
