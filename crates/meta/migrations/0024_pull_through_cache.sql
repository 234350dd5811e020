-- Pull-through cache rules of a registry. `scope` is the prefix without a slash at its end.
CREATE TABLE pull_through_cache_rule (
    registry INTEGER NOT NULL,
    scope TEXT NOT NULL,
    prefix TEXT NOT NULL,
    upstream_url TEXT NOT NULL,
    upstream_registry TEXT,
    upstream_prefix TEXT NOT NULL,
    credential_arn TEXT,
    custom_role_arn TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (registry, scope),
    FOREIGN KEY (registry) REFERENCES registry (key)
) STRICT;

-- The number of rules, so that a pull from a registry without rules needs no further read.
ALTER TABLE registry ADD COLUMN pull_through_cache_rules INTEGER NOT NULL DEFAULT 0;

-- Tags that came from an upstream registry: which image the upstream had, and when it was asked.
CREATE TABLE upstream_tag (
    registry INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    name TEXT NOT NULL,
    digest BLOB NOT NULL,
    validated_at INTEGER NOT NULL,
    PRIMARY KEY (registry, repository, name),
    FOREIGN KEY (registry, repository) REFERENCES repository (registry, id)
) STRICT;
