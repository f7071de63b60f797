-- Jobs that workers claim: lease, fence and retries; what was sent; the limits of each engine.
-- Times are seconds since 1970 by the database's clock.
ALTER TABLE job ADD COLUMN saga TEXT NOT NULL DEFAULT 'picture';
-- Whether its state is one that a worker carries on.
ALTER TABLE job ADD COLUMN runnable INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN not_before REAL NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN moved_at REAL NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN owner TEXT;
ALTER TABLE job ADD COLUMN fence INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN lease_until REAL;
ALTER TABLE job ADD COLUMN beat_at REAL;
-- Tries that failed, and leases that ran out, since it entered its state.
ALTER TABLE job ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN reclaims INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN failed_in TEXT;
ALTER TABLE job ADD COLUMN error_class TEXT;
-- Who asked that it stop.
ALTER TABLE job ADD COLUMN stop TEXT;
ALTER TABLE job ADD COLUMN progress TEXT;
-- What its steps leave for each other.
ALTER TABLE job ADD COLUMN data TEXT NOT NULL DEFAULT '{}';
UPDATE job SET runnable=1 WHERE state IN ('pending', 'generating');
CREATE INDEX job_to_claim ON job (priority DESC, id) WHERE runnable=1;
CREATE INDEX job_by_lease ON job (lease_until) WHERE owner IS NOT NULL;
CREATE INDEX job_by_kind ON job (kind, state);
CREATE INDEX job_by_creation ON job (created_at);
CREATE TABLE job_event (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    job        INTEGER NOT NULL REFERENCES job (id),
    at         REAL NOT NULL,
    from_state TEXT,
    to_state   TEXT NOT NULL,
    fence      INTEGER NOT NULL,
    who        TEXT NOT NULL,
    why        TEXT
);
CREATE INDEX job_event_by_job ON job_event (job, id);
CREATE TABLE effect (
    key           TEXT PRIMARY KEY,
    job           INTEGER NOT NULL REFERENCES job (id),
    name          TEXT NOT NULL,
    attempt       INTEGER NOT NULL,
    engine        TEXT NOT NULL,
    fence         INTEGER NOT NULL,
    status        TEXT NOT NULL,
    provider_ref  TEXT,
    cost_reserved TEXT,
    cost_actual   TEXT,
    result        TEXT,
    intent_at     REAL NOT NULL,
    sent_at       REAL,
    settled_at    REAL,
    UNIQUE (job, name, attempt)
);
CREATE INDEX effect_by_status ON effect (status);
CREATE TABLE engine (
    name        TEXT PRIMARY KEY,
    paused_by   TEXT,
    paused_why  TEXT,
    concurrency INTEGER,
    rate_count  INTEGER,
    rate_seconds REAL,
    tokens      REAL,
    tokens_at   REAL,
    breaker     TEXT NOT NULL DEFAULT 'closed',
    fails       INTEGER NOT NULL DEFAULT 0,
    opened_at   REAL,
    open_until  REAL,
    probe       INTEGER
);
