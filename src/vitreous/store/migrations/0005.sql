-- The newest result of a job on a set, and which items are in it: what stands behind such a job reads it.
ALTER TABLE set_run ADD COLUMN identity TEXT;
ALTER TABLE set_run ADD COLUMN job_identity TEXT;   -- of the job as it was then: type, version and parameters
ALTER TABLE member ADD COLUMN used TEXT;            -- identity of the newest result that the item is in
CREATE TRIGGER graph_set_insert AFTER INSERT ON set_run WHEN new.identity IS NOT NULL
BEGIN UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE name = 'graph'; END;
CREATE TRIGGER graph_set_update AFTER UPDATE ON set_run WHEN new.identity IS NOT old.identity
BEGIN UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE name = 'graph'; END;
