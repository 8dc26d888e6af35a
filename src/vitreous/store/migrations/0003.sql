-- What the engine sees of the disk and of its queue, each minute; of what is older than a week, one in ten minutes.
CREATE TABLE gauge (
    time REAL PRIMARY KEY,                              -- s since 1970
    free INTEGER NOT NULL,                              -- bytes of the project's disk
    total INTEGER NOT NULL,
    waiting INTEGER NOT NULL,                           -- tasks that wait or are ready
    running INTEGER NOT NULL,                           -- tasks that are under way
    workers INTEGER NOT NULL
) WITHOUT ROWID;

-- The times of all images, which pages of a session read first, without the wide rows of their figures.
CREATE INDEX exposure_time ON exposure (group_id, recorded, imported);
