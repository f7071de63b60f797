"""The storm in its short form; ``benchmarks/torture.py --kills 500`` is the long one."""

from __future__ import annotations

import secrets

import pytest

from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.project import Project
from tests import postgres
from tests.torture.storm import Report, Storm


def _judge(report: Report) -> None:
    print("\n".join(report.lines()))  # with the seed, so that it can be run again
    assert report.clean, "\n".join(
        [*report.lines(), *report.lost, *report.duplicated, *report.billed_twice, *report.unpaid]
    )
    assert sum(report.faults.values()) > 0


def test_on_sqlite_nothing_is_lost_repeated_or_billed_twice(project: Project) -> None:
    _judge(Storm(project, secrets.randbelow(10_000), kills=12, at_once=6).run())


@pytest.mark.postgres
def test_on_postgres_the_same_with_a_server_that_crashes(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    why = postgres.why_not()
    if why:
        pytest.skip(why)
    server = postgres.Server(skewable=True)
    try:
        monkeypatch.setenv(database.URL_VARIABLE, server.fresh("torture"))

        def crash() -> None:
            server.crash()
            server.start()

        storm = Storm(
            project,
            secrets.randbelow(10_000),
            kills=4,
            workers=3,
            at_once=4,
            crash=crash,
            crashes=1,
            set_server_clock=server.set_clock if server.skewable else None,
        )
        _judge(storm.run())
    finally:
        server.remove()
