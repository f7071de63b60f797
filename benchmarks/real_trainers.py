"""A real trainer, driven through the whole path on the processor: gates, run, kill, resume, end.

    python benchmarks/real_trainers.py --trainer kohya --home DIR [--python PYTHON] [--folder DIR]

``--home`` is the trainer's checkout and ``--python`` the Python that it is installed in (default:
its own ``venv/bin/python``). Everything else is made here: a model of random weights, a tokenizer,
a few pictures. Nothing is fetched and no GPU is used. It takes minutes, and for kohya 8 GiB of
memory. ``--folder`` keeps what was made, and the studio with its logs. Ends with 1 where something
does not hold.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.real import faults, walk
from benchmarks.real.held import Held, NotHeldError
from benchmarks.real.studio import Studio
from benchmarks.real.trainer import Real

# The module of each, and its class there.
TRAINERS = {
    "kohya": ("kohya", "Kohya"),
    "ai-toolkit": ("ai_toolkit", "AiToolkit"),
    "simpletuner": ("simpletuner", "SimpleTuner"),
    "musubi": ("musubi", "Musubi"),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trainer", choices=sorted(TRAINERS), required=True)
    parser.add_argument("--home", default="", help="its checkout")
    parser.add_argument("--python", default="", help="default: HOME/venv/bin/python")
    parser.add_argument("--folder", default="", help="where it is done; kept")
    parser.add_argument("--skip-faults", action="store_true", help="only the path, not the traps")
    asked = parser.parse_args()
    if not asked.home:
        print(f"Name the checkout of {asked.trainer} with --home; nothing was done.")
        return 1
    module, name = TRAINERS[asked.trainer]
    try:
        real: Real = getattr(importlib.import_module(f"benchmarks.real.{module}"), name)()
    except ModuleNotFoundError as error:
        print(f"There is no walk for {asked.trainer} yet ({error}); nothing was done.")
        return 1
    home = Path(asked.home).expanduser().resolve()
    # Not resolved: a link in bin/ is what makes it that of a virtual environment.
    python = Path(asked.python or home / "venv" / "bin" / "python").expanduser().absolute()
    if not python.is_file():
        print(f"There is no {python}; name the Python of {asked.trainer} with --python.")
        return 1
    if why := real.missing(home, python):
        print(f"{why} Nothing was done.")
        return 1
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(asked.folder or temporary).expanduser().resolve()
        folder.mkdir(parents=True, exist_ok=True)
        return _walk(folder, real, home, python, asked.skip_faults)


def _walk(folder: Path, real: Real, home: Path, python: Path, skip: bool) -> int:
    held, began = Held(), time.monotonic()
    try:
        with held.step("a model of random weights"):
            (folder / "model").mkdir(exist_ok=True)
            made = real.make(folder / "model", home, python)
        studio = Studio(folder, made.environment)
        walk.gates(studio, real, made, held, home, python)
        done = walk.run(studio, real, held)
        walk.results(studio, real, held, done)
        if not skip:
            faults.all_of(studio, real, made, held)
    except NotHeldError:
        print("The walk ended there: what comes after it needs it.")
    took = time.monotonic() - began
    print(f"{real.name}: {len(held.failed)} things did not hold, {took:.0f} s in all")
    return 1 if held.failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
