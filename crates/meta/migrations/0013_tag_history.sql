-- What tags named before: one row for each time that a push sets a tag on another image.

CREATE TABLE tag_history (
    registry INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    id INTEGER NOT NULL,
    tag TEXT NOT NULL,
    digest BLOB NOT NULL,
    previous BLOB,
    moved_by TEXT NOT NULL,
    moved_at INTEGER NOT NULL,
    PRIMARY KEY (registry, repository, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX tag_history_tag ON tag_history (registry, repository, tag, id);
CREATE INDEX tag_history_moved ON tag_history (moved_at);

-- When a tag last moved from this image to another one.
ALTER TABLE image ADD COLUMN displaced_at INTEGER;
