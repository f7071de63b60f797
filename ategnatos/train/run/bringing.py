"""Bring what a trainer saved from its machine: whole, and compared by hash before it counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.files import sha256_file
from ategnatos.machines import MACHINE_COPY, MACHINE_TIMEOUT, MACHINE_UNREACHABLE
from ategnatos.train.run.place import RUN_MACHINE

if TYPE_CHECKING:
    from ategnatos.train.run.place import Place

# What is new in the output since the stamp, with its hash; without what trainers keep for
# themselves (caches, TensorBoard). The next stamp is set before anything is read.
_LIST = """
cd -- "$1" 2>/dev/null || exit 0
: >"$2.next"
newer=
[ -e "$2" ] && newer=1
find . -type f ! -path './logs/*' ! -path './cache/*' ! -name '*.part' ${newer:+-newer "$2"} |
    sort | while IFS= read -r one; do
    sum=sha256sum
    command -v $sum >/dev/null 2>&1 || sum="shasum -a 256"
    $sum "$one"
done
"""
_STAMP = "brought"
# What may be otherwise at the next look. The trainer goes on meanwhile, and must not be given up.
_PASSING = (MACHINE_COPY, MACHINE_TIMEOUT, MACHINE_UNREACHABLE, RUN_MACHINE)


def bring(place: Place, output: str, *, over: bool) -> bool:
    """Bring the output of a run; True where what lies here now is what lies there.

    While the trainer runs a file may change under the copy: then False, to be tried again. With
    ``over`` it is tried until it is so, some times. Raises StudioError (``machine_copy``,
    ``machine_timeout``, ``machine_unreachable``, ``run_machine``) once it is over; before, each of
    them is a False.
    """
    far, stamp = str(place.there / output), str(place.there / _STAMP)
    for _ in range(5 if over else 1):
        try:
            before = place.ask(["sh", "-c", _LIST, "sh", far, stamp])
            if not before.strip():
                return True
            place.machine.pull(far, place.here / output)
            if _same(place, output, before):
                place.ask(["mv", "-f", "--", f"{stamp}.next", stamp])
                return True
        except StudioError as error:
            if over or error.code not in _PASSING:
                raise
    return False


def _same(place: Place, output: str, listed: str) -> bool:
    for line in listed.splitlines():
        digest, _, name = line.partition("  ")
        path = place.here / output / name
        if not path.is_file() or sha256_file(path) != digest:
            return False
    return True
