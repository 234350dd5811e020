-- The old names of repositories that were moved, for a time.

CREATE TABLE repository_redirect (
    registry INTEGER NOT NULL,
    name TEXT NOT NULL,
    repository INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (registry, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX repository_redirect_repository ON repository_redirect (registry, repository, name);
