-- Machines that were ordered from a provider: from the intent, which is here before anything is
-- sent, to where they are known to be gone or known never to have been.
CREATE TABLE machine (
    -- The name that the machine bears at its provider; no other order ever bears it.
    label     TEXT PRIMARY KEY,
    provider  TEXT NOT NULL,
    run       TEXT NOT NULL,
    attempt   INTEGER NOT NULL,
    state     TEXT NOT NULL,
    resource  TEXT,
    -- Millionths of a dollar an hour, and the most minutes it may run.
    rate      INTEGER NOT NULL,
    minutes   INTEGER NOT NULL,
    spend_key TEXT NOT NULL,
    -- What was asked for, as JSON.
    asked     TEXT NOT NULL,
    intent_at TEXT NOT NULL,
    sent_at   TEXT,
    closed_at TEXT,
    said      TEXT NOT NULL DEFAULT ''
);
CREATE INDEX machine_by_state ON machine (state, intent_at);
CREATE INDEX machine_by_resource ON machine (provider, resource);
