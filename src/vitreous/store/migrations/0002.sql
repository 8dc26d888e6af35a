-- What was wrong in the session, and who knows of it.
CREATE TABLE alarm (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL,                                  -- what it is about; one open alarm of each
    kind TEXT NOT NULL,                                 -- limits, trend, silence, disk, workers, quarantine, condition
    column_name TEXT,                                   -- of exposures, where it is about one
    severity TEXT NOT NULL CHECK (severity IN ('mild', 'severe')),
    sentence TEXT NOT NULL,                             -- what was found when it was raised or got worse
    cause TEXT,                                         -- the likely one
    advice TEXT NOT NULL DEFAULT '[]',                  -- JSON list: what to do
    data TEXT NOT NULL DEFAULT '{}',                    -- JSON: figures
    raised REAL NOT NULL,                               -- s since 1970, as all times here
    changed REAL NOT NULL,                              -- when its severity changed last
    cleared REAL,
    acknowledged REAL,
    acknowledged_by TEXT,
    note TEXT,
    snoozed_until REAL,
    snoozed_by TEXT
);
CREATE UNIQUE INDEX alarm_open ON alarm (key) WHERE cleared IS NULL;

-- Which state of an alarm each receiver was told last.
CREATE TABLE alarm_told (
    alarm INTEGER NOT NULL REFERENCES alarm (id) ON DELETE CASCADE,
    receiver TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('mild', 'severe', 'cleared')),
    time REAL NOT NULL,
    PRIMARY KEY (alarm, receiver)
) WITHOUT ROWID;

-- What the search for trends has learned of each series, and up to which exposure.
CREATE TABLE alarm_series (
    column_name TEXT PRIMARY KEY,
    last_item INTEGER NOT NULL,
    state TEXT NOT NULL                                 -- JSON
) WITHOUT ROWID;
