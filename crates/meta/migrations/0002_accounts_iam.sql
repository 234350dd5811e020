-- Many accounts, IAM as a whole, and the policies of repositories and registries.

-- Accounts as members of the one organization of the deployment.

ALTER TABLE account ADD COLUMN email TEXT;
ALTER TABLE account ADD COLUMN in_organization INTEGER NOT NULL DEFAULT 1;
ALTER TABLE account ADD COLUMN joined_method TEXT NOT NULL DEFAULT 'INVITED';
ALTER TABLE account ADD COLUMN joined_at INTEGER;
ALTER TABLE account ADD COLUMN closed_at INTEGER;
CREATE UNIQUE INDEX account_email ON account (email) WHERE email IS NOT NULL;

CREATE TABLE account_tag (
    account INTEGER NOT NULL REFERENCES account (key),
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (account, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE account_creation (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    state TEXT NOT NULL,
    account_id TEXT,
    failure_reason TEXT,
    requested_at INTEGER NOT NULL,
    completed_at INTEGER
) STRICT;

-- Principals: users, groups, roles, and the root of an account, whose unique id is the account's digits.

ALTER TABLE principal ADD COLUMN boundary TEXT;
CREATE INDEX principal_boundary ON principal (boundary) WHERE boundary IS NOT NULL;
CREATE INDEX identity_policy_managed_arn ON identity_policy_managed (arn, owner);

ALTER TABLE access_key ADD COLUMN last_used_at INTEGER;
ALTER TABLE access_key ADD COLUMN last_used_region TEXT;
ALTER TABLE access_key ADD COLUMN last_used_service TEXT;

-- The trust policy names principals by unique id, so that one made again under an old name is not trusted.
CREATE TABLE role (
    unique_id TEXT NOT NULL PRIMARY KEY REFERENCES principal (unique_id),
    trust_policy TEXT NOT NULL,
    description TEXT,
    max_session_seconds INTEGER NOT NULL,
    service_name TEXT,
    last_used_at INTEGER,
    last_used_region TEXT
) STRICT;

CREATE TABLE group_member (
    group_id TEXT NOT NULL REFERENCES principal (unique_id),
    user_id TEXT NOT NULL REFERENCES principal (unique_id),
    PRIMARY KEY (group_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_member_user ON group_member (user_id, group_id);

-- Tags of whatever IAM tags; the owner is its unique id, or the ARN of an identity provider.
CREATE TABLE iam_tag (
    owner TEXT NOT NULL,
    key_folded TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (owner, key_folded)
) STRICT, WITHOUT ROWID;

CREATE TABLE managed_policy (
    arn TEXT NOT NULL PRIMARY KEY,
    policy_id TEXT NOT NULL UNIQUE,
    account INTEGER NOT NULL REFERENCES account (key),
    path TEXT NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    description TEXT,
    default_version INTEGER NOT NULL,
    last_version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (account, name_folded)
) STRICT;

CREATE TABLE managed_policy_version (
    policy_id TEXT NOT NULL REFERENCES managed_policy (policy_id),
    version INTEGER NOT NULL,
    document TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (policy_id, version)
) STRICT;

CREATE TABLE instance_profile (
    unique_id TEXT NOT NULL PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES account (key),
    path TEXT NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT NOT NULL,
    role TEXT REFERENCES principal (unique_id),
    created_at INTEGER NOT NULL,
    UNIQUE (account, name_folded)
) STRICT;
CREATE INDEX instance_profile_role ON instance_profile (role) WHERE role IS NOT NULL;

CREATE TABLE oidc_provider (
    arn TEXT NOT NULL PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES account (key),
    url TEXT NOT NULL,
    client_ids TEXT NOT NULL,
    thumbprints TEXT NOT NULL,
    certificate_authority TEXT,
    key_set TEXT,
    created_at INTEGER NOT NULL,
    UNIQUE (account, url)
) STRICT;

-- Contexts of sessions that are too large for a docker password, sealed.
CREATE TABLE session_context (
    id TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    context BLOB NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX session_context_expires ON session_context (expires_at);

-- Policies of repositories and registries, with principals by unique id.

CREATE TABLE repository_policy (
    registry INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (registry, repository),
    FOREIGN KEY (registry, repository) REFERENCES repository (registry, id)
) STRICT;

CREATE TABLE registry_policy (
    registry INTEGER NOT NULL PRIMARY KEY REFERENCES registry (key),
    document TEXT NOT NULL
) STRICT;

CREATE TABLE account_setting (
    registry INTEGER NOT NULL REFERENCES registry (key),
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (registry, name)
) STRICT, WITHOUT ROWID;
