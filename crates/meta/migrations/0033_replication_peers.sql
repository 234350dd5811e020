-- When a peer sent the last request about a repository that was carried out. What it sent before comes too late: a network
-- can hold a request back, and somebody can send it again.
CREATE TABLE replication_peer (
    registry INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    source TEXT NOT NULL,
    sent_at INTEGER NOT NULL,
    PRIMARY KEY (registry, repository, source)
) STRICT, WITHOUT ROWID;
