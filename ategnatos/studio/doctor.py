"""Look at everything, and remember what the machine is: status shows it without asking again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.studio import checks, gpu, machine_facts
from ategnatos.studio.checks.finding import Finding, Outcome, note, well

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project

CHECKS_FAILED = ErrorCode("checks_failed", "At least one check of the doctor failed.")


@dataclass(frozen=True, slots=True)
class Report:
    """Every finding, in the order of the page, and the GPUs."""

    findings: tuple[Finding, ...]
    gpus: tuple[gpu.Gpu, ...]

    def of(self, outcome: Outcome) -> tuple[Finding, ...]:
        """The findings with that outcome."""
        return tuple(one for one in self.findings if one.outcome is outcome)

    def verdict(self) -> StudioError | None:
        """The refusal to report where a check failed, else None."""
        failures = self.of(Outcome.FAILED)
        if not failures:
            return None
        many = len(failures) > 1
        return StudioError(
            CHECKS_FAILED,
            f"{len(failures)} check{'s' if many else ''} failed; nothing was changed.",
            hint=f"Begin with: {failures[0].mend}",
            checks=[one.check for one in failures],
        )


def examine(project: Project | None, *, remember: bool) -> Report:
    """Carry out every check; those of a studio only where there is one.

    ``remember`` writes the machine's facts into the studio document where they are new.
    """
    found = gpu.detect()
    findings = [*checks.of_the_machine(), _gpu(found)]
    if project is not None:
        if remember and not found.problem:
            findings += _remembered(project, found)
        findings += checks.of_a_studio(project)
    return Report(tuple(findings), found.gpus)


def _gpu(found: gpu.Found) -> Finding:
    if found.problem:
        return note(
            "GPU",
            found.problem,
            "The GPU cannot be used until its driver answers. The starter engine needs none.",
            "nvidia-smi",
        )
    first = found.gpus[0] if found.gpus else None
    driver = f", driver {first.driver}" if first and first.driver else ""
    cuda = f", CUDA up to {first.cuda}" if first and first.cuda else ""
    return well("GPU", f"{found.title()}{driver}{cuda}")


def _remembered(project: Project, found: gpu.Found) -> list[Finding]:
    try:
        written = machine_facts.remember(project, found)
    except StudioError as error:
        return [
            note(
                "machine facts",
                error.message,
                "What was found about the GPU was not written down; status cannot show it.",
                error.hint,
            )
        ]
    return [well("machine facts", f"written down: {found.title()}")] if written else []
