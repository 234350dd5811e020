-- One row for each transaction that can run at a time: it tells whether a COMMIT whose answer was lost took effect.

--@ postgres
CREATE TABLE commit_marker (
    slot TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL
) WITH (fillfactor = 50);
--@ both
