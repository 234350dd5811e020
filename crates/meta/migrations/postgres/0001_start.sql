-- The schema of PostgreSQL. Times are UTC microseconds; a digest is an algorithm byte and its bytes. Keys lead with
-- the registry, so that registries can be spread over databases; text compares by bytes, as in SQLite. Keep it beside
-- the one of SQLite.

-- Accounts and their registries.

CREATE TABLE account (
    key BIGINT NOT NULL PRIMARY KEY,
    account_id TEXT COLLATE "C" NOT NULL UNIQUE,
    name TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE registry (
    key BIGINT NOT NULL PRIMARY KEY,
    account BIGINT NOT NULL REFERENCES account (key),
    region TEXT COLLATE "C" NOT NULL,
    policy_version BIGINT NOT NULL,
    repository_count BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (account, region)
);

-- Principals. Child rows hold the unique id, so that a user made again under an old name inherits nothing.

CREATE TABLE principal (
    unique_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account BIGINT NOT NULL REFERENCES account (key),
    kind TEXT COLLATE "C" NOT NULL,
    path TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (account, kind, name_folded)
);

CREATE TABLE access_key (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    owner TEXT COLLATE "C" NOT NULL REFERENCES principal (unique_id),
    active BIGINT NOT NULL,
    sealed_secret BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX access_key_owner ON access_key (owner);

CREATE TABLE identity_policy_inline (
    owner TEXT COLLATE "C" NOT NULL REFERENCES principal (unique_id),
    name TEXT COLLATE "C" NOT NULL,
    document TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (owner, name)
);

CREATE TABLE identity_policy_managed (
    owner TEXT COLLATE "C" NOT NULL REFERENCES principal (unique_id),
    arn TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (owner, arn)
);

-- Repositories. A deleted one keeps its row until its images are gone; its name is free at once.

CREATE TABLE repository (
    registry BIGINT NOT NULL REFERENCES registry (key),
    id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    deleted_at BIGINT,
    operation TEXT COLLATE "C" NOT NULL,
    mutability TEXT COLLATE "C" NOT NULL,
    exclusion_filters TEXT COLLATE "C" NOT NULL,
    scan_on_push BIGINT NOT NULL,
    encryption_type TEXT COLLATE "C" NOT NULL,
    kms_key TEXT COLLATE "C",
    policy_version BIGINT NOT NULL,
    tags_version BIGINT NOT NULL,
    last_image_id BIGINT NOT NULL,
    image_count BIGINT NOT NULL,
    tag_count BIGINT NOT NULL,
    PRIMARY KEY (registry, id)
);
CREATE UNIQUE INDEX repository_living_name ON repository (registry, name) WHERE deleted_at IS NULL;

CREATE TABLE repository_tag (
    registry BIGINT NOT NULL,
    repository BIGINT NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (registry, repository, key),
    FOREIGN KEY (registry, repository) REFERENCES repository (registry, id)
);

-- Bytes: an object for each digest of the deployment, visible only through a repository that links it.
-- The foreign key of a link is what keeps an object from being collected.

CREATE TABLE object (
    id BIGINT NOT NULL PRIMARY KEY,
    digest BYTEA NOT NULL UNIQUE,
    object_key TEXT COLLATE "C" NOT NULL UNIQUE,
    size BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    renewed_at BIGINT NOT NULL,
    operation TEXT COLLATE "C" NOT NULL
);

CREATE TABLE blob_link (
    registry BIGINT NOT NULL,
    repository BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    object BIGINT NOT NULL REFERENCES object (id),
    origin TEXT COLLATE "C" NOT NULL,
    linked_at BIGINT NOT NULL,
    renewed_at BIGINT NOT NULL,
    operation TEXT COLLATE "C",
    PRIMARY KEY (registry, repository, digest),
    FOREIGN KEY (registry, repository) REFERENCES repository (registry, id)
);
CREATE INDEX blob_link_object ON blob_link (object, registry, repository);

-- Images. Bodies and pull times have tables of their own, so that pages of images stay narrow.

CREATE TABLE image (
    registry BIGINT NOT NULL,
    repository BIGINT NOT NULL,
    id BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    media_type TEXT COLLATE "C" NOT NULL,
    artifact_type TEXT COLLATE "C",
    config_media_type TEXT COLLATE "C",
    manifest_size BIGINT NOT NULL,
    image_size BIGINT NOT NULL,
    subject BYTEA,
    annotations BYTEA,
    status BIGINT NOT NULL,
    tagged BIGINT NOT NULL,
    tag_count BIGINT NOT NULL,
    pushed_at BIGINT NOT NULL,
    pushed_by TEXT COLLATE "C" NOT NULL,
    last_tagged_at BIGINT,
    last_activated_at BIGINT NOT NULL,
    origin TEXT COLLATE "C" NOT NULL,
    operation TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (registry, repository, id),
    UNIQUE (registry, repository, digest),
    FOREIGN KEY (registry, repository) REFERENCES repository (registry, id)
);
CREATE INDEX image_tagged ON image (registry, repository, status, tagged, id);
CREATE INDEX image_pushed ON image (registry, repository, status, pushed_at, id);
CREATE INDEX image_subject ON image (registry, repository, subject, id) WHERE subject IS NOT NULL;

CREATE TABLE manifest_body (
    registry BIGINT NOT NULL,
    repository BIGINT NOT NULL,
    image BIGINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (registry, repository, image),
    FOREIGN KEY (registry, repository, image) REFERENCES image (registry, repository, id)
);

CREATE TABLE image_pull (
    registry BIGINT NOT NULL,
    repository BIGINT NOT NULL,
    image BIGINT NOT NULL,
    last_pulled_at BIGINT NOT NULL,
    PRIMARY KEY (registry, repository, image),
    FOREIGN KEY (registry, repository, image) REFERENCES image (registry, repository, id)
);

-- The foreign key to the link refuses to unlink what an image needs.
CREATE TABLE image_blob (
    registry BIGINT NOT NULL,
    repository BIGINT NOT NULL,
    image BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    PRIMARY KEY (registry, repository, image, digest),
    FOREIGN KEY (registry, repository, image) REFERENCES image (registry, repository, id),
    FOREIGN KEY (registry, repository, digest) REFERENCES blob_link (registry, repository, digest)
);
CREATE INDEX image_blob_digest ON image_blob (registry, repository, digest);

-- No foreign key to the child: an index may be sparse.
CREATE TABLE image_child (
    registry BIGINT NOT NULL,
    repository BIGINT NOT NULL,
    image BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    PRIMARY KEY (registry, repository, image, digest),
    FOREIGN KEY (registry, repository, image) REFERENCES image (registry, repository, id)
);
CREATE INDEX image_child_digest ON image_child (registry, repository, digest);

CREATE TABLE tag (
    registry BIGINT NOT NULL,
    repository BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    image BIGINT NOT NULL,
    tagged_at BIGINT NOT NULL,
    operation TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (registry, repository, name),
    FOREIGN KEY (registry, repository, image) REFERENCES image (registry, repository, id)
);
CREATE INDEX tag_image ON tag (registry, repository, image, name);

-- Upload sessions, moved by compare-and-swap of `version`.

CREATE TABLE upload (
    registry BIGINT NOT NULL,
    repository BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    principal TEXT COLLATE "C" NOT NULL,
    object_key TEXT COLLATE "C" NOT NULL UNIQUE,
    algorithm BIGINT NOT NULL,
    received BIGINT NOT NULL,
    hash_state BYTEA,
    version BIGINT NOT NULL,
    part_count BIGINT NOT NULL,
    last_part_size BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (registry, repository, id),
    FOREIGN KEY (registry, repository) REFERENCES repository (registry, id)
);
CREATE INDEX upload_updated ON upload (updated_at);

-- Background work, and the keys of bytes whose rows are gone. Both are claimed row by row.

CREATE TABLE work (
    kind TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    due_at BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    error TEXT COLLATE "C",
    PRIMARY KEY (kind, key)
);
CREATE INDEX work_due ON work (kind, due_at);

CREATE TABLE doomed (
    object_key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    doomed_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL
);
CREATE INDEX doomed_due ON doomed (due_at);

-- Values of the whole deployment.

CREATE TABLE setting (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);
