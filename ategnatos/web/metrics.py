"""Numbers for a monitor, in the text format of Prometheus; no name, prompt or path in them.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from starlette.responses import Response

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database, overviews
from ategnatos.grimoire.spend.amounts import plain
from ategnatos.studio import spending
from ategnatos.train.run import record
from ategnatos.web.answers import project_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from ategnatos.grimoire.project import Project
    from ategnatos.web.changes import Changes

Sample = tuple[dict[str, str], str]


def metrics(request: Request) -> Response:
    """All of them."""
    changes: Changes = request.app.state.changes
    lines = [*_of_sources(changes), *_of_studio(project_of(request))]
    return Response("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4; charset=utf-8")


def _of_studio(project: Project) -> list[str]:
    lines: list[str] = []
    try:
        if database.exists(project):
            with database.connect(project) as db:
                counted = overviews.counts(db)
                approved = len(overviews.approved(db))
            lines += _family(
                "ategnatos_jobs",
                "Jobs by saga and state.",
                [({"saga": s, "state": t}, str(n)) for (s, t), n in counted.states.items()],
            )
            lines += _family(
                "ategnatos_jobs_in_line", "Jobs that wait or run.", _one(counted.runnable)
            )
            lines += _family("ategnatos_pictures_approved", "Approved pictures.", _one(approved))
        lines += _of_trainings(project)
        money = spending.look(project, datetime.now(UTC))
    except StudioError:
        # Said by ategnatos_source_stale; a monitor must get the rest.
        return lines
    for name, said, groups in (
        ("today", "Spent, reserved or unknown today (UTC), by ledger.", money.today),
        ("total", "Spent, reserved or unknown in all, by ledger.", money.total),
    ):
        samples = [({"unit": unit}, plain(one.counts)) for unit, one in groups.items()]
        lines += _family(f"ategnatos_spend_{name}", said, samples)
    lines += _family("ategnatos_machines_billing", "Rented machines.", _one(len(money.rentals)))
    hourly = [({"unit": "usd"}, plain(money.hourly))]
    return lines + _family("ategnatos_spend_hourly", "What they cost an hour.", hourly)


def _of_trainings(project: Project) -> list[str]:
    if not (project.state / "runs.json").exists():
        return []
    every = record.every(project)
    states = Counter(one.state for one in every)
    return [
        *_family(
            "ategnatos_training_runs",
            "Trainings by state.",
            [({"state": state}, str(count)) for state, count in states.items()],
        ),
        *_family(
            "ategnatos_training_steps", "Steps trained in all.", _one(sum(r.step for r in every))
        ),
    ]


def _of_sources(changes: Changes) -> list[str]:
    samples = [({"source": one["name"]}, str(int(one["stale"]))) for one in changes.facts()]
    return _family(
        "ategnatos_source_stale", "1 where a source cannot be read just now.", samples
    ) + _family("ategnatos_journal_events", "Events in the journal.", _one(changes.head))


def _one(value: int) -> list[Sample]:
    return [({}, str(value))]


def _family(name: str, said: str, samples: Iterable[Sample]) -> list[str]:
    lines = [f"# HELP {name} {said}", f"# TYPE {name} gauge"]
    for labels, value in samples:
        told = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        lines.append(f"{name}{{{told}}} {value}" if told else f"{name} {value}")
    return lines


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
