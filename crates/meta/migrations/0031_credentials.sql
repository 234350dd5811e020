-- Passwords of users. `hashes` has one slow hash a line: of the password, and then of earlier ones, newest first.

CREATE TABLE login_profile (
    owner TEXT NOT NULL PRIMARY KEY REFERENCES principal (unique_id),
    hashes TEXT NOT NULL,
    reset_required INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;

-- The last credential report of an account. It has no content until it is generated.

CREATE TABLE credential_report (
    account INTEGER NOT NULL PRIMARY KEY REFERENCES account (key),
    started_at INTEGER NOT NULL,
    generated_at INTEGER,
    content TEXT
) STRICT;

-- The most tags of an image are the last entry of its registry. Most images have one tag or none, and no entry.

CREATE INDEX image_tag_count ON image (registry, tag_count) WHERE tag_count > 1;
