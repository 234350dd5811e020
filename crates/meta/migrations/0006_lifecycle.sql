-- Lifecycle policies, what they did, and their previews.

-- When an image was last moved to the archive.
ALTER TABLE image ADD COLUMN last_archived_at INTEGER;
-- When an image that is being restored can be pulled.
ALTER TABLE image ADD COLUMN restored_at INTEGER;
-- Rules see images in the order of their last activation, which is the push until an image is restored.
DROP INDEX image_pushed;
CREATE INDEX image_activated ON image (registry, repository, status, last_activated_at, id);

-- How often an image or a tag has left the repository, or an untagged image has got a tag: each can take an image out of
-- a rule that counts images. What lifecycle policies delete is not counted.
ALTER TABLE repository ADD COLUMN departures INTEGER NOT NULL DEFAULT 0;

CREATE TABLE lifecycle_policy (
    registry INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    document TEXT NOT NULL,
    version INTEGER NOT NULL,
    last_evaluated_at INTEGER NOT NULL,
    PRIMARY KEY (registry, repository),
    FOREIGN KEY (registry, repository) REFERENCES repository (registry, id)
) STRICT;

-- What was done to images, and why. The oldest rows of a repository go when there are too many.
CREATE TABLE lifecycle_action (
    registry INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    digest BLOB NOT NULL,
    tags TEXT NOT NULL,
    action TEXT NOT NULL,
    rule_priority INTEGER,
    reason TEXT NOT NULL,
    PRIMARY KEY (registry, repository, id),
    FOREIGN KEY (registry, repository) REFERENCES repository (registry, id)
) STRICT;

-- One preview for each repository. Its results are written in slices; they count when the state is COMPLETE.
CREATE TABLE lifecycle_preview (
    registry INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    id TEXT NOT NULL,
    document TEXT NOT NULL,
    state TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    expiring INTEGER NOT NULL,
    archiving INTEGER NOT NULL,
    PRIMARY KEY (registry, repository),
    FOREIGN KEY (registry, repository) REFERENCES repository (registry, id)
) STRICT;

CREATE TABLE lifecycle_preview_result (
    registry INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    position INTEGER NOT NULL,
    digest BLOB NOT NULL,
    tags TEXT NOT NULL,
    pushed_at INTEGER NOT NULL,
    action TEXT NOT NULL,
    rule_priority INTEGER,
    storage_class TEXT NOT NULL,
    PRIMARY KEY (registry, repository, position),
    FOREIGN KEY (registry, repository) REFERENCES repository (registry, id)
) STRICT;
