-- Only images with later IDs count as imported from an upstream registry: the others may have come while the repository had
-- another name.
ALTER TABLE repository ADD COLUMN imports_after INTEGER NOT NULL DEFAULT 0;
UPDATE repository SET imports_after = last_image_id;
