-- Repository creation templates of a registry. `scope` is the prefix without a slash at its end, so that `prod` and `prod/`
-- are one template.
CREATE TABLE creation_template (
    registry INTEGER NOT NULL,
    scope TEXT NOT NULL,
    prefix TEXT NOT NULL,
    description TEXT,
    applied_for TEXT NOT NULL,
    mutability TEXT NOT NULL,
    exclusion_filters TEXT NOT NULL,
    resource_tags TEXT NOT NULL,
    encryption_type TEXT NOT NULL,
    kms_key TEXT,
    repository_policy TEXT,
    lifecycle_policy TEXT,
    custom_role_arn TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (registry, scope),
    FOREIGN KEY (registry) REFERENCES registry (key)
) STRICT;
