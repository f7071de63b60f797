"""A studio to damage, and jobs in any state, made through the record and without an engine."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ategnatos.grimoire import content, journal
from ategnatos.grimoire.jobs import claims, database, leases, moves, saga, store
from ategnatos.grimoire.project import Project
from ategnatos.studio.init import init_studio

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ENGINE = "starter"

AddJob = Callable[..., store.Job]


@pytest.fixture(scope="session")
def _template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return init_studio(tmp_path_factory.mktemp("template") / "studio").root


@pytest.fixture
def studio(_template: Path, tmp_path: Path) -> Project:
    """A studio as ``init`` makes it; a copy, because making one waits for the disk."""
    return Project(shutil.copytree(_template, tmp_path / "studio").resolve())


@pytest.fixture
def project(studio: Project) -> Project:
    """The same: every command here must cope with a studio that has its pack."""
    return studio


@pytest.fixture
def add_job(project: Project) -> AddJob:
    """``add_job("rejected", None, "approved")``: a job whose candidates have these verdicts.

    ``state`` stops it earlier: ``pending``, ``generating`` or ``failed`` (then its pictures lie
    on disk, unrecorded).
    """
    count = 0

    def add(*verdicts: str | None, state: str = "", init: str | None = None) -> store.Job:
        nonlocal count
        count += 1
        binding = f"{count:016x}"
        when = store.iso(NOW)
        with database.connect(project) as db:
            job, _ = store.record(
                db,
                kind="image",
                engine=ENGINE,
                recipe_id="prompt",
                base=binding,
                take=0,
                binding=binding,
                asked=f"a potion {count}",
                request={"prompt": f"a potion {count}", "init": init, "mask": None},
                now=when,
            )
            if state == store.PENDING:
                return job
            rules, policy = saga.load("picture"), leases.Policy(retries=0)
            claim = claims.claim(db, {"picture": rules}, "test", policy, only=job.id)
            assert claim is not None
            made = _candidates(project, job, len(verdicts))
            if state == store.GENERATING:
                leases.release(db, [claim.hold])
            elif state == store.FAILED:
                why = {"code": "x", "message": "x"}
                moves.give_up(
                    db, claim.hold, rules, claim.job, why, policy, again=False, engine_fault=False
                )
            else:
                moves.finish(
                    db,
                    claim.hold,
                    rules,
                    claim.job,
                    store.AWAITING_REVIEW,
                    also=lambda tx: store.put_candidates(tx, job.id, made, warnings=()),
                )
                for one, verdict in zip(made, verdicts, strict=True):
                    if verdict:
                        _judge(project, db, one, verdict)
            return store.get(db, job.id)

    return add


def _candidates(project: Project, job: store.Job, count: int) -> Sequence[store.Candidate]:
    made = []
    for number in range(1, count + 1):
        png = f"picture {number} of {job.name}".encode()
        kept = content.put_candidate(project, "prompt", job.binding, ENGINE, number - 1, png)
        made.append(
            store.Candidate(
                job=job.id,
                number=number,
                path=kept.path.relative_to(project.root).as_posix(),
                sha256=kept.sha256,
                bytes=kept.size,
                width=1,
                height=1,
                seed=number,
                settings={},
            )
        )
    return made


def _judge(project: Project, db: object, one: store.Candidate, verdict: str) -> None:
    event = journal.append(
        project,
        "art.verdict",
        actor="person:test",
        references={"candidate": one.reference, "sha256": one.sha256},
        data={"verdict": verdict},
        now=NOW,
    )
    store.decide(
        db,  # type: ignore[arg-type]
        one.job,
        one.number,
        verdict,
        sha256=one.sha256,
        event=event.id,
        reason=None,
        now=store.iso(NOW),
    )
