-- The start. Times are UTC microseconds; a digest is an algorithm byte and its bytes. Keys lead with the registry, so
-- that registries can be spread over databases.

-- Accounts and their registries.

CREATE TABLE account (
    key INTEGER NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE registry (
    key INTEGER NOT NULL PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES account (key),
    region TEXT NOT NULL,
    policy_version INTEGER NOT NULL,
    repository_count INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (account, region)
) STRICT;

-- Principals. Child rows hold the unique id, so that a user made again under an old name inherits nothing.

CREATE TABLE principal (
    unique_id TEXT NOT NULL PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES account (key),
    kind TEXT NOT NULL,
    path TEXT NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (account, kind, name_folded)
) STRICT;

CREATE TABLE access_key (
    id TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL REFERENCES principal (unique_id),
    active INTEGER NOT NULL,
    sealed_secret BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX access_key_owner ON access_key (owner);

CREATE TABLE identity_policy_inline (
    owner TEXT NOT NULL REFERENCES principal (unique_id),
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (owner, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE identity_policy_managed (
    owner TEXT NOT NULL REFERENCES principal (unique_id),
    arn TEXT NOT NULL,
    PRIMARY KEY (owner, arn)
) STRICT, WITHOUT ROWID;

-- Repositories. A deleted one keeps its row until its images are gone; its name is free at once.

CREATE TABLE repository (
    registry INTEGER NOT NULL REFERENCES registry (key),
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    deleted_at INTEGER,
    operation TEXT NOT NULL,
    mutability TEXT NOT NULL,
    exclusion_filters TEXT NOT NULL,
    scan_on_push INTEGER NOT NULL,
    encryption_type TEXT NOT NULL,
    kms_key TEXT,
    policy_version INTEGER NOT NULL,
    tags_version INTEGER NOT NULL,
    last_image_id INTEGER NOT NULL,
    image_count INTEGER NOT NULL,
    tag_count INTEGER NOT NULL,
    PRIMARY KEY (registry, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX repository_living_name ON repository (registry, name) WHERE deleted_at IS NULL;

CREATE TABLE repository_tag (
    registry INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (registry, repository, key),
    FOREIGN KEY (registry, repository) REFERENCES repository (registry, id)
) STRICT, WITHOUT ROWID;

-- Bytes: an object for each digest of the deployment, visible only through a repository that links it.
-- The foreign key of a link is what keeps an object from being collected.

CREATE TABLE object (
    id INTEGER NOT NULL PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    object_key TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    renewed_at INTEGER NOT NULL,
    operation TEXT NOT NULL
) STRICT;

CREATE TABLE blob_link (
    registry INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    digest BLOB NOT NULL,
    object INTEGER NOT NULL REFERENCES object (id),
    origin TEXT NOT NULL,
    linked_at INTEGER NOT NULL,
    renewed_at INTEGER NOT NULL,
    operation TEXT,
    PRIMARY KEY (registry, repository, digest),
    FOREIGN KEY (registry, repository) REFERENCES repository (registry, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX blob_link_object ON blob_link (object, registry, repository);

-- Images. Bodies and pull times have tables of their own, so that pages of images stay narrow.

CREATE TABLE image (
    registry INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    id INTEGER NOT NULL,
    digest BLOB NOT NULL,
    media_type TEXT NOT NULL,
    artifact_type TEXT,
    config_media_type TEXT,
    manifest_size INTEGER NOT NULL,
    image_size INTEGER NOT NULL,
    subject BLOB,
    annotations BLOB,
    status INTEGER NOT NULL,
    tagged INTEGER NOT NULL,
    tag_count INTEGER NOT NULL,
    pushed_at INTEGER NOT NULL,
    pushed_by TEXT NOT NULL,
    last_tagged_at INTEGER,
    last_activated_at INTEGER NOT NULL,
    origin TEXT NOT NULL,
    operation TEXT NOT NULL,
    PRIMARY KEY (registry, repository, id),
    UNIQUE (registry, repository, digest),
    FOREIGN KEY (registry, repository) REFERENCES repository (registry, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX image_tagged ON image (registry, repository, status, tagged, id);
CREATE INDEX image_pushed ON image (registry, repository, status, pushed_at, id);
CREATE INDEX image_subject ON image (registry, repository, subject, id) WHERE subject IS NOT NULL;

CREATE TABLE manifest_body (
    registry INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    image INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (registry, repository, image),
    FOREIGN KEY (registry, repository, image) REFERENCES image (registry, repository, id)
) STRICT;

CREATE TABLE image_pull (
    registry INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    image INTEGER NOT NULL,
    last_pulled_at INTEGER NOT NULL,
    PRIMARY KEY (registry, repository, image),
    FOREIGN KEY (registry, repository, image) REFERENCES image (registry, repository, id)
) STRICT, WITHOUT ROWID;

-- The foreign key to the link refuses to unlink what an image needs.
CREATE TABLE image_blob (
    registry INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    image INTEGER NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (registry, repository, image, digest),
    FOREIGN KEY (registry, repository, image) REFERENCES image (registry, repository, id),
    FOREIGN KEY (registry, repository, digest) REFERENCES blob_link (registry, repository, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX image_blob_digest ON image_blob (registry, repository, digest);

-- No foreign key to the child: an index may be sparse.
CREATE TABLE image_child (
    registry INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    image INTEGER NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (registry, repository, image, digest),
    FOREIGN KEY (registry, repository, image) REFERENCES image (registry, repository, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX image_child_digest ON image_child (registry, repository, digest);

CREATE TABLE tag (
    registry INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    name TEXT NOT NULL,
    image INTEGER NOT NULL,
    tagged_at INTEGER NOT NULL,
    operation TEXT NOT NULL,
    PRIMARY KEY (registry, repository, name),
    FOREIGN KEY (registry, repository, image) REFERENCES image (registry, repository, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX tag_image ON tag (registry, repository, image, name);

-- Upload sessions, moved by compare-and-swap of `version`.

CREATE TABLE upload (
    registry INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    id TEXT NOT NULL,
    principal TEXT NOT NULL,
    object_key TEXT NOT NULL UNIQUE,
    algorithm INTEGER NOT NULL,
    received INTEGER NOT NULL,
    hash_state BLOB,
    version INTEGER NOT NULL,
    part_count INTEGER NOT NULL,
    last_part_size INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (registry, repository, id),
    FOREIGN KEY (registry, repository) REFERENCES repository (registry, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX upload_updated ON upload (updated_at);

-- Background work, and the keys of bytes whose rows are gone. Both are claimed row by row.

CREATE TABLE work (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    error TEXT,
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX work_due ON work (kind, due_at);

CREATE TABLE doomed (
    object_key TEXT NOT NULL PRIMARY KEY,
    doomed_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX doomed_due ON doomed (due_at);

-- Values of the whole deployment.

CREATE TABLE setting (
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
