-- Why images of a backfill failed: each code is found without reading all that failed.
CREATE INDEX replication_backfill_item_failure ON replication_backfill_item (backfill, failure_code)
    WHERE failure_code IS NOT NULL;
