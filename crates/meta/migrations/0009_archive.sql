-- What only archived images have: their tags, and layers that no active image needs. A layer cannot be downloaded then, and
-- a tag is not in the data plane's list. Each is changed in the transaction that archives or restores.

ALTER TABLE tag ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
UPDATE tag SET archived = 1 WHERE (registry, repository, image) IN
    (SELECT registry, repository, id FROM image WHERE status <> 1);
CREATE INDEX tag_listed ON tag (registry, repository, name) WHERE archived = 0;

ALTER TABLE blob_link ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
UPDATE blob_link SET archived = 1 WHERE (registry, repository, digest) IN
    (SELECT b.registry, b.repository, b.digest FROM image i JOIN image_blob b
        ON b.registry = i.registry AND b.repository = i.repository AND b.image = i.id WHERE i.status <> 1)
    AND NOT EXISTS (SELECT 1 FROM image_blob o JOIN image i
        ON i.registry = o.registry AND i.repository = o.repository AND i.id = o.image
        WHERE o.registry = blob_link.registry AND o.repository = blob_link.repository AND o.digest = blob_link.digest
        AND i.status = 1);

-- Copies of objects on their way to another place: their keys are here before their bytes exist.
CREATE TABLE object_move (
    object_key TEXT NOT NULL PRIMARY KEY,
    object INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX object_move_object ON object_move (object);
