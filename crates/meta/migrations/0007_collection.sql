-- Collection of garbage, and how many bytes repositories hold.

-- Links that no manifest may need: written when a link is created, and when the last reference to it ends. A link is
-- reviewed when its grace is over.
CREATE TABLE link_review (
    registry INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    digest BLOB NOT NULL,
    queued_at INTEGER NOT NULL,
    PRIMARY KEY (registry, repository, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX link_review_queued ON link_review (queued_at);

-- Objects that may have no link: written whenever a link of the object ends.
CREATE TABLE object_review (
    object INTEGER NOT NULL PRIMARY KEY,
    queued_at INTEGER NOT NULL
) STRICT;
CREATE INDEX object_review_queued ON object_review (queued_at);

-- What the bytes were. Rows of earlier versions have no size.
ALTER TABLE doomed ADD COLUMN size INTEGER NOT NULL DEFAULT 0;
ALTER TABLE doomed ADD COLUMN digest BLOB;

-- One row: what was removed since the deployment began, how far the walk over links and objects has come, and how far
-- the bytes were read. The walk finds what was stored before there were queues.
CREATE TABLE collection (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    freed_objects INTEGER NOT NULL,
    freed_bytes INTEGER NOT NULL,
    walked_registry INTEGER NOT NULL,
    walked_repository INTEGER NOT NULL,
    walked_digest BLOB,
    walked_object INTEGER,
    walks INTEGER NOT NULL,
    scrubbed_object INTEGER,
    scrubbed_at INTEGER NOT NULL
) STRICT;
INSERT INTO collection VALUES (1, 0, 0, 0, 0, NULL, NULL, 0, NULL, 0);

-- Bytes of a repository. `unique_bytes` are of objects whose first link in the registry came, less those whose last link
-- went, through this repository: their sum over a registry is what it stores. `object_bytes` are the same for the
-- deployment. The row of repository 0 has what remains of repositories and objects that are gone.
CREATE TABLE repository_usage (
    registry INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    layer_bytes INTEGER NOT NULL,
    manifest_bytes INTEGER NOT NULL,
    unique_bytes INTEGER NOT NULL,
    object_bytes INTEGER NOT NULL,
    PRIMARY KEY (registry, repository)
) STRICT, WITHOUT ROWID;
