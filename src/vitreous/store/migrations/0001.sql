-- The catalogue of a project: one row per fact, written by one process.
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE item_group (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created REAL NOT NULL
);
INSERT INTO item_group (id, name, created) VALUES (1, 'Imported', 0), (2, 'TRASH', 0);

-- One row per image of the session. The columns that jobs give are added to this table as they come.
CREATE TABLE exposure (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    group_id INTEGER NOT NULL DEFAULT 1 REFERENCES item_group (id),
    group_before INTEGER REFERENCES item_group (id),   -- where it was before TRASH
    flag TEXT CHECK (flag IN ('red', 'green', 'blue', 'gold')),
    comment TEXT,
    source_job INTEGER NOT NULL,                        -- the job that brought it into the project
    source_path TEXT NOT NULL,
    path TEXT NOT NULL,                                 -- relative to the project folder
    identity TEXT NOT NULL,                             -- hash of the file's content
    size INTEGER NOT NULL,
    imported REAL NOT NULL,                             -- s since 1970
    recorded REAL,                                      -- s since 1970
    parameters TEXT                                     -- JSON: parameters of jobs for this item alone
);
CREATE INDEX exposure_group ON exposure (group_id);
CREATE INDEX exposure_identity ON exposure (identity);

-- Which slot an added column belongs to; the column SLOT_job of the exposure says whose values it shows.
CREATE TABLE exposure_column (
    name TEXT PRIMARY KEY,
    slot TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE tag (
    item INTEGER NOT NULL REFERENCES exposure (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    PRIMARY KEY (item, name)
) WITHOUT ROWID;
CREATE INDEX tag_name ON tag (name);

CREATE TABLE job (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    type TEXT NOT NULL,
    title TEXT NOT NULL,
    note TEXT NOT NULL DEFAULT '',
    params TEXT NOT NULL,                               -- JSON: what was set; the rest comes from project and defaults
    revision INTEGER NOT NULL DEFAULT 1,
    state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused', 'cancelled')),
    priority INTEGER NOT NULL DEFAULT 0,
    serial INTEGER NOT NULL DEFAULT 0,                  -- one item after the other, in order of arrival
    batch INTEGER NOT NULL DEFAULT 1,                   -- items in a submission; 0: all that are ready
    closed INTEGER NOT NULL DEFAULT 0,                  -- a source that brings no more items
    continues INTEGER REFERENCES job (id),              -- the job whose result this one extends
    created REAL NOT NULL
);
CREATE TABLE job_input (
    job INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    source INTEGER NOT NULL REFERENCES job (id),
    output TEXT NOT NULL DEFAULT 'items',
    PRIMARY KEY (job, position)
) WITHOUT ROWID;
CREATE TABLE job_wait (                                 -- start only when these jobs are finished
    job INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    after INTEGER NOT NULL REFERENCES job (id),
    PRIMARY KEY (job, after)
) WITHOUT ROWID;
CREATE TABLE job_revision (
    job INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    revision INTEGER NOT NULL,
    params TEXT NOT NULL,
    author TEXT NOT NULL,
    time REAL NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (job, revision)
) WITHOUT ROWID;

-- Counts what changes the graph of jobs, so that those who keep a picture of it know when to look again.
INSERT INTO meta (name, value) VALUES ('graph', '0');
CREATE TRIGGER graph_job_insert AFTER INSERT ON job
BEGIN UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE name = 'graph'; END;
CREATE TRIGGER graph_job_update AFTER UPDATE ON job
BEGIN UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE name = 'graph'; END;
CREATE TRIGGER graph_job_delete AFTER DELETE ON job
BEGIN UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE name = 'graph'; END;
CREATE TRIGGER graph_job_input_insert AFTER INSERT ON job_input
BEGIN UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE name = 'graph'; END;
CREATE TRIGGER graph_job_input_update AFTER UPDATE ON job_input
BEGIN UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE name = 'graph'; END;
CREATE TRIGGER graph_job_input_delete AFTER DELETE ON job_input
BEGIN UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE name = 'graph'; END;
CREATE TRIGGER graph_job_wait_insert AFTER INSERT ON job_wait
BEGIN UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE name = 'graph'; END;
CREATE TRIGGER graph_job_wait_update AFTER UPDATE ON job_wait
BEGIN UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE name = 'graph'; END;
CREATE TRIGGER graph_job_wait_delete AFTER DELETE ON job_wait
BEGIN UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE name = 'graph'; END;
CREATE TRIGGER graph_settings_insert AFTER INSERT ON meta WHEN new.name = 'settings'
BEGIN UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE name = 'graph'; END;
CREATE TRIGGER graph_settings_update AFTER UPDATE ON meta WHEN new.name = 'settings'
BEGIN UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE name = 'graph'; END;

-- What was computed, by identity; a task points at it, and equal work finds it again.
CREATE TABLE result (
    identity TEXT PRIMARY KEY,
    job INTEGER NOT NULL,
    item INTEGER NOT NULL,                              -- 0: a set
    folder TEXT,                                        -- relative to the project folder; NULL where no files were written
    slots TEXT NOT NULL,                                -- JSON: slot -> {file, files, values}
    outputs TEXT NOT NULL,                              -- JSON: the outputs by which the item goes on
    warnings TEXT,                                      -- JSON list
    versions TEXT NOT NULL,                             -- JSON: program versions
    seconds REAL,
    worker TEXT,
    committed REAL NOT NULL
) WITHOUT ROWID;

CREATE TABLE task (
    job INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    item INTEGER NOT NULL,                              -- 0: a set
    state TEXT NOT NULL,
    identity TEXT,
    tries INTEGER NOT NULL DEFAULT 0,
    error TEXT,                                         -- JSON {code, message, hint, context, log}
    retry_at REAL,
    started REAL,
    finished REAL,
    rank REAL NOT NULL DEFAULT 0,                       -- lower comes first; set by hand
    PRIMARY KEY (job, item)
) WITHOUT ROWID;
CREATE INDEX task_item ON task (item);
CREATE INDEX task_state ON task (job, state, item);
CREATE INDEX task_ready ON task (job, rank, item) WHERE state = 'ready';
CREATE INDEX task_running ON task (item, job) WHERE state = 'running';
CREATE INDEX task_failed ON task (retry_at) WHERE state = 'failed';

-- Items whose tasks must be planned anew: written with whatever makes it so, emptied by the engine.
CREATE TABLE unsettled (item INTEGER PRIMARY KEY);

-- The sets that jobs of scope "set" work on; identity is NULL while it is not known whether the item comes.
CREATE TABLE member (
    job INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    item INTEGER NOT NULL,
    identity TEXT,
    PRIMARY KEY (job, item)
) WITHOUT ROWID;
CREATE TABLE set_run (job INTEGER PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE, members INTEGER NOT NULL);

-- What the import has seen of the camera's folders.
CREATE TABLE source_file (
    job INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime REAL NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('settling', 'imported', 'duplicate', 'quarantined', 'skipped')),
    item INTEGER,
    identity TEXT,
    error TEXT,                                         -- JSON
    tries INTEGER NOT NULL DEFAULT 0,
    seen REAL NOT NULL,
    PRIMARY KEY (job, path)
) WITHOUT ROWID;

-- What happened: the log of the project, of jobs and of items.
CREATE TABLE event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    time REAL NOT NULL,
    kind TEXT NOT NULL,
    job INTEGER,
    item INTEGER,
    message TEXT NOT NULL,
    data TEXT                                           -- JSON
);
CREATE INDEX event_item ON event (item) WHERE item IS NOT NULL;
CREATE INDEX event_job ON event (job) WHERE job IS NOT NULL;

