"""The LoRAs of an order: named, held to the model's family, and their triggers put into prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ategnatos.art.loras import Found
    from ategnatos.commands.contract import Call
    from ategnatos.engines import Request
    from ategnatos.grimoire.project import Project


def named_loras(project: Project, given: list[str] | None) -> list[Found]:
    """The LoRAs that were named. Raises StudioError as :func:`ategnatos.art.loras.find`."""
    if not given:
        return []
    from ategnatos.art import loras

    return [loras.find(project, text) for text in given]


def check_loras(
    call: Call, project: Project, engine: str, request: Request, found: list[Found]
) -> None:
    """Say or refuse what does not fit. Raises StudioError (``lora_family``)."""
    if not found:
        return
    from ategnatos.art import loras

    notes = loras.check_family(project, found, engine, request)
    for text in (*(note for one in found for note in one.notes), *notes):
        call.warn(text)


def with_triggers(call: Call, request: Request, found: list[Found]) -> Request:
    """The words that call registered LoRAs, where the prompt does not say them."""
    if not found:
        return request
    from ategnatos.art import loras

    called, notes = loras.called(request, found)
    for text in notes:
        call.warn(text)
    return called
