-- Public registries: a row of `registry` whose Region is 'public', its alias, and what the gallery shows.

CREATE TABLE public_registry (
    registry INTEGER NOT NULL PRIMARY KEY REFERENCES registry (key),
    alias TEXT NOT NULL UNIQUE,
    display_name TEXT
) STRICT;

CREATE TABLE repository_catalog_data (
    registry INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    description TEXT,
    architectures TEXT NOT NULL,
    operating_systems TEXT NOT NULL,
    about_text TEXT,
    usage_text TEXT,
    logo BLOB,
    logo_digest BLOB,
    PRIMARY KEY (registry, repository),
    FOREIGN KEY (registry, repository) REFERENCES repository (registry, id)
) STRICT;
