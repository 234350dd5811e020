-- Virtual MFA devices. A device belongs to its account, and to a user or the root once it is enabled.

CREATE TABLE mfa_device (
    serial_number TEXT NOT NULL PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES account (key),
    sealed_seed BLOB NOT NULL,
    owner TEXT,
    enabled_at INTEGER,
    last_step INTEGER NOT NULL,
    drift INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    failed_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX mfa_device_account ON mfa_device (account, serial_number);
CREATE INDEX mfa_device_owner ON mfa_device (owner) WHERE owner IS NOT NULL;
