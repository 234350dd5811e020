-- What must not be deleted: images and tags that are protected, and images whose digests are in use.

-- Protection ends with its row: an image and a tag that are protected cannot be deleted. A tag keeps it when it moves.
ALTER TABLE image ADD COLUMN protected_at INTEGER;
CREATE INDEX image_protected ON image (registry, repository, id) WHERE protected_at IS NOT NULL;
ALTER TABLE tag ADD COLUMN protected_at INTEGER;
CREATE INDEX tag_protected ON tag (registry, repository, name) WHERE protected_at IS NOT NULL;

-- Which digests a source (such as a cluster) uses. Its next report replaces the last one. No foreign keys: a report locks
-- the row of the registry after it is written.
CREATE TABLE in_use_report (
    registry INTEGER NOT NULL,
    source TEXT NOT NULL,
    reported_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    digest_count INTEGER NOT NULL,
    PRIMARY KEY (registry, source)
) STRICT, WITHOUT ROWID;
CREATE INDEX in_use_report_expires ON in_use_report (expires_at);

CREATE TABLE in_use_digest (
    registry INTEGER NOT NULL,
    source TEXT NOT NULL,
    digest BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (registry, source, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX in_use_digest_digest ON in_use_digest (registry, digest, expires_at);
CREATE INDEX in_use_digest_expires ON in_use_digest (expires_at);
