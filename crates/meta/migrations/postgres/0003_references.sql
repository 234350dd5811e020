-- What a manifest refers to is a fact of its own, whether or not the repository has it. Beside the one of SQLite.

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

-- How far the manifests that were stored before have been read for their references. The row goes with the last of them.
CREATE TABLE reference_backfill (
    one BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    registry BIGINT NOT NULL,
    repository BIGINT NOT NULL,
    image BIGINT NOT NULL
);
INSERT INTO reference_backfill SELECT 1, 0, 0, 0 WHERE EXISTS (SELECT 1 FROM image);

-- Whether a part that another followed was smaller than the API wants; it is said when the layer is completed.
ALTER TABLE upload ADD COLUMN has_small_part BIGINT NOT NULL DEFAULT 0;

-- An upload of a role is the role's, not the session's.
UPDATE upload SET principal = split_part(principal, ':', 1) WHERE principal LIKE 'AROA%:%';
