"""The steps of a recipe with a concept gate: concept, a person's word, then what is paid for.

What the paid step believes is the journal, not the row that mirrors it: an approval that nobody
gave frees nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from ategnatos.art.recipes import origin
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.jobs import store
from ategnatos.grimoire.jobs.records import STAGE_FROM
from ategnatos.grimoire.jobs.run import Done, Run

if TYPE_CHECKING:
    from ategnatos.art.recipes.origin import Origin
    from ategnatos.art.steps import Stage
    from ategnatos.engines import Engine, Request
    from ategnatos.grimoire.jobs.worker import Step
    from ategnatos.grimoire.project import Project

CONCEPT_GATE = ErrorCode("concept_gate", "The step behind a concept has no approval to rely on.")

# Under which key a job's data hold the canonical request of its concept.
CONCEPT_REQUEST = "concept_request"

Carry = Callable[[Run, "Stage"], Done]


def table(project: Project, carry: Carry) -> dict[str, Step]:
    """The step functions by the names that the saga ``art`` uses."""
    return {
        "concept": lambda run: _concept(project, carry, run),
        "rotation": lambda run: _final(project, carry, run),
        "persist": lambda run: _persist(project, run),
    }


def _concept(project: Project, carry: Carry, run: Run) -> Done:
    from ategnatos.art.steps import Stage
    from ategnatos.art.vary import request_from

    job = run.job
    request = request_from(project, job.data[CONCEPT_REQUEST], job.name)
    marks = {origin.STAGE: origin.CONCEPT}
    engine = _origin(job).concept_engine
    return carry(run, Stage("concept", engine, lambda engine: request, marks=marks))


def _final(project: Project, carry: Carry, run: Run) -> Done:
    """What is made from the approved concept: it is the picture to start from."""
    from ategnatos.art.steps import Stage
    from ategnatos.art.vary import request_of

    job = run.job
    concept = store.get_candidate(run.db, job.id, 1)
    _check_approval(project, concept)
    picture = (project.root / concept.path).read_bytes()

    def request(engine: Engine) -> Request:
        asked = replace(request_of(project, job), init_image=picture)
        return engine.plan(asked)[0]

    marks = {"concept_sha256": concept.sha256}
    later = {STAGE_FROM: 2}
    return carry(run, Stage("rotation", job.engine, request, first=2, marks=marks, data=later))


def _persist(project: Project, run: Run) -> Done:
    """Every picture of the job lies where the record says, with the bytes that it says."""
    from ategnatos.art.verdicts import verify_bytes

    for one in store.candidates(run.db, run.job.id):
        verify_bytes(project, one)
    return Done()


def _check_approval(project: Project, concept: store.Candidate) -> None:
    """Raise StudioError (``concept_gate``, ``bytes_changed``, ``file_gone``) unless a person
    approved these bytes.
    """
    from ategnatos.art.verdicts import verify_bytes
    from ategnatos.guard.gate import book
    from ategnatos.guard.gate.record import Standing

    given = book.read(project)
    standing, problem = given.on_record(concept.reference, concept.sha256, store.APPROVED)
    if standing is Standing.BROKEN or (given.signing and standing is not Standing.SIGNED):
        raise StudioError(
            CONCEPT_GATE,
            f"The approval of the concept {concept.reference} does not count:"
            f" {problem or 'it has no signature, and this studio takes only signed ones'}."
            " Nothing was sent.",
            hint="A person approves it in a terminal:"
            f" ategnatos art approve '{concept.reference}', then: ategnatos jobs retry"
            f" j{concept.job}",
            candidate=concept.reference,
            problem=problem,
        )
    verify_bytes(project, concept)


def _origin(job: store.Job) -> Origin:
    found = origin.of(job)
    assert found is not None, "only a recipe's job has a concept"
    return found
