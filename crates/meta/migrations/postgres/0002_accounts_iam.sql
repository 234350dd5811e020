-- Many accounts, IAM as a whole, and the policies of repositories and registries. Beside the one of SQLite.

-- Accounts as members of the one organisation of the deployment.

ALTER TABLE account ADD COLUMN email TEXT COLLATE "C";
ALTER TABLE account ADD COLUMN in_organization BIGINT NOT NULL DEFAULT 1;
ALTER TABLE account ADD COLUMN joined_method TEXT COLLATE "C" NOT NULL DEFAULT 'INVITED';
ALTER TABLE account ADD COLUMN joined_at BIGINT;
ALTER TABLE account ADD COLUMN closed_at BIGINT;
CREATE UNIQUE INDEX account_email ON account (email) WHERE email IS NOT NULL;

CREATE TABLE account_tag (
    account BIGINT NOT NULL REFERENCES account (key),
    key TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account, key)
);

CREATE TABLE account_creation (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    email TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C",
    failure_reason TEXT COLLATE "C",
    requested_at BIGINT NOT NULL,
    completed_at BIGINT
);

-- Principals: users, groups, roles, and the root of an account, whose unique id is the account's digits.

ALTER TABLE principal ADD COLUMN boundary TEXT COLLATE "C";
CREATE INDEX principal_boundary ON principal (boundary) WHERE boundary IS NOT NULL;
CREATE INDEX identity_policy_managed_arn ON identity_policy_managed (arn, owner);

ALTER TABLE access_key ADD COLUMN last_used_at BIGINT;
ALTER TABLE access_key ADD COLUMN last_used_region TEXT COLLATE "C";
ALTER TABLE access_key ADD COLUMN last_used_service TEXT COLLATE "C";

-- The trust policy names principals by unique id, so that one made again under an old name is not trusted.
CREATE TABLE role (
    unique_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES principal (unique_id),
    trust_policy TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C",
    max_session_seconds BIGINT NOT NULL,
    service_name TEXT COLLATE "C",
    last_used_at BIGINT,
    last_used_region TEXT COLLATE "C"
);

CREATE TABLE group_member (
    group_id TEXT COLLATE "C" NOT NULL REFERENCES principal (unique_id),
    user_id TEXT COLLATE "C" NOT NULL REFERENCES principal (unique_id),
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX group_member_user ON group_member (user_id, group_id);

-- Tags of whatever IAM tags; the owner is its unique id, or the ARN of an identity provider.
CREATE TABLE iam_tag (
    owner TEXT COLLATE "C" NOT NULL,
    key_folded TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (owner, key_folded)
);

CREATE TABLE managed_policy (
    arn TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    policy_id TEXT COLLATE "C" NOT NULL UNIQUE,
    account BIGINT NOT NULL REFERENCES account (key),
    path TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C",
    default_version BIGINT NOT NULL,
    last_version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (account, name_folded)
);

CREATE TABLE managed_policy_version (
    policy_id TEXT COLLATE "C" NOT NULL REFERENCES managed_policy (policy_id),
    version BIGINT NOT NULL,
    document TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (policy_id, version)
);

CREATE TABLE instance_profile (
    unique_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account BIGINT NOT NULL REFERENCES account (key),
    path TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    name_folded TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" REFERENCES principal (unique_id),
    created_at BIGINT NOT NULL,
    UNIQUE (account, name_folded)
);
CREATE INDEX instance_profile_role ON instance_profile (role) WHERE role IS NOT NULL;

CREATE TABLE oidc_provider (
    arn TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account BIGINT NOT NULL REFERENCES account (key),
    url TEXT COLLATE "C" NOT NULL,
    client_ids TEXT COLLATE "C" NOT NULL,
    thumbprints TEXT COLLATE "C" NOT NULL,
    certificate_authority TEXT COLLATE "C",
    key_set TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    UNIQUE (account, url)
);

-- Contexts of sessions that are too large for a docker password, sealed.
CREATE TABLE session_context (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    owner TEXT COLLATE "C" NOT NULL,
    context BYTEA NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX session_context_expires ON session_context (expires_at);

-- Policies of repositories and registries, with principals by unique id.

CREATE TABLE repository_policy (
    registry BIGINT NOT NULL,
    repository BIGINT NOT NULL,
    document TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (registry, repository),
    FOREIGN KEY (registry, repository) REFERENCES repository (registry, id)
);

CREATE TABLE registry_policy (
    registry BIGINT NOT NULL PRIMARY KEY REFERENCES registry (key),
    document TEXT COLLATE "C" NOT NULL
);

CREATE TABLE account_setting (
    registry BIGINT NOT NULL REFERENCES registry (key),
    name TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (registry, name)
);