-- What people decided: replayed where the template goes.
CREATE TABLE decision (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time REAL NOT NULL,
    author TEXT NOT NULL,
    kind TEXT NOT NULL,                                 -- flag, trash, restore, group, tag, untag, comment, parameters, keep, reject,
                                                        -- new group, rename group, remove group
    job INTEGER,
    items TEXT NOT NULL,                                -- JSON: names
    value TEXT
);

-- Decisions that came with a template, for items that are not here yet; each is taken away when its item arrives.
CREATE TABLE pending_decision (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,                                 -- of the item where it was decided
    identity TEXT,                                      -- hash of its file's content
    kind TEXT NOT NULL,                                 -- flag, trash, group, tag, comment, parameters, keep, reject
    value TEXT,
    job INTEGER REFERENCES job (id) ON DELETE CASCADE,  -- the filter of keep and reject
    author TEXT NOT NULL,
    time REAL NOT NULL,
    template TEXT NOT NULL
);
CREATE INDEX pending_name ON pending_decision (name);
CREATE INDEX pending_identity ON pending_decision (identity);

-- Immutable Parquet files of big tables (particles); a file that is not listed here does not exist.
CREATE TABLE fragment (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    table_name TEXT NOT NULL,
    path TEXT NOT NULL UNIQUE,                          -- relative to the project folder
    rows INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    job INTEGER,
    item INTEGER,
    identity TEXT,
    created REAL NOT NULL
);
CREATE INDEX fragment_table ON fragment (table_name, job);

-- For people's queries: one row per exposure, job, task, event. The first is made anew when columns are added.
CREATE VIEW exposures AS SELECT
    id, name, (SELECT name FROM item_group WHERE id = group_id) AS group_name, flag,
    (SELECT group_concat(name, ', ') FROM tag WHERE item = exposure.id) AS tags,
    comment, source_job, source_path, path, identity, size, imported, recorded, parameters, group_id, group_before
FROM exposure;
CREATE VIEW jobs AS SELECT
    job.id, type, title, note, job.state, priority, revision, params, created,
    count(task.item) AS tasks,
    coalesce(sum(task.state = 'waiting'), 0) AS waiting,
    coalesce(sum(task.state = 'ready'), 0) AS ready,
    coalesce(sum(task.state = 'running'), 0) AS running,
    coalesce(sum(task.state = 'done'), 0) AS done,
    coalesce(sum(task.state = 'failed'), 0) AS failed,
    coalesce(sum(task.state = 'quarantined'), 0) AS quarantined
FROM job LEFT JOIN task ON task.job = job.id GROUP BY job.id;
CREATE VIEW tasks AS SELECT
    task.job, job.type, job.title, task.item, exposure.name, task.state, task.tries,
    json_extract(task.error, '$.message') AS error, json_extract(task.error, '$.hint') AS hint,
    task.started, task.finished, result.seconds, result.worker, result.folder, task.identity
FROM task JOIN job ON job.id = task.job
LEFT JOIN exposure ON exposure.id = task.item
LEFT JOIN result ON result.identity = task.identity;
CREATE VIEW events AS SELECT
    event.seq, event.time, event.kind, event.job, event.item, exposure.name, event.message, event.data
FROM event LEFT JOIN exposure ON exposure.id = event.item;
