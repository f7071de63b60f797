"""Which flags ComfyUI is started with, by the memory of the GPU, and why each."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.studio.comfyui import facts

if TYPE_CHECKING:
    from ategnatos.studio.gpu import Found

FLAG_REFUSED = ErrorCode("flag_refused", "A launch flag that is not allowed, or not known.")


@dataclass(frozen=True, slots=True)
class Plan:
    """``tier`` in words; ``flags`` in order; ``seconds`` one picture takes, in words."""

    tier: str
    flags: tuple[facts.Flag, ...]
    seconds: str

    @property
    def words(self) -> list[str]:
        """The flags as program arguments."""
        return [word for flag in self.flags for word in flag.words]


def plan(
    found: Found,
    *,
    port: int,
    extra: Sequence[str] = (),
    without: Sequence[str] = (),
    apple: bool | None = None,
) -> Plan:
    """The flags for this machine.

    ``extra`` are flags of the user's own (``--fast``, ``--lowvram``, ``--reserve-vram=2``); they
    replace ours of the same group. ``without`` leaves flags of ours out. Raises StudioError
    (``flag_refused``): a flag that would open the server, or one to leave out that is not ours.
    """
    known = facts.launch()
    is_apple = platform.system() == "Darwin" if apple is None else apple
    name, own, seconds = _tier(found, is_apple)
    theirs = [_checked(text) for text in extra]
    taken = {flag.group for flag in theirs if flag.group}
    ours = [*known.always, *own]
    _check_without(without, ours)
    kept = [f for f in ours if f.group not in taken and f.flag not in without]
    at = facts.Flag(flag="--port", value=str(port), group="address", why="Where it answers.")
    return Plan(name, (kept[0], at, *kept[1:], *theirs), seconds)


def _tier(found: Found, is_apple: bool) -> tuple[str, list[facts.Flag], str]:
    known = facts.launch()
    if is_apple and found.gpus:
        return "Apple Silicon", known.apple, "20 to 60 seconds"
    memory = max((gpu.memory_mib for gpu in found.gpus), default=0)
    if not found.gpus:
        none = known.tiers[0]
        return none.name, none.flags, none.seconds
    for tier in known.tiers[1:]:
        if tier.below_mib is None or memory < tier.below_mib:
            return tier.name, tier.flags, tier.seconds
    raise AssertionError("the last tier has no upper end")


def _checked(text: str) -> facts.Flag:
    known = facts.launch()
    flag, equals, value = text.partition("=")
    # argparse takes an unambiguous beginning for the whole: --enable-cors is --enable-cors-header.
    never = next((n for n in known.never if len(flag) > 2 and n.flag.startswith(flag)), None)
    if never is not None:
        raise StudioError(
            FLAG_REFUSED,
            f"ComfyUI was not started: {never.flag} is not taken, because {never.why}.",
            hint="Leave it out. From another machine, use an ssh tunnel: ssh -N -L"
            " 8188:127.0.0.1:8188 THIS-MACHINE",
            flag=flag,
        )
    if not flag.startswith("--") or len(flag) < 3:
        raise StudioError(
            FLAG_REFUSED,
            f"ComfyUI was not started: {text!r} is no flag.",
            hint="Write flags in full, with = before a value: --with --reserve-vram=2",
            flag=text,
        )
    group = next((name for name, members in known.groups.items() if flag in members), "")
    return facts.Flag(
        flag=flag, value=value if equals else "", group=group, why="You asked for it."
    )


def _check_without(without: Sequence[str], ours: Sequence[facts.Flag]) -> None:
    for flag in without:
        one = next((f for f in ours if f.flag == flag), None)
        if one is None or one.group == "address":
            leavable = ", ".join(f.flag for f in ours if f.group != "address")
            raise StudioError(
                FLAG_REFUSED,
                f"ComfyUI was not started: {flag!r} cannot be left out.",
                hint=f"These can be: {leavable}.",
                flag=flag,
            )
