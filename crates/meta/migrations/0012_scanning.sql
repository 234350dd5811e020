-- How a registry has its images scanned, and the scans of images.

CREATE TABLE scanning_configuration (
    registry INTEGER NOT NULL PRIMARY KEY,
    scan_type TEXT NOT NULL,
    rules TEXT NOT NULL,
    FOREIGN KEY (registry) REFERENCES registry (key)
) STRICT;

-- The last scan of an image. No foreign key: an older binary beside this one deletes images without their scans.
CREATE TABLE image_scan (
    registry INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    image INTEGER NOT NULL,
    status TEXT NOT NULL,
    description TEXT,
    started_at INTEGER NOT NULL,
    PRIMARY KEY (registry, repository, image)
) STRICT;
