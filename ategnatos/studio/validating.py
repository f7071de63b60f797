"""Is a rented machine what it was rented for? Looked at from inside, over ssh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import StudioError
from ategnatos.machines.ssh.machine import SshMachine

if TYPE_CHECKING:
    from ategnatos.machines import MachineFacts, MachineGpu
    from ategnatos.machines.ssh.link import Link

# What a training or a ComfyUI needs from the network; a HEAD request, no download.
_REACHED = "https://pypi.org/simple/pip/"
_NEEDED = ("python3", "flock")
# Which PyTorch is there, by its package's own words: to import it would take half a minute.
_TORCH = "import importlib.metadata as m; print(m.version('torch'))"


@dataclass(frozen=True, slots=True)
class Checked:
    """One thing that was looked at, and what was found."""

    what: str
    ok: bool
    found: str

    def facts(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {"what": self.what, "ok": self.ok, "found": self.found}


@dataclass(frozen=True, slots=True)
class Look:
    """What the machine is, and the checks in the order of the page."""

    facts: MachineFacts
    checks: tuple[Checked, ...]


def look(
    link: Link, name: str, *, gpu: str | None = None, vram_gb: float = 0.0, disk_gb: float = 0.0
) -> Look:
    """Look at the machine. Raises StudioError (``machine_unreachable``)."""
    facts = SshMachine(name, link).facts()
    checks = [Checked("ssh", True, f"{facts.host}, {facts.system}"), *_gpus(facts, gpu, vram_gb)]
    if facts.gpus:
        installed = link.shell(f'python3 -c "{_TORCH}" 2>/dev/null || true', seconds=60)
        checks += _builds(facts.gpus, installed.text.strip())
    free = facts.disk_free / 1e9
    checks.append(Checked("disk", free >= disk_gb, f"{free:.1f} GB free, {disk_gb:g} wanted"))
    checks.append(Checked("Python", bool(facts.python), facts.python or "none"))
    missing = [one for one in _NEEDED if one not in facts.programs]
    said = f"missing: {', '.join(missing)}" if missing else "all there"
    if "rsync" not in facts.programs:
        said += "; no rsync, so a copy that is cut begins its file anew"
    checks.append(Checked("programs", not missing, said))
    asked = link.shell(
        f"if command -v curl >/dev/null; then curl -fsSI -m 15 -o /dev/null {_REACHED};"
        f" else python3 -c 'import urllib.request as u; u.urlopen(\"{_REACHED}\", timeout=15)'; fi",
        seconds=60,
    )
    lines = asked.complaint.strip().splitlines() or ["no answer"]
    reached = asked.status == 0
    checks.append(Checked("network", reached, "pypi.org answers" if reached else lines[-1][:200]))
    return Look(facts, tuple(checks))


def _gpus(facts: MachineFacts, gpu: str | None, vram_gb: float) -> list[Checked]:
    if not facts.gpus:
        return [Checked("GPU", False, facts.problem or "none")]
    names = ", ".join(one.name for one in facts.gpus)
    least = min(one.memory_mib for one in facts.gpus) / 1024
    first = facts.gpus[0]
    right = gpu is None or all(gpu.lower() in one.name.lower() for one in facts.gpus)
    cuda = f"CUDA up to {first.cuda}" if first.cuda else "it does not say which CUDA"
    return [
        Checked("GPU", right, names + ("" if right else f", {gpu} wanted")),
        # A 24 GB card says 24564 MiB: what is sold as a GB is a little less than one.
        Checked("VRAM", least >= vram_gb * 0.97, f"{least:.1f} GB, {vram_gb:g} wanted"),
        Checked("driver", bool(first.driver and first.cuda), f"{first.driver or 'none'}, {cuda}"),
    ]


def _builds(cards: tuple[MachineGpu, ...], installed: str) -> list[Checked]:
    """The driver against the matrix, and the PyTorch that is there (its version, or "")."""
    from ategnatos.knowledge import cuda, gpus

    table = cuda.matrix()
    found: dict[str, Checked] = {}
    for card in cards:
        known = gpus.known(card.name, card.memory_mib / 1024)
        if known is None:
            said = f"{card.name} is not in the table of GPUs, so nobody knows which build fits"
            found[f"CUDA {card.name}"] = Checked("CUDA", True, said)
            continue
        try:
            build = cuda.choose(known, card.driver)
        except StudioError as error:
            found[f"CUDA {card.name}"] = Checked("CUDA", False, error.message)
            continue
        said = f"PyTorch {build.torch} for CUDA {build.cuda} runs on it: {table.command(build)}"
        found[f"CUDA {card.name}"] = Checked("CUDA", True, said)
        there = table.installed(installed)
        if there is not None:
            why = table.refuses(there, known, card.driver)
            said = why or f"{installed} is there, and runs on {card.name}"
            found[f"PyTorch {card.name}"] = Checked("PyTorch", not why, said)
    return list(found.values())
