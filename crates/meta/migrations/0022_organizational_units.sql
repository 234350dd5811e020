-- Organizational units. A unit never moves. A path has the IDs of the units from the root on, each followed by a slash;
-- the path of the root is empty.

CREATE TABLE organizational_unit (
    id TEXT NOT NULL PRIMARY KEY,
    parent_path TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (parent_path, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX organizational_unit_parent ON organizational_unit (parent_path, id);

ALTER TABLE account ADD COLUMN unit_path TEXT NOT NULL DEFAULT '';
CREATE INDEX account_unit_path ON account (unit_path, account_id);
