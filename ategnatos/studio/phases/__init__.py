"""What a rented machine goes through: a script a phase, which may be run again at any time.

``setup`` installs what every work needs, ``data`` checks what was brought, ``comfyui`` has a
server answer on the machine's own loopback. ``train`` is whatever script its user gives.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.machines.ssh import phases

if TYPE_CHECKING:
    from ategnatos.machines import MachineFacts
    from ategnatos.machines.ssh.link import Link
    from ategnatos.machines.ssh.phases import Phase

NO_PHASE_SCRIPT = ErrorCode("no_phase_script", "Nothing says what the phase is to do.")

OURS = ("setup", "data", "comfyui")
COMFYUI_PORT = 8188
# On the machine, from its home folder.
DATA = "ategnatos/data"


def script(name: str, facts: Callable[[], MachineFacts] | None = None) -> str:
    """Our own script of a phase; ``facts`` is asked where it depends on the machine.

    Raises StudioError (``no_phase_script``, ``no_build`` where no PyTorch runs on its card).
    """
    if name not in OURS:
        raise StudioError(
            NO_PHASE_SCRIPT,
            f"There is no script of our own for the phase {name}; nothing was started.",
            hint="Give one that may be run again: --script FILE. A training of this studio starts"
            " with 'ategnatos train launch'.",
            phase=name,
        )
    body = resources.files(__package__).joinpath(f"{name}.sh").read_text(encoding="utf-8")
    if name != "comfyui":
        return body
    card = None if facts is None else next(iter(facts().gpus), None)
    if card is None:
        return _comfyui(body, _torch("", 0.0, ""))
    return _comfyui(body, _torch(card.name, card.memory_mib / 1024, card.driver))


def comfyui_for(gpu: str) -> str:
    """The script of ``comfyui`` for a machine that is not there yet, by the name of its GPU."""
    body = resources.files(__package__).joinpath("comfyui.sh").read_text(encoding="utf-8")
    return _comfyui(body, _torch(gpu, None, ""))


def _comfyui(body: str, torch: str) -> str:
    return f"TORCH={shlex.quote(torch)}\nPORT={COMFYUI_PORT}\n{body}"


def _torch(name: str, memory_gb: float | None, driver: str) -> str:
    """Where PyTorch for that card under that driver comes from."""
    from ategnatos.knowledge import cuda, gpus

    table = cuda.matrix()
    known = gpus.known(name, memory_gb)
    if known is not None and driver:
        return table.index(cuda.choose(known, driver))
    # Nobody knows the driver yet: CUDA 12 runs under older ones than 13 does.
    fitting = table.fitting(known) if known is not None else []
    older = [one for one in fitting or table.builds if one.cuda.startswith("12.")]
    return table.index(max(older or fitting, key=lambda one: cuda.version(one.torch)))


def bring(link: Link, folder: Path, push: Callable[[Path, str], None]) -> str:
    """Bring a folder to the machine's data, and the sums by which the phase ``data`` checks it.

    Returns its name there. ``push`` is the machine's. Raises StudioError (``machine_copy``).
    """
    import tempfile

    name = folder.resolve().name
    push(folder, f"{DATA}/{name}")
    with tempfile.TemporaryDirectory() as place:
        sums = Path(place) / name
        sums.write_bytes(b"".join(_sums(folder, name)))
        push(sums, f"{DATA}/.sums/{name}")
    return name


def _sums(folder: Path, name: str) -> list[bytes]:
    """Lines for ``sha256sum --check``, its escapes for odd names included (coreutils manual)."""
    lines = []
    for above, _, files in os.walk(folder):
        for one in sorted(files):
            path = Path(above) / one
            if path.is_symlink() or not path.is_file():
                continue
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            shown = os.fsencode(f"{name}/{path.relative_to(folder).as_posix()}")
            plain = shown.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
            mark = b"\\" if plain != shown else b""
            lines.append(mark + digest.encode() + b"  " + plain + b"\n")
    return sorted(lines)


def carry_out(
    link: Link,
    name: str,
    text: str,
    *,
    again: bool = False,
    say: Callable[[str], None] = lambda line: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Phase:
    """Start the phase unless it runs or is done, and see it to its end; what it prints is said.

    Raises StudioError (``phase_failed``, ``machine_unreachable``: it goes on there by itself).
    """
    last = phases.start(link, name, text, again=again)
    if last.state == "done":
        return last
    rest = b""
    for piece, now in phases.follow(link, name, offset=last.logged, sleep=sleep):
        last = now
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            say(line.decode("utf-8", "replace"))
    if last.state != "done":
        raise phases.failure(last, link.address.alias)
    return last
