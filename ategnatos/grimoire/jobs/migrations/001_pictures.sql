CREATE TABLE job (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    kind        TEXT NOT NULL,
    state       TEXT NOT NULL,
    engine      TEXT NOT NULL,
    recipe_id   TEXT NOT NULL,
    base        TEXT NOT NULL,
    take        INTEGER NOT NULL,
    binding     TEXT NOT NULL,
    asked       TEXT NOT NULL,
    request     TEXT NOT NULL,
    parent      TEXT,
    change      TEXT,
    warnings    TEXT NOT NULL DEFAULT '[]',
    error       TEXT,
    attempts    INTEGER NOT NULL DEFAULT 0,
    created_at  TEXT NOT NULL,
    updated_at  TEXT NOT NULL,
    UNIQUE (recipe_id, binding, engine)
);
CREATE INDEX job_by_state ON job (state, id);
CREATE INDEX job_by_base ON job (base, engine, take);
CREATE TABLE candidate (
    job           INTEGER NOT NULL REFERENCES job (id),
    number        INTEGER NOT NULL,
    path          TEXT NOT NULL,
    sha256        TEXT NOT NULL,
    bytes         INTEGER NOT NULL,
    width         INTEGER NOT NULL,
    height        INTEGER NOT NULL,
    seed          INTEGER NOT NULL,
    settings      TEXT NOT NULL,
    verdict       TEXT,
    verdict_event TEXT,
    reason        TEXT,
    decided_at    TEXT,
    cleaned_at    TEXT,
    PRIMARY KEY (job, number)
);
CREATE INDEX candidate_by_hash ON candidate (sha256);
