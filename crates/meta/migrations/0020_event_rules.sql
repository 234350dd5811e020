-- Rules of EventBridge: which events of an account in a Region go to which targets. A rule is named by its ARN.

CREATE TABLE event_rule (
    arn TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    pattern TEXT NOT NULL,
    state TEXT NOT NULL,
    description TEXT,
    role_arn TEXT,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (account_id, region, name)
) STRICT, WITHOUT ROWID;

-- `document` is the target as requests have it. `delivery` is the name of the target in `delivery_target`.
CREATE TABLE event_target (
    rule TEXT NOT NULL REFERENCES event_rule (arn),
    id TEXT NOT NULL,
    arn TEXT NOT NULL,
    document TEXT NOT NULL,
    delivery TEXT NOT NULL UNIQUE,
    PRIMARY KEY (rule, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX event_target_arn ON event_target (arn, rule);

-- Targets that were removed, until what waited for them is removed too.
CREATE TABLE removed_event_target (
    delivery TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;
