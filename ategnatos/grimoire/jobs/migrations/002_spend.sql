CREATE TABLE spend (
    key            TEXT NOT NULL,
    unit           TEXT NOT NULL,
    status         TEXT NOT NULL,
    reserved       INTEGER NOT NULL CHECK (reserved >= 0),
    settled        INTEGER CHECK (settled >= 0),
    counts         INTEGER NOT NULL CHECK (counts >= 0),
    day            TEXT NOT NULL,
    job            TEXT,
    engine         TEXT,
    operation      TEXT NOT NULL,
    basis          TEXT NOT NULL,
    override_event TEXT,
    reserved_at    TEXT NOT NULL,
    closed_at      TEXT,
    PRIMARY KEY (key, unit)
);
CREATE INDEX spend_by_day ON spend (unit, day, counts);
CREATE INDEX spend_by_engine ON spend (unit, engine, counts);
CREATE INDEX spend_by_job ON spend (job, unit, counts);
CREATE TABLE spend_tag (
    key  TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (key, kind, name)
);
CREATE TABLE watchdog (
    id       INTEGER PRIMARY KEY,
    swept_at TEXT
);
INSERT INTO watchdog (id, swept_at) VALUES (1, NULL);
CREATE TABLE rental (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    provider      TEXT NOT NULL,
    resource      TEXT NOT NULL,
    rate          INTEGER NOT NULL CHECK (rate >= 0),
    max_minutes   INTEGER NOT NULL,
    state         TEXT NOT NULL,
    started_at    TEXT NOT NULL,
    due_at        TEXT NOT NULL,
    spend_key     TEXT NOT NULL,
    attempts      INTEGER NOT NULL,
    last_outcome  TEXT,
    last_said     TEXT,
    absent_since  TEXT,
    claimed_until TEXT,
    ended_at      TEXT,
    ended_how     TEXT
);
CREATE UNIQUE INDEX rental_live ON rental (provider, resource) WHERE state <> 'ended';
