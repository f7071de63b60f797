-- What is wanted, which orders were made for it in which order, and the prompts that worked.
CREATE TABLE asset (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    project    TEXT NOT NULL,
    name       TEXT NOT NULL,
    -- The brief as JSON, and how often it was changed.
    brief      TEXT NOT NULL,
    revision   INTEGER NOT NULL,
    -- Its words, folded for the search.
    words      TEXT NOT NULL,
    event      TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (project, name)
);
CREATE INDEX asset_by_name ON asset (name);
CREATE TABLE iteration (
    asset   INTEGER NOT NULL REFERENCES asset (id),
    version INTEGER NOT NULL,
    job     INTEGER NOT NULL REFERENCES job (id),
    at      TEXT NOT NULL,
    PRIMARY KEY (asset, version),
    UNIQUE (asset, job)
);
CREATE INDEX iteration_by_job ON iteration (job, asset);
-- Why an order was made, in a person's words.
ALTER TABLE job ADD COLUMN reason TEXT;
CREATE INDEX job_by_parent ON job (parent, id);
CREATE INDEX job_by_saga ON job (saga, state, id);
CREATE INDEX candidate_by_verdict ON candidate (verdict, job, number, cleaned_at);
-- Derived from job and candidate, and made anew from them whenever it is empty.
CREATE TABLE job_words (
    job    INTEGER PRIMARY KEY REFERENCES job (id),
    words  TEXT NOT NULL,
    family TEXT NOT NULL,
    loras  TEXT NOT NULL,
    models TEXT NOT NULL,
    seed   INTEGER NOT NULL,
    count  INTEGER NOT NULL
);
CREATE TABLE library (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    family     TEXT NOT NULL,
    name       TEXT NOT NULL,
    -- What makes two prompts the same one: the hash of family, model, words and LoRAs.
    identity   TEXT NOT NULL,
    job        INTEGER NOT NULL REFERENCES job (id),
    words      TEXT NOT NULL,
    notes      TEXT NOT NULL DEFAULT '[]',
    event      TEXT NOT NULL,
    created_at TEXT NOT NULL,
    removed_at TEXT,
    UNIQUE (family, name),
    UNIQUE (identity)
);
CREATE TABLE library_picture (
    entry  INTEGER NOT NULL REFERENCES library (id),
    job    INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (job, number)
);
CREATE INDEX library_picture_by_entry ON library_picture (entry, job, number);
