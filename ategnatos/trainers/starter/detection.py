"""Whether the starter trainer can be run on a machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ategnatos.trainers import Installed

_QUESTION = (
    "import sys, ategnatos._version as v, numpy, PIL, safetensors;"
    "print(v.__version__, sys.executable)"
)
_HINT = "pip install ategnatos"


def detect(ask: Callable[[Sequence[str]], tuple[int, str]], given: str = "") -> Installed:
    """Ask the machine's Python, or the ``given`` one, for the package. Never raises."""
    import sys

    for python in dict.fromkeys((given,) if given else (sys.executable, "python3", "python")):
        try:
            status, said = ask((python, "-c", _QUESTION))
        except Exception as error:  # noqa: BLE001 - a machine that cannot be asked has no trainer
            return Installed(False, f"The machine could not be asked: {error}", hint=_HINT)
        words = said.split()
        if status == 0 and len(words) == 2:
            version, where = words
            return Installed(
                True, f"ategnatos {version} is installed.", python=where, version=version
            )
    return Installed(False, "No Python there has this package.", hint=_HINT, missing=("ategnatos",))
