"""Options that several commands from a plan to its run share: one meaning, one sentence."""

from __future__ import annotations

from typing import Annotated

import typer

PlanName = Annotated[str, typer.Argument(help="The plan.")]
TrainerOption = Annotated[
    str, typer.Option("--trainer", help="Default: the one of the plan's newest gate.")
]
MachineOption = Annotated[
    str, typer.Option("--machine", help="local, or a rented one as 'provider status' names it.")
]
GpuOption = Annotated[
    str, typer.Option("--gpu", metavar="N", help="Which GPU, or cpu; default: that of its gates.")
]
