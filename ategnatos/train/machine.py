"""The machine that a training is for: this computer, or a rented one by its name in the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ategnatos.grimoire.project import Project
    from ategnatos.machines import Machine

MACHINE_UNKNOWN = ErrorCode("train_machine_unknown", "No machine of that name can be trained on.")

LOCAL = "local"


def only_card(number: int | str) -> dict[str, str]:
    """The environment in which a program sees that GPU alone, by the number that nvidia-smi gives.

    CUDA by itself numbers the fastest card first, and nvidia-smi by the slot.
    """
    return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": str(number)}


def machine_of(
    project: Project, name: str, *, say: Callable[[str], None] = lambda text: None
) -> Machine:
    """The machine called ``name``: ``local``, or a rented one by its name, its id or its label.

    Nothing is sent to it yet. Raises StudioError: ``train_machine_unknown``, and ``no_way`` where
    this account holds no key for it.
    """
    if name == LOCAL:
        from ategnatos.machines.local import LocalMachine

        return LocalMachine()
    from ategnatos.machines import rented
    from ategnatos.machines.ssh.machine import SshMachine

    try:
        rental, order = rented.one(project, name)
    except StudioError as error:
        if error.code is not rented.WHICH_MACHINE:
            raise
        there = [LOCAL, *error.details["machines"]]
        raise StudioError(
            MACHINE_UNKNOWN,
            f"There is no machine called {name[:80]!r}; nothing was started.",
            hint=f"Take one of: {', '.join(there)}. Rent one with 'ategnatos studio provider up'.",
            machine=name[:80],
            machines=there,
        ) from error
    label = rented.label_of(rental, order)
    return SshMachine(rental.name, rented.link(label, rental.name, say=say))


def name_of(project: Project, name: str) -> str:
    """The one spelling of a machine's name, as the record has it; ``name`` where it has none."""
    if name == LOCAL:
        return name
    from ategnatos.machines import rented

    try:
        return rented.one(project, name)[0].name
    except StudioError:
        return name
