-- The sums that a reservation is held against, kept by the database itself: whatever touches a
-- row of spend moves them in the same transaction. Kinds: total, day, job, engine.
CREATE TABLE spend_total (
    unit TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    held INTEGER NOT NULL,
    PRIMARY KEY (unit, kind, name)
);
INSERT INTO spend_total (unit, kind, name, held) SELECT unit, 'total', '', SUM(counts) FROM spend GROUP BY unit;
INSERT INTO spend_total (unit, kind, name, held) SELECT unit, 'day', day, SUM(counts) FROM spend GROUP BY unit, day;
INSERT INTO spend_total (unit, kind, name, held) SELECT unit, 'job', COALESCE(job, ''), SUM(counts) FROM spend GROUP BY unit, COALESCE(job, '');
INSERT INTO spend_total (unit, kind, name, held) SELECT unit, 'engine', COALESCE(engine, ''), SUM(counts) FROM spend GROUP BY unit, COALESCE(engine, '');
CREATE TRIGGER spend_inserted AFTER INSERT ON spend BEGIN INSERT INTO spend_total (unit, kind, name, held) VALUES (NEW.unit, 'total', '', NEW.counts), (NEW.unit, 'day', NEW.day, NEW.counts), (NEW.unit, 'job', COALESCE(NEW.job, ''), NEW.counts), (NEW.unit, 'engine', COALESCE(NEW.engine, ''), NEW.counts) ON CONFLICT (unit, kind, name) DO UPDATE SET held = spend_total.held + excluded.held; END;
CREATE TRIGGER spend_deleted AFTER DELETE ON spend BEGIN INSERT INTO spend_total (unit, kind, name, held) VALUES (OLD.unit, 'total', '', -OLD.counts), (OLD.unit, 'day', OLD.day, -OLD.counts), (OLD.unit, 'job', COALESCE(OLD.job, ''), -OLD.counts), (OLD.unit, 'engine', COALESCE(OLD.engine, ''), -OLD.counts) ON CONFLICT (unit, kind, name) DO UPDATE SET held = spend_total.held + excluded.held; END;
CREATE TRIGGER spend_changed AFTER UPDATE OF counts, unit, day, job, engine ON spend BEGIN INSERT INTO spend_total (unit, kind, name, held) VALUES (OLD.unit, 'total', '', -OLD.counts), (OLD.unit, 'day', OLD.day, -OLD.counts), (OLD.unit, 'job', COALESCE(OLD.job, ''), -OLD.counts), (OLD.unit, 'engine', COALESCE(OLD.engine, ''), -OLD.counts) ON CONFLICT (unit, kind, name) DO UPDATE SET held = spend_total.held + excluded.held; INSERT INTO spend_total (unit, kind, name, held) VALUES (NEW.unit, 'total', '', NEW.counts), (NEW.unit, 'day', NEW.day, NEW.counts), (NEW.unit, 'job', COALESCE(NEW.job, ''), NEW.counts), (NEW.unit, 'engine', COALESCE(NEW.engine, ''), NEW.counts) ON CONFLICT (unit, kind, name) DO UPDATE SET held = spend_total.held + excluded.held; END;
DROP INDEX spend_by_day;
DROP INDEX spend_by_engine;
DROP INDEX spend_by_job;
CREATE INDEX spend_by_job ON spend (job);
