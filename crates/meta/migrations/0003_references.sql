-- What a manifest refers to is a fact of its own, whether or not the repository has it.

--@ sqlite
-- SQLite cannot drop a foreign key: the table is made again without the one to the link.
CREATE TABLE image_blob_3 (
    registry INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    image INTEGER NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (registry, repository, image, digest),
    FOREIGN KEY (registry, repository, image) REFERENCES image (registry, repository, id)
) STRICT, WITHOUT ROWID;
INSERT INTO image_blob_3 SELECT registry, repository, image, digest FROM image_blob;
DROP TABLE image_blob;
ALTER TABLE image_blob_3 RENAME TO image_blob;
CREATE INDEX image_blob_digest ON image_blob (registry, repository, digest);

--@ postgres
DO $$
DECLARE
    link TEXT;
BEGIN
    FOR link IN SELECT conname FROM pg_constraint
        WHERE conrelid = 'image_blob'::regclass AND confrelid = 'blob_link'::regclass AND contype = 'f'
    LOOP
        EXECUTE format('ALTER TABLE image_blob DROP CONSTRAINT %I', link);
    END LOOP;
END
$$;

--@ both
-- How far the manifests that were stored before have been read for their references. The row goes with the last of them.
CREATE TABLE reference_backfill (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    registry INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    image INTEGER NOT NULL
) STRICT;
INSERT INTO reference_backfill SELECT 1, 0, 0, 0 WHERE EXISTS (SELECT 1 FROM image);

-- Whether a part that another followed was smaller than the API wants; it is said when the layer is completed.
ALTER TABLE upload ADD COLUMN has_small_part INTEGER NOT NULL DEFAULT 0;

-- An upload of a role is the role's, not the session's.
--@ sqlite
UPDATE upload SET principal = substr(principal, 1, instr(principal, ':') - 1) WHERE principal LIKE 'AROA%:%';
--@ postgres
UPDATE upload SET principal = split_part(principal, ':', 1) WHERE principal LIKE 'AROA%:%';
