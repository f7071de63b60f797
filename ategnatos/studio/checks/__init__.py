"""What ``ategnatos doctor`` looks at: a check is one function and one line of this table.

A check takes the studio and returns its findings. It changes nothing, and says of everything
that is wrong what that means and what mends it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from ategnatos.studio.checks import claude, machine, providers, record, store
from ategnatos.studio.checks.finding import Finding, Outcome, failed

Check = Callable[[Project], Iterable[Finding]]

# What can be looked at anywhere, then what belongs to a studio; in the order of the page.
OF_THE_MACHINE: tuple[tuple[str, Callable[[], Iterable[Finding]]], ...] = (
    ("Python", machine.python),
    ("system", machine.system),
    ("command", machine.command),
    ("engines", machine.engines),
    ("terminal", machine.terminal),
)
OF_A_STUDIO: tuple[tuple[str, Check], ...] = (
    ("folders", store.folders),
    ("disk space", store.disk_space),
    ("file system", store.file_system),
    ("documents", record.documents),
    ("pages", record.pages),
    ("journal", record.journal),
    ("database", record.database),
    ("pictures", record.pictures),
    ("exports", record.exports),
    ("verdicts", record.verdicts),
    ("leftovers", store.leftovers),
    ("accounts", providers.accounts),
    ("skill pack", claude.skill_pack),
    ("skills and rules", claude.front_matter),
    ("settings", claude.settings),
)

__all__ = ["Finding", "Outcome", "of_a_studio", "of_the_machine"]


def of_the_machine() -> list[Finding]:
    """The findings that need no studio."""
    return [finding for name, check in OF_THE_MACHINE for finding in _carried_out(name, check)]


def of_a_studio(project: Project) -> list[Finding]:
    """The findings about one studio."""
    return [
        finding
        for name, check in OF_A_STUDIO
        for finding in _carried_out(name, partial(check, project))
    ]


def _carried_out(name: str, check: Callable[[], Iterable[Finding]]) -> Iterable[Finding]:
    """What the check found; one that cannot be carried out is itself a finding."""
    try:
        return list(check())
    except StudioError as error:
        return [failed(name, error.message, "This could not be looked at to its end.", error.hint)]
    except Exception as error:  # noqa: BLE001 - the other checks are needed all the more
        return [
            failed(
                name,
                f"This check stopped on {type(error).__name__}: {error}",
                "Nobody planned for that; what it looks at may be damaged.",
                "Report this line. ATEGNATOS_DEBUG=1 shows more for the command you ran before.",
            )
        ]
