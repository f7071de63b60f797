"""From acts to tastes: the same for the same set of acts, in whatever order they came.

So two people's eyes merge by putting their acts together: it does not matter who imports whom,
and importing twice is importing once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ategnatos.eye.acts import (
    ADD,
    CONFIRM,
    CONTRADICT,
    MERGE,
    RETIRE,
    STANCE,
    Act,
    Identity,
    Proof,
    folded,
)

ACTIVE, RETIRED, MERGED = "active", "retired", "merged"


@dataclass(slots=True)
class Taste:
    """One preference as its acts make it. ``words`` None: they are to be found in the text."""

    key: str
    identity: Identity
    acts: list[Act] = field(default_factory=list)
    words: tuple[str, ...] | None = None
    retired: bool = False
    merged_into: str = ""

    @property
    def standing(self) -> str:
        """Whether it counts: active, retired, or merged into another."""
        return MERGED if self.merged_into else RETIRED if self.retired else ACTIVE

    @property
    def proofs(self) -> dict[tuple[str, str], tuple[Proof, str]]:
        """Every verdict behind it, by studio and hash, with the stance of the act that named it."""
        return {
            (proof.studio, proof.sha256): (proof, STANCE[act.act])
            for act in self.acts
            for proof in act.proofs
        }

    @property
    def confirmations(self) -> int:
        """How many sessions bore it out."""
        return sum(stance == "for" for stance in self._sessions().values())

    @property
    def contradictions(self) -> int:
        """How many sessions spoke against it."""
        return sum(stance == "against" for stance in self._sessions().values())

    @property
    def approvals(self) -> int:
        """How many verdicts bear it out."""
        kinds = [p.kind for p, stance in self.proofs.values() if stance == "for"]
        return kinds.count("verdict")

    @property
    def last(self) -> str:
        """When it was last spoken for; ISO 8601."""
        times = [act.at for act in self.acts if act.act in (ADD, CONFIRM)]
        return max(times, default=self.acts[-1].at if self.acts else "")

    def _sessions(self) -> dict[tuple[str, str], str]:
        """The last word of each session. A verdict speaks where no statement does."""
        found: dict[tuple[str, str], str] = {}
        for proof, stance in self.proofs.values():
            if stance in ("for", "against"):
                found[proof.studio, proof.session] = stance
        for act in self.acts:
            if act.act in (ADD, CONFIRM, CONTRADICT):
                found[act.studio, act.session] = STANCE[act.act]
        return found


def fold(acts: Iterable[Act]) -> dict[str, Taste]:
    """Every preference by its key. An act given twice counts once."""
    distinct = {(act.studio, act.sha256): act for act in sorted(acts, key=_preferring_own)}
    ordered = _in_order(distinct.values())
    becomes = _merges(ordered)
    tastes: dict[str, Taste] = {}
    known: dict[str, Identity] = {}
    for act in ordered:
        for one in (act.identity, act.into):
            if one is not None:
                known.setdefault(one.key, one)
        key = act.identity.key
        own = tastes.setdefault(key, Taste(key, act.identity))
        if key in becomes:
            own.merged_into = root_of(key, becomes)
            own.acts.append(act)
    for act in ordered:
        root = root_of(act.identity.key, becomes)
        _take(tastes.setdefault(root, Taste(root, known[root])), act)
    return tastes


def root_of(key: str, becomes: Mapping[str, str]) -> str:
    """Where a preference has gone by merging; itself where nowhere."""
    while key in becomes:
        key = becomes[key]
    return key


def _in_order(acts: Iterable[Act]) -> list[Act]:
    """By time across studios; within one studio by its journal, whatever its clock did."""
    latest: dict[str, str] = {}
    placed = []
    for act in sorted(acts, key=lambda act: (len(act.event), act.event, act.sha256)):
        latest[act.studio] = max(act.at, latest.get(act.studio, ""))
        placed.append(
            ((latest[act.studio], act.studio, len(act.event), act.event, act.sha256), act)
        )
    return [act for _, act in sorted(placed, key=lambda one: one[0])]


def _preferring_own(act: Act) -> bool:
    # One that came back from somebody else is still our own: the copy without ``via`` stays.
    return not act.via


def _merges(ordered: list[Act]) -> dict[str, str]:
    becomes: dict[str, str] = {}
    for act in ordered:
        if act.act != MERGE or act.into is None:
            continue
        into = act.into.key
        # Two studios may have merged the same two the other way round: the first stands.
        if act.identity.key not in becomes and root_of(into, becomes) != act.identity.key:
            becomes[act.identity.key] = into
    return becomes


def _take(taste: Taste, act: Act) -> None:
    taste.acts.append(act)
    # A merge brings evidence and no words: those of what it goes into stay.
    if act.words is not None and act.identity.key == taste.key:
        taste.words = act.words
    if act.act in (ADD, CONFIRM):
        taste.retired = False
    elif act.act == RETIRE:
        taste.retired = True


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two preferences that cannot both be followed, and which of them counts."""

    one: str
    other: str
    about: str
    outcome: str


def conflicts(tastes: Iterable[tuple[str, Identity, tuple[str, ...]]]) -> list[Conflict]:
    """Pairs that want and refuse the same thing: (id, identity, its words), in the same scope."""
    found: list[Conflict] = []
    rows = list(tastes)
    for place, (one, first, these) in enumerate(rows):
        for other, second, those in rows[place + 1 :]:
            if (first.polarity == "prefer") == (second.polarity == "prefer"):
                continue
            if not _meet(first.scope, second.scope):
                continue
            shared = {folded(word) for word in these} & {folded(word) for word in those}
            for about in sorted(shared):
                outcome = "neither is followed"
                if "never" in (first.polarity, second.polarity):
                    outcome = "the NEVER counts"
                found.append(Conflict(one, other, about, outcome))
    return found


def _meet(one: str, other: str) -> bool:
    if "all" in (one, other) or one.casefold() == other.casefold():
        return True
    # A project and a family may well apply at once; two of one kind may not.
    return one.partition(":")[0] != other.partition(":")[0]
