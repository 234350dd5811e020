-- How people sign in to an account: its alias, and the rules for its passwords.

CREATE TABLE account_alias (
    alias TEXT NOT NULL PRIMARY KEY,
    account INTEGER NOT NULL UNIQUE REFERENCES account (key)
) STRICT, WITHOUT ROWID;

CREATE TABLE password_policy (
    account INTEGER NOT NULL PRIMARY KEY REFERENCES account (key),
    minimum_length INTEGER NOT NULL,
    require_symbols INTEGER NOT NULL,
    require_numbers INTEGER NOT NULL,
    require_uppercase INTEGER NOT NULL,
    require_lowercase INTEGER NOT NULL,
    allow_users_to_change INTEGER NOT NULL,
    max_age_days INTEGER,
    reuse_prevention INTEGER,
    hard_expiry INTEGER NOT NULL
) STRICT;
